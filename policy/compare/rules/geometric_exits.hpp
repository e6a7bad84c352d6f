/// A threshold for each stage, set so that the shares of exits fall or rise geometrically.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <vector>
#include <weir/policy/compare/rules/threshold_walk.hpp>

namespace weir::detail {

/// Thresholds [steps - 1] under which, of n examples, step w takes floor(n q^w / sum_v q^v) of those still running, the
/// surest first, for w = 0 .. steps - 1; ties at a threshold leave with it. confidence [n, steps - 1], the larger the
/// earlier. O(n log n) per step. As MSDNet sets its thresholds on held-out images (Huang et al., ICLR 2018, budgeted
/// batch classification).
inline std::vector<double> geometric_thresholds(const Eigen::MatrixXd& confidence, double q) {
  if (!(q > 0) || !std::isfinite(q)) throw ArgumentError("geometric exits: q must be positive and finite");
  const auto n = static_cast<std::size_t>(confidence.rows()), steps = static_cast<std::size_t>(confidence.cols()) + 1;
  double total = 0;
  for (std::size_t w = 0; w < steps; ++w) total += std::pow(q, static_cast<double>(w));
  std::vector<double> thresholds;
  std::vector<bool> left(n, false);
  std::vector<double> running;
  for (Eigen::Index w = 0; w < confidence.cols(); ++w) {
    const double share = std::pow(q, static_cast<double>(w)) / total;
    const auto wanted = static_cast<std::size_t>(share * static_cast<double>(n));
    running.clear();
    for (std::size_t i = 0; i < n; ++i)
      if (!left[i]) running.push_back(confidence(static_cast<Eigen::Index>(i), w));
    double threshold = never_exit;
    if (const std::size_t count = std::min(wanted, running.size()); count > 0) {
      std::nth_element(running.begin(), running.begin() + static_cast<std::ptrdiff_t>(count - 1), running.end(),
                       std::greater<>());
      threshold = running[count - 1];
    }
    thresholds.push_back(threshold);
    for (std::size_t i = 0; i < n; ++i) left[i] = left[i] || confidence(static_cast<Eigen::Index>(i), w) >= threshold;
  }
  return thresholds;
}

/// The q that keeps the budget best, of 121 from e^8 (nearly all go to the end) to e^-8 (nearly all leave at once);
/// thresholds on the largest probability, from the training trace. nullopt where none keeps the budget.
inline std::optional<TunedRule> tune_geometric_exits(const RuleData& data) {
  const Confidence by{"max_probability", true};
  const ThresholdWalk walk(data.topology, data.training, by);
  std::vector<std::vector<double>> family{std::vector<double>(walk.stages.size() - 1, never_exit)};
  std::vector<double> parameter{HUGE_VAL};
  for (int step = 60; step >= -60; --step) {
    parameter.push_back(std::exp(step / 7.5));
    family.push_back(geometric_thresholds(walk.confidence, parameter.back()));
  }
  return tune_thresholds("geometric_exits", data.topology, data.calibration, by, data.budget, family, parameter);
}

}  // namespace weir::detail
