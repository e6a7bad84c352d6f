// What calibration_metrics.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/compare/calibration_metrics.hpp>

namespace weir::detail {

WEIR_INLINE Eigen::VectorXd checked_weights(const char* what, const Eigen::VectorXd& score, const std::vector<int>& y,
                                            const Eigen::VectorXd& weight) {
  const auto n = score.size();
  if (n < 1 || y.size() != static_cast<std::size_t>(n) || (weight.size() != 0 && weight.size() != n))
    throw ShapeError(detail::message({what, ": ", n, " scores, ", y.size(), " labels, ", weight.size(), " weights"}));
  if (!score.allFinite()) throw ArgumentError(detail::message({what, ": a score is not finite"}));
  for (const int label : y)
    if (label != 0 && label != 1) throw ArgumentError(detail::message({what, ": labels must be 0 or 1"}));
  if (weight.size() == 0) return Eigen::VectorXd::Ones(n);
  if (!weight.allFinite() || (weight.array() < 0).any() || !(weight.sum() > 0) || !std::isfinite(weight.sum()))
    throw ArgumentError(detail::message({what, ": weights must be finite, >= 0 and not all 0"}));
  return weight;
}

inline Eigen::VectorXd checked_probabilities(const char* what, const Eigen::VectorXd& p, const std::vector<int>& y,
                                             const Eigen::VectorXd& weight) {
  Eigen::VectorXd checked = checked_weights(what, p, y, weight);
  if ((p.array() < 0).any() || (p.array() > 1).any())
    throw ArgumentError(detail::message({what, ": a probability is not in [0, 1]"}));
  return checked;
}

WEIR_INLINE double expected_calibration_error(const Eigen::VectorXd& p, const std::vector<int>& y,
                                              const Eigen::VectorXd& weight, std::size_t bins) {
  const Eigen::VectorXd w = checked_probabilities("calibration error", p, y, weight);
  if (bins < 1 || bins > 1000000)
    throw ArgumentError(detail::message({"calibration error: 1 to 1000000 bins, got ", bins}));
  std::vector<double> surplus(bins, 0.0);
  for (Eigen::Index i = 0; i < p.size(); ++i) {
    const double edge = std::ceil(p(i) * static_cast<double>(bins));
    surplus[static_cast<std::size_t>(std::max(edge, 1.0)) - 1] += w(i) * (y[static_cast<std::size_t>(i)] - p(i));
  }
  double sum = 0;
  for (const double s : surplus) sum += std::abs(s);
  return sum / w.sum();
}

WEIR_INLINE double brier_score(const Eigen::VectorXd& p, const std::vector<int>& y, const Eigen::VectorXd& weight) {
  const Eigen::VectorXd w = checked_probabilities("Brier score", p, y, weight);
  double sum = 0;
  for (Eigen::Index i = 0; i < p.size(); ++i) sum += w(i) * std::pow(p(i) - y[static_cast<std::size_t>(i)], 2);
  return sum / w.sum();
}

WEIR_INLINE double negative_log_likelihood(const Eigen::VectorXd& p, const std::vector<int>& y,
                                           const Eigen::VectorXd& weight) {
  const Eigen::VectorXd w = checked_probabilities("log likelihood", p, y, weight);
  double sum = 0;
  for (Eigen::Index i = 0; i < p.size(); ++i)
    sum += w(i) * std::min(30.0, y[static_cast<std::size_t>(i)] == 1 ? -std::log(p(i)) : -std::log1p(-p(i)));
  return sum / w.sum();
}

WEIR_INLINE double auroc(const Eigen::VectorXd& score, const std::vector<int>& y, const Eigen::VectorXd& weight) {
  const Eigen::VectorXd w = checked_weights("AUROC", score, y, weight);
  std::vector<Eigen::Index> order(y.size());
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return score(a) < score(b); });
  double below[2] = {0, 0}, won = 0;
  for (std::size_t first = 0, next = 0; first < order.size(); first = next) {
    double here[2] = {0, 0};
    for (; next < order.size() && score(order[next]) == score(order[first]); ++next)
      here[y[static_cast<std::size_t>(order[next])]] += w(order[next]);
    won += here[1] * (below[0] + here[0] / 2);
    below[0] += here[0];
    below[1] += here[1];
  }
  if (!(below[0] > 0) || !(below[1] > 0)) throw ArgumentError("AUROC: both labels are needed");
  return won / below[0] / below[1];
}

}  // namespace weir::detail
