/// Where the chain of stages that a rule walks ends: at the full network, or at a cheaper stage before it.
#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>
#include <weir/policy/choose/guarantee.hpp>
#include <weir/policy/compare/rules/rule.hpp>

namespace weir::detail {

/// Some stages of a topology, each a successor of the one before.
using Walk = std::vector<std::size_t>;

/// All walks that a rule may take: the first two stages of `walk`, the first three, ..., all of them; the shortest
/// first, so that of equals (best_walk) the one is taken that cannot get any further. A walk of one stage is the same
/// as one of two with a threshold that all examples pass.
inline std::vector<Walk> with_free_end(const Walk& walk) {
  std::vector<Walk> all;
  for (std::size_t steps = std::min<std::size_t>(2, walk.size()); steps <= walk.size(); ++steps)
    all.emplace_back(walk.begin(), walk.begin() + static_cast<std::ptrdiff_t>(steps));
  return all;
}

/// What a walk must show on the training trace to be tuned on the calibration trace. Without a margin: a member that
/// keeps the budget. With Margin::upper_limit, where calibration takes only what it can certify: a member that keeps
/// the budget with that margin, and one so safe that calibration certifies it in 99 of 100 draws (nearly_certain_risk).
/// Without the second a rule ends at a cheap stage that loses nearly the whole budget by itself, calibration lets none
/// of its members pass, and nothing is left but the full network for all.
struct TrainingBudget {
  Budget asked;   ///< of the calibration trace
  Budget safest;  ///< what some member must keep on the training trace, without a margin

  TrainingBudget(const Budget& budget, std::size_t n_training, std::size_t n_calibration)
      : asked(budget), safest(budget) {
    safest.margin = Margin::none;
    if (budget.margin == Margin::upper_limit)
      safest.value = nearly_certain_risk(n_calibration, n_training, budget.value, 1 - budget.confidence);
  }

  /// What the best member along the walk does on the training trace; nullopt where the walk does not show enough.
  /// on_training(walk, budget) -> the member that keeps this budget best there, nullopt where none does.
  template <class OnTraining>
  std::optional<Estimate> best_on(const Walk& walk, const OnTraining& on_training) const {
    if (asked.margin == Margin::upper_limit && !on_training(walk, safest)) return std::nullopt;
    return on_training(walk, asked);
  }
};

inline TrainingBudget training_budget(const RuleData& data) {
  return {data.budget, data.training.size(), data.calibration.size()};
}

/// Index of the walk with which a rule does best on the training trace (TrainingBudget::best_on); the first of equals,
/// and the first where no walk shows enough.
template <class OnTraining>
std::size_t best_walk(const std::vector<Walk>& walks, const TrainingBudget& budget, const OnTraining& on_training) {
  std::size_t best = 0;
  std::optional<Estimate> least;
  for (std::size_t w = 0; w < walks.size(); ++w) {
    const std::optional<Estimate> now = budget.best_on(walks[w], on_training);
    if (!now || (least && !better(*now, *least, budget.asked))) continue;
    least = now;
    best = w;
  }
  return best;
}

/// Tunes a rule on the calibration trace along the walk that was chosen on the training trace. Where its safest member
/// does not keep the budget there, `whole`, which ends at the full network, is left: any member of it without a margin,
/// but with Margin::upper_limit only the full network for all, whose excess loss is 0 by definition, because tests of a
/// second family would use up the confidence once more. tune(walk, budget) -> the rule on the calibration trace.
template <class Tune>
std::optional<TunedRule> tune_along(const Walk& chosen, const Walk& whole, const Budget& budget, const Tune& tune) {
  std::optional<TunedRule> rule = tune(chosen, budget);
  if (rule || chosen == whole) return rule;
  Budget left = budget;
  if (budget.margin == Margin::upper_limit) {
    left.on = BudgetOn::excess;
    left.value = 0;
  }
  return tune(whole, left);
}

/// The rule along `walk` or the part of it, from its start on, that is best on the training trace.
template <class OnTraining, class Tune>
std::optional<TunedRule> tune_free_end(const Walk& walk, const TrainingBudget& budget, const OnTraining& on_training,
                                       const Tune& tune) {
  const std::vector<Walk> walks = with_free_end(walk);
  return tune_along(walks[best_walk(walks, budget, on_training)], walk, budget.asked, tune);
}

}  // namespace weir::detail
