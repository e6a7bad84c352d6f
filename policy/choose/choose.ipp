// What choose.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/choose/guarantee.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learn/train.hpp>

namespace weir::detail {

/// Trains between the two policies that the budget lies between: first at the slope of the hull's edge, the price at
/// which both cost the same and anything between them costs less, then at the geometric mean of their prices. False
/// where neither is a new price.
inline bool refine(const PolicyTrainer& trainer, std::vector<PathPoint>& path, std::vector<Estimate>& estimates,
                   const Trace& calibration, const Budget& budget) {
  const auto points = tradeoff_points(estimates, budget.on);
  const auto mix = at_budget(points, budget);
  if (!mix || mix->a == mix->b) return false;
  const TradeoffPoint &a = points[mix->a], &b = points[mix->b];
  std::vector<double> prices{(b.cost - a.cost) / (a.loss - b.loss)};
  if (path[mix->a].lambda && path[mix->b].lambda)
    prices.push_back(std::sqrt(*path[mix->a].lambda * *path[mix->b].lambda));
  for (const double lambda : prices) {
    const PathPoint* nearest = nullptr;
    bool known = !std::isfinite(lambda) || !(lambda > 0);
    for (const PathPoint& point : path) {
      if (!point.lambda || !(*point.lambda > 0)) continue;
      const double distance = std::abs(std::log(*point.lambda / lambda));
      known = known || distance < 1e-4;
      if (nearest == nullptr || distance < std::abs(std::log(*nearest->lambda / lambda))) nearest = &point;
    }
    if (known) continue;
    PathPoint trained = trainer.train(lambda, nearest);
    estimates.push_back(Estimate::of(evaluate(trained.policy, calibration)));
    path.push_back(std::move(trained));
    return true;
  }
  return false;
}

inline Choice choose_plain(const PolicyTrainer& trainer, std::vector<PathPoint>& path, const Trace& calibration,
                           const Budget& budget) {
  std::vector<Estimate> estimates;
  for (const PathPoint& point : path) estimates.push_back(Estimate::of(evaluate(point.policy, calibration)));
  for (int r = 0; r < budget.refinements && refine(trainer, path, estimates, calibration, budget); ++r) {
  }
  const auto points = tradeoff_points(estimates, budget.on);
  const auto mix = at_budget(points, budget);
  if (!mix) refuse_budget(points, budget, calibration.cost_unit);
  return {{path[mix->a].policy, path[mix->b].policy, mix->p, budget.seed}, path[mix->a].lambda, path[mix->b].lambda,
          Estimate::mix(mix->p, estimates[mix->a], estimates[mix->b]),     std::nullopt,        calibration.size()};
}

inline Choice choose_certified(const PolicyTrainer& trainer, const std::vector<PathPoint>& path,
                               const Trace& calibration, const Budget& budget, const FurtherLimits& further) {
  Guarantee found = guarantee(trainer, path, calibration,
                              {.risk = budget.on == BudgetOn::difference ? Risk::net : Risk::excess,
                               .epsilon = std::min(budget.value, 1.0),
                               .delta = 1 - budget.confidence,
                               .steps = budget.steps,
                               .seed = budget.seed,
                               .further = further,
                               .redraws = budget.redraws});
  const Estimate estimate = Estimate::of(evaluate(found.policy, calibration));
  return {std::move(found.policy), found.lambda_a,           found.lambda_b,          estimate,     found.upper_limit,
          calibration.size(),      std::move(found.missing), std::move(found.limits), found.redrawn};
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Choice choose(const PolicyTrainer& trainer, std::vector<PathPoint>& path, const Trace& calibration,
                          const Budget& budget, const FurtherLimits& further) {
  calibration.check();
  if (path.empty()) throw ArgumentError("choose: the path is empty");
  if (!std::isfinite(budget.value)) throw ArgumentError("choose: the budget must be finite");
  if (calibration.cost_unit != trainer.trace().cost_unit)
    throw ArgumentError(
        detail::message({"choose: the costs are in ", trainer.trace().cost_unit, " where policies were learned, in ",
                         calibration.cost_unit, " where they are judged"}));
  if (budget.margin == Margin::none && !further.empty())
    throw ArgumentError("choose: further limits are certified: they need Margin::upper_limit");
  if (budget.margin == Margin::none) return detail::choose_plain(trainer, path, calibration, budget);
  if (budget.on == BudgetOn::cost) throw ArgumentError("choose: an upper limit is for a budget of loss only");
  return detail::choose_certified(trainer, path, calibration, budget, further);
}

}  // namespace weir
