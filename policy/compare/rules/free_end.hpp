/// Where the chain of stages that a rule walks ends: at the full network, or at a cheaper stage before it.
#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>
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

/// Index of the walk on which a rule keeps the budget best (no margin) on the trace that it is fitted to; the first of
/// equals, and the first where it keeps the budget on none. on_training(walk, budget) -> what it does there, nullopt
/// where it keeps the budget with no parameter.
template <class OnTraining>
std::size_t best_walk(const std::vector<Walk>& walks, Budget budget, const OnTraining& on_training) {
  budget.margin = Margin::none;
  std::size_t best = 0;
  std::optional<Estimate> least;
  for (std::size_t w = 0; w < walks.size(); ++w) {
    const std::optional<Estimate> now = on_training(walks[w], budget);
    if (!now || (least && !better(*now, *least, budget))) continue;
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
std::optional<TunedRule> tune_free_end(const Walk& walk, const Budget& budget, const OnTraining& on_training,
                                       const Tune& tune) {
  const std::vector<Walk> walks = with_free_end(walk);
  return tune_along(walks[best_walk(walks, budget, on_training)], walk, budget, tune);
}

}  // namespace weir::detail
