/// From the traces of a mode to its policies.
#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/choose/least_examples.hpp>
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

/// Prices of loss on a path: the same for all that are learned.
inline std::size_t prices_of_loss(const Options& o) { return o.quick ? 10 : 40; }

/// The asked budget. How often its promise fails is counted, but not where further limits are asked for: each draw
/// would have to test all of them again.
inline weir::Budget promised_budget(const Options& o) {
  weir::Budget budget = asked_budget(o);
  if (o.confidence > 0 && !has_further(o)) budget.redraws = 1000;
  return budget;
}

/// A policy learned on `lessons`, for the mode's calibration part. rules: the known ones stand on its path, too.
inline Learned learned_on(const weir::Trace& lessons, const LearnedMode& m, weir::TrainOptions train,
                          const weir::Budget& budget, const std::string& name, const Options& o, bool rules) {
  ProgressLine progress("learning " + m.name + ", " + name);
  train.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
  const weir::PolicyTrainer trainer(lessons, m.spec->topology, train);
  auto path = rules ? learned_path(trainer, prices_of_loss(o), o) : trainer.train_path(prices_of_loss(o));
  return {budget.value, weir::choose(trainer, path, m.calibration, budget, further_limits(o, m.calibration)), name,
          budget.on};
}

/// "", or why no policy is learned for this budget.
inline std::string lacks_examples(const weir::Budget& budget, std::size_t n) {
  if (budget.margin == weir::Margin::none || budget.on != weir::BudgetOn::difference) return "";
  return weir::detail::missing_paired_examples(n, budget.value, budget.confidence, "images");
}

/// Policies that stand beside the mode's own, and why others were left out.
struct BesideLearned {
  std::vector<Learned> policies{};
  std::vector<std::string> left_out{};
};

/// For the same limit, on the excess and on the net loss: what is learned in the mode's way (on the asked loss that is
/// the mode's own), and the reduction of Bolukbasi et al. (ICML 2017), gates fitted by logistic regression again for
/// each price.
inline BesideLearned learned_beside(const LearnedMode& m, const Options& o, const weir::Loss& loss) {
  BesideLearned made;
  const weir::BudgetOn asked = budget_on(o.budget);
  const weir::BudgetOn other = asked == weir::BudgetOn::excess ? weir::BudgetOn::difference : weir::BudgetOn::excess;
  for (const weir::BudgetOn on : {asked, other}) {
    const std::string name = on == weir::BudgetOn::excess ? "excess" : "net";
    weir::Budget budget = promised_budget(o);
    budget.on = on;
    if (const std::string lacks = lacks_examples(budget, m.calibration.size()); !lacks.empty()) {
      made.left_out.push_back("policies with the budget on the " + name + " loss left out: " + lacks);
      continue;
    }
    weir::TrainOptions train = m.train;
    train.side = loss_side(on);
    const weir::Trace lessons =
        on == asked ? m.lessons : program::lessons(m.policy, loss, o.learn_from, train.side).trace;
    if (on != asked)
      made.policies.push_back(
          learned_on(lessons, m, train, budget, "learned, budget on the " + name + " loss", o, true));
    train.fit = nullptr;
    train.learner = "logistic";
    made.policies.push_back(
        learned_on(lessons, m, train, budget, "the paper's reduction (logistic), " + name + " loss", o, false));
  }
  return made;
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
  auto path = learned_path(trainer, prices_of_loss(o), o);
  const weir::BudgetOn on = budget_on(o.budget);
  LearnedPath made{
      {o.max_loss, weir::choose(trainer, path, m.calibration, promised_budget(o), further_limits(o, m.calibration)), "",
       on},
      {},
      offers_rules(trainer, o)};
  weir::Budget budget = asked_budget(o);
  budget.margin = weir::Margin::none;
  budget.refinements = 4;
  for (const double b : curve_budgets(o.max_loss)) {
    budget.value = b;
    made.curve.push_back({b, weir::choose(trainer, path, m.calibration, budget), "", on});
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
                std::move(d.decisions), std::move(d.repriced),  o.confidence > 0,     std::move(d.train)};
  LearnedPath path = learn_path(m, m.train, o);
  if (path.has_rules) m.learner += "; rules";
  m.learned = std::move(path.asked);
  m.curve = std::move(path.curve);
  m.members = weigh_members(m, o);
  BesideLearned beside = learned_beside(m, o, loss);
  m.beside = std::move(beside.policies);
  m.plain = m.spec->feature_options.groups.size() == 1 ? m.spec : with_features(*m.spec, {});
  RulesTuned tuned = tune_rules(m.policy, m.calibration, m.spec->topology, o, loss);
  m.rules = std::move(tuned.rules);
  m.left_out = std::move(beside.left_out);
  m.left_out.insert(m.left_out.end(), tuned.left_out.begin(), tuned.left_out.end());
  return m;
}

}  // namespace adapt
