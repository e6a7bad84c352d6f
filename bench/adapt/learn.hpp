/// From the traces of a mode to its policies.
#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../lessons.hpp"
#include "design.hpp"
#include "further.hpp"
#include "learned.hpp"
#include "members.hpp"

namespace adapt {

/// The budgets of the curve.
inline std::vector<double> curve_budgets(double asked) {
  std::vector<double> all = {0.0, 0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05};
  if (std::find(all.begin(), all.end(), asked) == all.end()) all.push_back(asked);
  std::sort(all.begin(), all.end());
  return all;
}

/// A policy learned on `lessons`, for the mode's calibration part.
inline Learned learned_on(const weir::Trace& lessons, const LearnedMode& m, weir::TrainOptions train,
                          const weir::Budget& budget, const std::string& name, const Options& o) {
  ProgressLine progress("learning " + m.name + ", " + name);
  train.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
  const weir::PolicyTrainer trainer(lessons, m.spec->topology, train);
  auto path = trainer.train_path(o.quick && !trainer.one_parameter() ? 8 : 24);
  return {budget.value, weir::choose(trainer, path, m.calibration, budget, further_limits(o, m.calibration)), name};
}

/// Policies for the same limit that stand beside the mode's own: one on the other loss, learned in the same way, and
/// the reduction of Bolukbasi et al. (ICML 2017) on the asked one, gates fitted by logistic regression again for each
/// price.
inline std::vector<Learned> learned_beside(const LearnedMode& m, const weir::TrainOptions& train, const Options& o,
                                           const weir::Loss& loss) {
  weir::Budget budget = asked_budget(o);
  weir::TrainOptions paper = train;
  paper.fit = nullptr;
  paper.learner = "logistic";
  std::vector<Learned> all{
      learned_on(m.lessons, m, paper, budget, "the paper's reduction (logistic), " + o.budget + " loss", o)};
  budget.on = o.budget == "net" ? weir::BudgetOn::excess : weir::BudgetOn::difference;
  if (m.certified && budget.on == weir::BudgetOn::difference &&
      m.calibration.size() < weir::bounds::least_paired_examples(budget.value, 1 - budget.confidence))
    return all;
  weir::TrainOptions other = train;
  other.side = loss_side(budget.on);
  const weir::Trace lessons = program::lessons(m.policy, loss, o.learn_from, other.side).trace;
  const std::string name = o.budget == "net" ? "excess" : "net";
  all.push_back(learned_on(lessons, m, other, budget, "learned, budget on the " + name + " loss", o));
  return all;
}

/// One path of policies for the asked budget and for those of the curve.
struct LearnedPath {
  Learned asked;
  std::vector<Learned> curve;
  bool has_rules = false;  ///< among them
};

inline LearnedPath learn_path(const LearnedMode& m, weir::TrainOptions train, const Options& o) {
  ProgressLine progress("learning " + m.name);
  train.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
  const weir::PolicyTrainer trainer(m.lessons, m.spec->topology, train);
  auto path = learned_path(trainer, o.quick ? 10 : 40, o);
  LearnedPath made{
      {o.max_loss, weir::choose(trainer, path, m.calibration, asked_budget(o), further_limits(o, m.calibration))},
      {},
      offers_rules(trainer, o)};
  weir::Budget budget = asked_budget(o);
  budget.margin = weir::Margin::none;
  budget.refinements = 4;
  for (const double b : curve_budgets(o.max_loss)) {
    budget.value = b;
    made.curve.push_back({b, weir::choose(trainer, path, m.calibration, budget)});
  }
  return made;
}

/// Rules, and why others were left out.
struct RulesTuned {
  std::vector<weir::TunedRule> rules{};
  std::vector<std::string> left_out{};
};

/// Every rule for the asked budget. Rules keep a budget and nothing else: beside policies that keep further limits,
/// too, they would look better than they are, so none is run there.
inline RulesTuned tune_rules(const weir::Trace& policy, const weir::Trace& calibration, const weir::Topology& topology,
                             const Options& o, const weir::Loss& loss) {
  RulesTuned made;
  const std::vector<std::string> rules = rules_of(o);
  if (rules.empty()) return made;
  if (has_further(o)) {
    made.left_out.emplace_back(
        "rules left out: they are tuned for the budget alone and would not keep --also and "
        "--given-exit; run without these options to compare them");
    return made;
  }
  // Rules that read the same groups of features are tuned together, on traces that have no others.
  std::map<std::vector<std::string>, std::vector<std::string>> by_groups;
  for (const std::string& rule : rules) by_groups[weir::find_rule(rule).groups].push_back(rule);
  for (const auto& [groups, names] : by_groups) {
    const weir::Trace seen_policy = weir::detail::keep_groups(policy, groups),
                      seen_calibration = weir::detail::keep_groups(calibration, groups);
    for (weir::TunedRule& rule : weir::tuned_rules(
             {topology, seen_policy, seen_calibration, asked_budget(o), loss},
             [&](std::string_view name, const std::string&reason) {
               made.left_out.push_back("rule " + std::string(name) + " left out: " + reason);
             },
             names))
      made.rules.push_back(std::move(rule));
  }
  return made;
}

/// Learns on the lessons of a design, chooses on the calibration part: the asked budget, the curve, and every rule for
/// the same budget.
inline LearnedMode learn(Design d, weir::Trace calibration, const Options& o, const weir::Loss& loss) {
  check_guarantee(o, calibration.size());  // load_data() has looked already; nothing is learned without it
  calibration = at_prices(std::move(calibration), d.mode.prices);
  LearnedMode m{std::move(d.mode),      std::move(calibration), std::move(d.learner), std::move(d.tried),
                std::move(d.decisions), std::move(d.repriced),  o.confidence > 0};
  LearnedPath path = learn_path(m, d.train, o);
  if (path.has_rules) m.learner += "; rules";
  m.learned = std::move(path.asked);
  m.curve = std::move(path.curve);
  m.members = weigh_members(m, o);
  m.beside = learned_beside(m, d.train, o, loss);
  m.plain = m.spec->feature_options.groups.size() == 1 ? m.spec : with_features(*m.spec, {});
  RulesTuned tuned = tune_rules(m.policy, m.calibration, m.spec->topology, o, loss);
  m.rules = std::move(tuned.rules);
  m.left_out = std::move(tuned.left_out);
  return m;
}

}  // namespace adapt
