/// A threshold for each stage, set so that the shares of exits fall or rise geometrically.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <vector>
#include <weir/policy/compare/rules/free_end.hpp>
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

/// geometric_thresholds for each q of a grid, with that q. In the first member no example leaves before the end; 121
/// others go from q = e^8 (nearly all examples reach the end) to e^-8 (nearly all leave at the first stage).
struct GeometricFamily {
  std::vector<std::vector<double>> thresholds;
  std::vector<double> q;

  explicit GeometricFamily(const Eigen::MatrixXd& confidence)
      : thresholds{std::vector<double>(static_cast<std::size_t>(confidence.cols()), never_exit)}, q{HUGE_VAL} {
    for (int step = 60; step >= -60; --step) {
      q.push_back(std::exp(step / 7.5));
      thresholds.push_back(geometric_thresholds(confidence, q.back()));
    }
  }
};

/// The q that keeps the budget best; thresholds on the largest probability, from the training trace, along nearest
/// successors up to the stage with which a q does best there (tune_free_end). nullopt where none keeps the budget.
inline std::optional<TunedRule> tune_geometric_exits(const RuleData& data) {
  const Confidence by{"max_probability", true};
  return tune_free_end(
      nearest_walk(data.topology), training_budget(data),
      [&](const Walk& stages, const Budget& kept) -> std::optional<Estimate> {
        const ThresholdWalk walk(data.topology, data.training, by, stages);
        const GeometricFamily family(walk.confidence);
        const auto best = best_member(family.q.size(), data.training.size(), kept, walk.ends_full,
                                      [&](std::size_t i) { return walk.score(family.thresholds[i]); });
        if (!best) return std::nullopt;
        return best->second;
      },
      [&](const Walk& stages, const Budget& asked) {
        const GeometricFamily family(ThresholdWalk(data.topology, data.training, by, stages).confidence);
        return tune_thresholds("geometric_exits", data.topology, data.calibration, by, asked, family.thresholds,
                               family.q, stages);
      });
}

}  // namespace weir::detail
