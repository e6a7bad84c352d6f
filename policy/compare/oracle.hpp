/// Oracles: what a policy that knew each example's losses would reach. Bounds, not baselines.
#pragma once
#include <weir/core/compile.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learn/objective.hpp>

namespace weir {

/// Each example takes its own cheapest way: min over ways of T + lambda R, by the backward recursion with the best
/// action at each stage; exits early among equals. No policy on this topology has a lower Lagrangian cost.
Evaluation lagrangian_oracle(const Topology& topology, const Trace& trace, double lambda,
                             detail::LossSide side = detail::LossSide::excess);

/// Each example exits at the cheapest stage whose loss is at most the full network's: the fastest without any excess.
Evaluation zero_excess_oracle(const Topology& topology, const Trace& trace);

/// The best that any exits can do within a budget on the mean.
struct BudgetOracle {
  detail::TradeoffPoint value;  ///< mean cost and mean charged loss of the linear program's optimum
  Evaluation evaluation;        ///< the same without its one divided example, which keeps its safer exit
};

/// min mean cost subject to mean R <= budget, over all assignments of exits to examples: a multiple-choice knapsack.
/// Its linear relaxation is solved exactly by taking the edges of each example's lower hull of (cost, R) by falling
/// cost saved per loss (Sinha and Zoltners, Oper. Res. 1979), and at most one example is divided; so `value` bounds
/// every policy from below, and lies within one example of what can be reached. O(n K log(n K)).
/// Throws ArgumentError for a budget below the least possible.
BudgetOracle budget_oracle(const Topology& topology, const Trace& trace, double budget,
                           detail::LossSide side = detail::LossSide::excess);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/compare/oracle.ipp>
#endif
