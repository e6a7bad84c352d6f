/// Rules that look at no example: the same exit for all, or exits dealt at random.
#pragma once
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/rule.hpp>

namespace weir::detail {

/// The exit that keeps the budget best when every example takes it, by the cheapest way.
inline std::optional<TunedRule> tune_fixed_exit(const Topology& topology, const Trace& calibration,
                                                const Budget& budget) {
  const auto best = best_member(topology.size(), calibration.size(), budget, true, [&](std::size_t i) {
    return MemberScore::of(evaluate(fixed_policy(topology, calibration, topology.full() - i), calibration));
  });
  if (!best) return std::nullopt;
  const std::size_t exit = topology.full() - best->first;
  return TunedRule{"fixed_exit", static_cast<double>(exit),
                   MixedPolicy::pure(fixed_policy(topology, calibration, exit)), best->second};
}

/// Exits drawn at random with the shares that keep the budget best: what shares are worth without knowing which example
/// goes where. The family goes along the lower hull of the fixed exits on the training trace in steps of a 32nd of each
/// edge, the first member being the full network; two exits are mixed at most, since more never pay.
inline std::optional<TunedRule> tune_random(const RuleData& data) {
  const Topology& topology = data.topology;
  std::vector<Policy> fixed;
  std::vector<TradeoffPoint> points;
  for (std::size_t k = 0; k < topology.size(); ++k) {
    fixed.push_back(fixed_policy(topology, data.training, k));
    const Estimate e = Estimate::of(evaluate(fixed.back(), data.training));
    points.push_back({e.cost, risk(e, data.budget.on)});
  }
  const auto hull = lower_hull(points);
  std::vector<MixedPolicy> family{MixedPolicy::pure(fixed.back())};
  const auto go_to = [&](std::size_t from, std::size_t to) {
    for (int step = 1; from != to && step <= 32; ++step)
      family.push_back({fixed[to], fixed[from], static_cast<double>(step) / 32, data.budget.seed});
  };
  go_to(topology.full(), hull.back());
  for (std::size_t v = hull.size(); v-- > 1;) go_to(hull[v], hull[v - 1]);
  const auto best = best_member(family.size(), data.calibration.size(), data.budget, true,
                                [&](std::size_t i) { return MemberScore::of(evaluate(family[i], data.calibration)); });
  if (!best) return std::nullopt;
  return TunedRule{"random", static_cast<double>(best->first) / 32, family[best->first], best->second};
}

}  // namespace weir::detail
