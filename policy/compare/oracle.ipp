// What oracle.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/compare/oracle.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir {

WEIR_INLINE Evaluation lagrangian_oracle(const Topology& topology, const Trace& trace, double lambda,
                                         detail::LossSide side) {
  trace.check();
  static_cast<void>(detail::gate_inputs(topology, trace));  // refuses a topology of other stages
  const Eigen::MatrixXd R = charged_loss(trace, side);
  const detail::Objective objective{topology, trace, R, lambda};
  detail::ActionTable actions(topology.size(), detail::Actions(trace.size(), 0));
  std::vector<Eigen::VectorXd> V(topology.size());
  for (std::size_t k = topology.size(); k-- > 0;) {
    if (topology.n_actions(k) > Gate::max_actions)
      throw ArgumentError(detail::message({"oracle: stage '", topology.stages[k].name, "' has too many successors"}));
    const detail::RowMatrix costs = objective.action_costs(k, V);
    for (Eigen::Index i = 0; i < costs.rows(); ++i) {
      Eigen::Index best = 0;
      costs.row(i).minCoeff(&best);
      actions[k][static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(best);
    }
    V[k] = detail::Objective::taken(costs, actions[k]);
  }
  return detail::evaluate_tables(topology, trace, {actions}, [](std::size_t) { return std::size_t{0}; });
}

}  // namespace weir

namespace weir::detail {

/// Sends each example straight to a stage, by the cheapest way.
inline Evaluation straight_to(const Topology& topology, const Trace& trace, std::vector<std::size_t> exit) {
  const auto cost = cheapest_costs(topology, trace);
  Eigen::VectorXd spent(static_cast<Eigen::Index>(exit.size()));
  for (std::size_t i = 0; i < exit.size(); ++i) spent(static_cast<Eigen::Index>(i)) = cost[exit[i]];
  return score(trace, std::move(exit), std::move(spent));
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Evaluation zero_excess_oracle(const Topology& topology, const Trace& trace) {
  trace.check();
  static_cast<void>(detail::gate_inputs(topology, trace));
  const auto cost = detail::cheapest_costs(topology, trace);
  std::vector<std::size_t> exit(trace.size(), trace.full());
  for (std::size_t i = 0; i < exit.size(); ++i)
    for (std::size_t k = 0; k < topology.size(); ++k) {
      const auto row = static_cast<Eigen::Index>(i);
      if (trace.stages[k].loss(row) <= trace.stages.back().loss(row) && cost[k] < cost[exit[i]]) exit[i] = k;
    }
  return detail::straight_to(topology, trace, std::move(exit));
}

WEIR_INLINE BudgetOracle budget_oracle(const Topology& topology, const Trace& trace, double budget,
                                       detail::LossSide side) {
  trace.check();
  static_cast<void>(detail::gate_inputs(topology, trace));
  struct Edge {
    double saved;  ///< cost
    double loss;   ///< added
    std::size_t example, exit;
  };
  const auto cost = detail::cheapest_costs(topology, trace);
  const Eigen::MatrixXd R = charged_loss(trace, side);
  const auto n = static_cast<double>(trace.size());
  std::vector<std::size_t> exit(trace.size());
  std::vector<Edge> edges;
  double total_cost = 0, total_loss = 0;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    std::vector<detail::TradeoffPoint> points;
    for (std::size_t k = 0; k < topology.size(); ++k)
      points.push_back({cost[k], R(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k))});
    const auto hull = lower_hull(points);
    exit[i] = hull.back();
    total_cost += points[hull.back()].cost;
    total_loss += points[hull.back()].loss;
    for (std::size_t v = hull.size(); v-- > 1;) {
      const detail::TradeoffPoint &safe = points[hull[v]], &fast = points[hull[v - 1]];
      edges.push_back({safe.cost - fast.cost, fast.loss - safe.loss, i, hull[v - 1]});
    }
  }
  double left = budget * n - total_loss;
  if (left < -1e-12 * n)
    throw ArgumentError(detail::message({"oracle: the least possible mean loss is ", total_loss / n}));
  std::stable_sort(edges.begin(), edges.end(),
                   [](const Edge& a, const Edge& b) { return a.saved * b.loss > b.saved * a.loss; });
  for (const Edge& edge : edges) {
    // Sums of n losses round; an edge that fits up to rounding is taken whole.
    const double part = edge.loss <= left + 1e-12 * n ? 1 : std::max(0.0, left) / edge.loss;
    total_cost -= part * edge.saved;
    total_loss += part * edge.loss;
    left -= part * edge.loss;
    if (part < 1) break;
    exit[edge.example] = edge.exit;
  }
  return {{total_cost / n, total_loss / n}, detail::straight_to(topology, trace, std::move(exit))};
}

}  // namespace weir
