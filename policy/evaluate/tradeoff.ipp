// What tradeoff.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>

namespace weir::detail {

WEIR_INLINE std::vector<std::size_t> lower_hull(const std::vector<TradeoffPoint>& points) {
  for (const auto& p : points)
    if (!std::isfinite(p.cost) || !std::isfinite(p.loss)) throw ArgumentError("hull: a point is not finite");
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return points[a].cost != points[b].cost ? points[a].cost < points[b].cost : points[a].loss < points[b].loss;
  });
  std::vector<std::size_t> hull;
  for (const std::size_t c : order) {
    if (!hull.empty() && points[c].loss >= points[hull.back()].loss) continue;
    while (hull.size() >= 2) {
      const TradeoffPoint &a = points[hull[hull.size() - 2]], &b = points[hull.back()], &p = points[c];
      const double turn = (b.cost - a.cost) * (p.loss - a.loss) - (p.cost - a.cost) * (b.loss - a.loss);
      if (turn > 0) break;  // b lies below the line from a to p
      hull.pop_back();
    }
    hull.push_back(c);
  }
  return hull;
}

WEIR_INLINE std::optional<HullMix> at_loss(const std::vector<TradeoffPoint>& points,
                                           const std::vector<std::size_t>& hull, double budget) {
  for (std::size_t v = 0; v < hull.size(); ++v) {
    if (points[hull[v]].loss > budget) continue;
    if (v == 0) return HullMix{hull[0], hull[0], 1};
    const double above = points[hull[v - 1]].loss, below = points[hull[v]].loss;
    return HullMix{hull[v - 1], hull[v], (budget - below) / (above - below)};
  }
  return std::nullopt;
}

WEIR_INLINE std::optional<HullMix> at_cost(const std::vector<TradeoffPoint>& points,
                                           const std::vector<std::size_t>& hull, double budget) {
  for (std::size_t v = hull.size(); v-- > 0;) {
    if (points[hull[v]].cost > budget) continue;
    if (v + 1 == hull.size()) return HullMix{hull[v], hull[v], 1};
    const double fast = points[hull[v]].cost, slow = points[hull[v + 1]].cost;
    return HullMix{hull[v], hull[v + 1], (slow - budget) / (slow - fast)};
  }
  return std::nullopt;
}

WEIR_INLINE TradeoffPoint mixed(const std::vector<TradeoffPoint>& points, const HullMix& mix) {
  const TradeoffPoint &a = points.at(mix.a), &b = points.at(mix.b);
  return {mix.p * a.cost + (1 - mix.p) * b.cost, mix.p * a.loss + (1 - mix.p) * b.loss};
}

WEIR_INLINE double mean_loss_over_cost(const std::vector<TradeoffPoint>& points, double from, double to) {
  const auto hull = lower_hull(points);
  if (hull.empty() || !(from < to) || from < points[hull[0]].cost)
    throw ArgumentError("area: needs points and from < to, both at or above the fastest point's cost");
  double area = 0;
  for (std::size_t v = 0; v < hull.size(); ++v) {
    const TradeoffPoint& p = points[hull[v]];
    const bool last = v + 1 == hull.size();
    const TradeoffPoint q = last ? TradeoffPoint{std::max(to, p.cost), p.loss} : points[hull[v + 1]];
    const double left = std::max(from, p.cost), right = std::min(to, q.cost);
    if (left >= right) continue;
    const double slope = last ? 0 : (q.loss - p.loss) / (q.cost - p.cost);
    area += (right - left) * (p.loss + slope * ((left + right) / 2 - p.cost));
  }
  return area / (to - from);
}

}  // namespace weir::detail
