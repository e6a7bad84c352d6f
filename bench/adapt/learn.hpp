/// From a mode's traces to its policies.
#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/compare/rules/path_points.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/features/list.hpp>
#include <weir/policy/learn/batch_prices.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/decision_cost.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/learn/tune_groups.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../lessons.hpp"
#include "features.hpp"
#include "further.hpp"
#include "in_use.hpp"
#include "members.hpp"

namespace adapt {

/// The budgets of the curve.
inline std::vector<double> curve_budgets(double asked) {
  std::vector<double> all = {0.0, 0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05};
  if (std::find(all.begin(), all.end(), asked) == all.end()) all.push_back(asked);
  std::sort(all.begin(), all.end());
  return all;
}

/// Says what gates learn from: m.lessons, of m.policy.
inline void take_lessons(Mode& m, const Options& o, const weir::Loss& loss) {
  program::Lessons lessons = program::lessons(m.policy, loss, o.learn_from, loss_side(budget_on(o.budget)));
  m.lessons = std::move(lessons.trace);
  m.learned_from = std::move(lessons.from);
}

/// Leaves nothing but these groups of features in a mode, in what its cascade computes and in what that costs.
inline void use_groups(Mode& m, const std::vector<std::string>& groups) {
  if (groups == m.spec->feature_options.groups) return;
  m.spec = with_features(*m.spec, groups);
  m.policy = weir::detail::keep_groups(m.policy, groups);
  m.lessons = weir::detail::keep_groups(m.lessons, groups);
  m.calibration = weir::detail::keep_groups(m.calibration, groups);
  m.model = weir::detail::keep_groups(std::move(m.model), groups);
  m.set_prices({m.model.expected(m.batch, m.prices.share), m.prices.share, m.prices.rounds, m.prices.settled});
}

/// Policies for the same limit that stand beside the mode's own: one on the other loss, learned in the same way, and
/// the reduction of Bolukbasi et al. (ICML 2017) on the asked one, gates fitted by logistic regression again for each
/// price.
inline void learn_beside(Mode& m, const Options& o, const weir::Loss& loss, const weir::TrainOptions& train,
                         weir::Budget budget) {
  const weir::FurtherLimits further = further_limits(o, m.calibration);
  const auto add = [&](const std::string& name, const weir::Trace& lessons, const weir::TrainOptions& options) {
    ProgressLine progress("learning " + m.name + ", " + name);
    weir::TrainOptions own = options;
    own.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
    const weir::PolicyTrainer trainer(lessons, m.spec->topology, own);
    auto path = trainer.train_path(o.quick && !trainer.one_parameter() ? 8 : 24);
    m.beside.push_back({budget.value, weir::choose(trainer, path, m.calibration, budget, further), name});
  };
  weir::TrainOptions paper = train;
  paper.fit = nullptr;
  paper.learner = "logistic";
  add("the paper's reduction (logistic), " + o.budget + " loss", m.lessons, paper);
  budget.on = o.budget == "net" ? weir::BudgetOn::excess : weir::BudgetOn::difference;
  if (m.certified && budget.on == weir::BudgetOn::difference &&
      m.calibration.size() < weir::bounds::least_paired_examples(budget.value, 1 - budget.confidence))
    return;
  weir::TrainOptions other = train;
  other.side = loss_side(budget.on);
  const std::string name = o.budget == "net" ? "excess" : "net";
  add("learned, budget on the " + name + " loss", program::lessons(m.policy, loss, o.learn_from, other.side).trace,
      other);
}

/// Every rule for the same budget, into m.rules. Rules keep a budget and nothing else: beside policies that keep
/// further limits, too, they would look better than they are, so none is run there, and m.left_out says why.
inline void tune_rules(Mode& m, const weir::Topology& topology, const Options& o, const weir::Loss& loss,
                       const weir::Budget& budget) {
  if (has_further(o)) {
    m.left_out.emplace_back(
        "rules left out: they are tuned for the budget alone and would not keep --also and "
        "--given-exit; run without these options to compare them");
    return;
  }
  const weir::Trace policy = weir::detail::keep_groups(m.policy, {}),
                    calibration = weir::detail::keep_groups(m.calibration, {});
  m.rules = weir::tuned_rules({topology, policy, calibration, budget, loss},
                              [&](std::string_view rule, const std::string& reason) {
                                m.left_out.push_back("rule " + std::string(rule) + " left out: " + reason);
                              });
}

/// Learns on m.lessons, chooses on m.calibration: the asked budget, the curve, and every rule for the same budget. In
/// batches, learner and groups of features are chosen at prices that have settled for all groups, and what is chosen
/// has its prices settled again.
inline void learn(Mode& m, const Options& o, const weir::Loss& loss, const Data& data, Models& models) {
  ProgressLine progress("learning " + m.name);
  weir::TrainOptions train;
  train.seed = o.seed;
  train.side = loss_side(budget_on(o.budget));
  const bool automatic = o.learner == "auto";
  train = weir::detail::with_learner(train, automatic ? std::string(weir::detail::predicted_loss) : o.learner);
  m.learner = train.learner;
  const std::size_t folds = o.quick ? 1 : o.folds;
  const weir::detail::CrossValidation validation{
      .folds = o.folds, .lambdas = 8, .seed = o.seed, .threads = all_cores(o).threads()};
  weir::Budget in_the_mean;
  in_the_mean.on = budget_on(o.budget);
  in_the_mean.value = o.max_loss;
  weir::Budget budget;
  budget.on = budget_on(o.budget);
  budget.value = o.max_loss;
  budget.seed = o.seed;
  check_guarantee(o, m.calibration.size());  // load_data() has looked already; nothing is learned without it
  m.certified = o.confidence > 0;
  if (m.certified) {
    budget.margin = weir::Margin::upper_limit;
    budget.confidence = o.confidence;
  }
  const auto settle = [&] {
    weir::TrainOptions pricing = train;
    pricing.folds = folds;
    m.set_prices(weir::detail::settle_prices(m.lessons, m.spec->topology, m.model, pricing, budget, {.batch = m.batch},
                                             m.prices.share));
  };
  settle();
  if (automatic && !o.quick) {
    const auto candidates = weir::detail::default_candidates(train);
    ProgressLine tuning("choosing how to learn " + m.name);
    const auto best = weir::detail::tune(
                          chooses_features(o) ? weir::detail::keep_groups(m.lessons, {}) : m.lessons, m.spec->topology,
                          candidates, in_the_mean, validation,
                          [&](std::size_t done, std::size_t total) { tuning(done, total); }, o.costs.kind == "seconds")
                          .best;
    train = candidates[best].train;
    m.learner = candidates[best].name;
    settle();
  }
  if (!o.quick && chooses_features(o) && m.spec->feature_options.groups.size() > 1) {
    ProgressLine tuning("choosing the features of " + m.name);
    const auto found = weir::detail::tune_groups(
        m.lessons, m.spec->topology, train, weir::detail::feature_groups_of(m.lessons), in_the_mean, validation, 0.01,
        [&](std::size_t done, std::size_t total) { tuning(done, total); });
    m.tried = found.tried;
    use_groups(m, found.best.groups);
    settle();
  }
  if (o.costs.kind == "seconds") {  // a user's table is the user's
    m.decisions = weir::detail::decision_seconds(m.policy, m.spec->topology, train);
    m.model = weir::detail::with_decisions(std::move(m.model), m.decisions);
    settle();
  }
  m.plain = m.spec->feature_options.groups.size() == 1 ? m.spec : with_features(*m.spec, {});
  for (const std::string& group : m.spec->feature_options.groups)
    if (group != weir::detail::feature_list().front().name) m.learner += "; " + group;
  train.folds = folds;
  train.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
  const auto offers_rules = [&](const weir::PolicyTrainer& t) { return automatic && !t.one_parameter(); };
  const auto learned_path = [&](const weir::PolicyTrainer& t, std::size_t prices) {
    auto path = t.train_path(prices);
    return offers_rules(t) ? weir::detail::with_rules(t, std::move(path)) : path;
  };
  if (o.costs.kind == "seconds" && m.batch == 1) {
    // A first policy, without looking at the calibration part, says how often it visits which stage.
    const weir::PolicyTrainer first(m.lessons, m.spec->topology, train);
    auto path = learned_path(first, first.one_parameter() ? 40 : 10);
    m.learned = {o.max_loss, weir::choose(first, path, m.lessons, in_the_mean)};
    const InUse found = price_in_use(m, o, data, models);
    m.repriced = in_use_text(found);
  }
  const weir::PolicyTrainer trainer(m.lessons, m.spec->topology, train);
  auto path = learned_path(trainer, o.quick && !trainer.one_parameter() ? 10 : 40);
  if (offers_rules(trainer)) m.learner += "; rules";
  m.learned = {o.max_loss, weir::choose(trainer, path, m.calibration, budget, further_limits(o, m.calibration))};
  train.progress = {};
  weigh_members(m, o);
  learn_beside(m, o, loss, train, budget);
  tune_rules(m, m.spec->topology, o, loss, budget);
  budget.margin = weir::Margin::none;
  budget.refinements = 4;
  for (const double b : curve_budgets(o.max_loss)) {
    budget.value = b;
    m.curve.push_back({b, weir::choose(trainer, path, m.calibration, budget)});
  }
}

}  // namespace adapt
