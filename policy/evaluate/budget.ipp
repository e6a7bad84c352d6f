// What budget.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>

namespace weir::detail {

WEIR_INLINE double risk(const Estimate& e, BudgetOn on) { return on == BudgetOn::difference ? e.difference : e.excess; }

WEIR_INLINE std::vector<TradeoffPoint> tradeoff_points(const std::vector<Estimate>& estimates, BudgetOn on) {
  std::vector<TradeoffPoint> points;
  for (const Estimate& e : estimates) points.push_back({e.cost, risk(e, on)});
  return points;
}

WEIR_INLINE std::optional<HullMix> at_budget(const std::vector<TradeoffPoint>& points, const Budget& budget) {
  const auto hull = lower_hull(points);
  return budget.on == BudgetOn::cost ? at_cost(points, hull, budget.value) : at_loss(points, hull, budget.value);
}

[[noreturn]] WEIR_INLINE void refuse_budget(const std::vector<TradeoffPoint>& points, const Budget& budget,
                                            const std::string& unit) {
  double best = INFINITY;
  for (const auto& p : points) best = std::min(best, budget.on == BudgetOn::cost ? p.cost : p.loss);
  throw ArgumentError(detail::message({"budget of ", budget.value, (budget.on == BudgetOn::cost ? " " + unit : " loss"),
                                       " per example cannot be kept; the least possible is ", best}));
}

}  // namespace weir::detail
