// What baselines.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>
#include <weir/policy/compare/baselines.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir::detail {

WEIR_INLINE Evaluation single_network(const Trace& trace, std::size_t stage, std::optional<double> cost) {
  const auto n = static_cast<Eigen::Index>(trace.size());
  return score(trace, std::vector<std::size_t>(trace.size(), stage),
               Eigen::VectorXd::Constant(n, cost.value_or(trace.stages.at(stage).cost)));
}

WEIR_INLINE Evaluation random_exit(const Trace& trace, const Evaluation& e, std::uint64_t seed) {
  std::vector<std::size_t> order(e.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = order.size(); i > 1; --i) {
    const auto j = static_cast<std::size_t>(counter_uniform(seed, i) * static_cast<double>(i));
    std::swap(order[i - 1], order[std::min(i - 1, j)]);
  }
  std::vector<std::size_t> exit;
  Eigen::VectorXd cost(static_cast<Eigen::Index>(order.size()));
  for (std::size_t i = 0; i < order.size(); ++i) {
    exit.push_back(e.exit[order[i]]);
    cost(static_cast<Eigen::Index>(i)) = e.cost(static_cast<Eigen::Index>(order[i]));
  }
  return score(trace, std::move(exit), std::move(cost));
}

}  // namespace weir::detail
