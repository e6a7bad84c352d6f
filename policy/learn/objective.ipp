// What objective.hpp declares.
#pragma once
#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

WEIR_INLINE Eigen::MatrixXd charged_loss(const Trace& trace, LossSide side) {
  Eigen::MatrixXd R(static_cast<Eigen::Index>(trace.size()), static_cast<Eigen::Index>(trace.stages.size()));
  for (std::size_t k = 0; k < trace.stages.size(); ++k) {
    auto column = R.col(static_cast<Eigen::Index>(k));
    column = trace.stages[k].loss - trace.stages.back().loss;
    if (side == LossSide::excess) column = column.cwiseMax(0.0);
  }
  return R;
}

WEIR_INLINE std::vector<std::vector<bool>> reached(const Topology& topology, const ActionTable& actions) {
  const std::size_t n = actions.at(0).size();
  std::vector<std::vector<bool>> reach(topology.size(), std::vector<bool>(n, false));
  reach[0].assign(n, true);
  for (std::size_t k = 0; k < topology.size(); ++k)
    for (std::size_t i = 0; i < n; ++i)
      if (reach[k][i] && actions[k][i] != 0) reach[topology.stages[k].next[actions[k][i] - 1]][i] = true;
  return reach;
}

WEIR_INLINE double lagrangian(const Evaluation& e, double lambda, LossSide side) {
  return e.mean_cost() + lambda * (side == LossSide::excess ? e.mean_excess() : e.mean_difference());
}

}  // namespace weir::detail
