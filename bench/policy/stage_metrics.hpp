/// How far a stage's confidence can be trusted.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

namespace compare {

/// P(score of a 1 > score of a 0) + P(equal) / 2: the area under the ROC curve (Hanley and McNeil, Radiology 1982).
/// nullopt unless both labels occur. score [n], y [n]. O(n log n).
inline std::optional<double> auroc(const Eigen::VectorXd& score, const std::vector<bool>& y) {
  std::vector<std::size_t> order(y.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto at = [&](std::size_t i) { return score(static_cast<Eigen::Index>(i)); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return at(a) < at(b); });
  double below[2] = {0, 0}, won = 0;
  for (std::size_t first = 0, next = 0; first < order.size(); first = next) {
    double here[2] = {0, 0};
    for (; next < order.size() && at(order[next]) == at(order[first]); ++next) here[y[order[next]] ? 1 : 0] += 1;
    won += here[1] * (below[0] + here[0] / 2);
    below[0] += here[0];
    below[1] += here[1];
  }
  if (below[0] == 0 || below[1] == 0) return std::nullopt;
  return won / below[0] / below[1];
}

/// Expected calibration error: sum over 15 equal bins of p of share |share right - mean p| (Guo, Pleiss, Sun,
/// Weinberger, ICML 2017). p [n] in [0, 1], bin b holds (b - 1, b] / 15 and the first one 0 too.
inline double expected_calibration_error(const Eigen::VectorXd& p, const std::vector<bool>& right) {
  std::vector<double> surplus(15, 0.0);
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double v = p(static_cast<Eigen::Index>(i));
    const double bin = std::clamp(std::ceil(v * 15), 1.0, 15.0);
    surplus[static_cast<std::size_t>(bin) - 1] += (right[i] ? 1 : 0) - v;
  }
  double sum = 0;
  for (const double s : surplus) sum += std::abs(s);
  return sum / static_cast<double>(right.size());
}

}  // namespace compare
