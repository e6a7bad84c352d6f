/// How the gates of a mode are to learn: learner, features, prices. Chosen on the policy part, where gates learn from
/// the lessons and are judged by the labels of images that they did not see; neither calibration nor test images are
/// looked at.
#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/compare/rules/path_points.hpp>
#include <weir/policy/features/list.hpp>
#include <weir/policy/learn/batch_prices.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/decision_cost.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/learn/tune_groups.hpp>

#include "features.hpp"
#include "in_use.hpp"
#include "recorded.hpp"
#include "teaching.hpp"

namespace adapt {

struct Design {
  PricedMode mode;                                 ///< with the features that were chosen, at settled prices
  weir::TrainOptions train;                        ///< how its gates learn
  std::string learner;                             ///< that, in words
  std::vector<weir::detail::GroupsTried> tried{};  ///< where groups of features were chosen among
  std::vector<double> decisions{};                 ///< [stages] seconds of a decision, where those are measured
  std::string repriced{};                          ///< where stages were measured again in use: what that changed
};

/// Folds in which gates decide on the examples that the gates before them learn from.
inline std::size_t gate_folds(const Options& o) { return o.quick ? 1 : o.folds; }

/// The cross-validation that learners and features are chosen by.
inline weir::detail::CrossValidation design_validation(const Options& o) {
  return {.folds = o.folds, .lambdas = 8, .seed = o.seed, .threads = all_cores(o).threads()};
}

/// The mode at the prices that settle where its gates learn so: in batches, what a stage costs depends on how many
/// images get there.
inline PricedMode settled(PricedMode m, weir::TrainOptions train, const Options& o) {
  train.folds = gate_folds(o);
  weir::detail::BatchPrices at =
      weir::detail::settle_prices(m.lessons, m.spec->topology, m.prices.model, train, asked_budget(o),
                                  {.batch = m.prices.batch}, m.prices.at.share);
  Prices prices{m.prices.model, m.prices.batch, std::move(at)};
  return at_prices(std::move(m), std::move(prices));
}

/// The mode with another cost model for its stages, at the shares of images that were found before.
inline PricedMode at_model(PricedMode m, weir::CostModel model) {
  const weir::detail::BatchPrices& before = m.prices.at;
  weir::detail::BatchPrices at{model.expected(m.prices.batch, before.share), before.share, before.rounds,
                               before.settled};
  Prices prices{std::move(model), m.prices.batch, std::move(at)};
  return at_prices(std::move(m), std::move(prices));
}

/// The mode with only these groups of features, in what its cascade computes and in what that costs.
inline PricedMode with_groups(PricedMode m, const std::vector<std::string>& groups) {
  if (groups == m.spec->feature_options.groups) return m;
  m.spec = with_features(*m.spec, groups);
  m.policy = weir::detail::keep_groups(m.policy, groups);
  m.lessons = weir::detail::keep_groups(m.lessons, groups);
  weir::CostModel model = weir::detail::keep_groups(m.prices.model, groups);
  return at_model(std::move(m), std::move(model));
}

/// The way to learn that costs the system least in cross-validation.
inline weir::detail::Candidate best_learner(const PricedMode& m, const weir::TrainOptions& train, const Options& o) {
  const auto candidates = weir::detail::default_candidates(train);
  ProgressLine progress("choosing how to learn " + m.name);
  weir::Trace lessons = m.lessons, judge = judge_of(m);
  if (chooses_features(o)) {
    lessons = weir::detail::keep_groups(lessons, {});
    judge = weir::detail::keep_groups(judge, {});
  }
  const weir::detail::Tuning tuning = weir::detail::tune(
      {lessons, judge}, m.spec->topology, candidates, budget_in_the_mean(o), design_validation(o),
      [&](std::size_t done, std::size_t total) { progress(done, total); }, o.costs.kind == "seconds");
  return candidates[tuning.best];
}

/// The groups of features that lower the cost of the system, and all that were tried.
inline weir::detail::GroupTuning best_groups(const PricedMode& m, const weir::TrainOptions& train, const Options& o) {
  ProgressLine progress("choosing the features of " + m.name);
  const weir::Trace judge = judge_of(m);
  return weir::detail::tune_groups(
      {m.lessons, judge}, m.spec->topology, train, weir::detail::feature_groups_of(m.lessons), budget_in_the_mean(o),
      design_validation(o), 0.01, [&](std::size_t done, std::size_t total) { progress(done, total); });
}

/// Whether the known rules stand on the path of policies, too.
inline bool offers_rules(const weir::PolicyTrainer& trainer, const Options& o) {
  return o.learner == "auto" && !trainer.one_parameter();
}

/// A path of policies for n prices of loss, or for 40 where no gate is fitted again for each.
inline std::vector<weir::PathPoint> learned_path(const weir::PolicyTrainer& trainer, std::size_t n, const Options& o) {
  auto path = trainer.train_path(trainer.one_parameter() ? 40 : n);
  return offers_rules(trainer, o) ? weir::detail::with_rules(trainer, std::move(path)) : path;
}

/// The design with its stages priced again at the rate at which a first policy visits them.
inline Design priced_in_use(Design d, const Options& o, const Data& data, const Models& models) {
  const InUse found = [&] {
    ProgressLine progress("learning " + d.mode.name);
    weir::TrainOptions train = d.train;
    train.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
    const weir::PolicyTrainer first(d.mode.lessons, d.mode.spec->topology, train);
    auto path = learned_path(first, 10, o);
    const weir::Choice choice = weir::choose(first, path, d.mode.lessons, budget_in_the_mean(o));
    return price_in_use(d.mode, choice.policy, o, data, models);
  }();
  d.repriced = in_use_text(found);
  d.mode = at_prices(std::move(d.mode), found.prices);
  return d;
}

/// In batches, learner and groups of features are chosen at prices that have settled for all groups, and what is chosen
/// has its prices settled again.
inline Design design(PricedMode m, const Options& o, const Data& data, const Models& models) {
  const bool automatic = o.learner == "auto", in_seconds = o.costs.kind == "seconds";
  weir::TrainOptions train = automatic ? predicted_losses(o) : learning_by(o.learner, o);
  std::string learner = train.learner;
  m = settled(std::move(m), train, o);
  if (automatic && !o.quick) {
    weir::detail::Candidate best = best_learner(m, train, o);
    train = std::move(best.train);
    learner = std::move(best.name);
    m = settled(std::move(m), train, o);
  }
  std::vector<weir::detail::GroupsTried> tried;
  if (!o.quick && chooses_features(o) && m.spec->feature_options.groups.size() > 1) {
    weir::detail::GroupTuning found = best_groups(m, train, o);
    tried = std::move(found.tried);
    m = settled(with_groups(std::move(m), found.best.groups), train, o);
  }
  std::vector<double> decisions;
  if (in_seconds) {  // a user's table is the user's
    decisions = weir::detail::decision_seconds(m.policy, m.spec->topology, train);
    weir::CostModel model = weir::detail::with_decisions(m.prices.model, decisions);
    m = settled(at_model(std::move(m), std::move(model)), train, o);
  }
  for (const std::string& group : m.spec->feature_options.groups)
    if (group != weir::detail::feature_list().front().name) learner += "; " + group;
  train.folds = gate_folds(o);
  Design d{std::move(m), std::move(train), std::move(learner), std::move(tried), std::move(decisions)};
  return in_seconds && d.mode.prices.batch == 1 ? priced_in_use(std::move(d), o, data, models) : d;
}

/// "features of selection, by cross-validation: confidence 231 us, confidence + energy 229.4 us, ...".
inline std::string tried_line(const std::string& mode, const std::vector<weir::detail::GroupsTried>& tried,
                              const std::string& unit) {
  std::string text;
  for (const weir::detail::GroupsTried& t : tried) {
    text += text.empty() ? "features of " + mode + ", by cross-validation: " : ", ";
    for (std::size_t g = 0; g < t.groups.size(); ++g) text += (g == 0 ? "" : " + ") + t.groups[g];
    text += " " + weir::detail::format_cost(t.cost, unit);
  }
  return text;
}

}  // namespace adapt
