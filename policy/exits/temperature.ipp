// What temperature.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/temperature.hpp>

namespace weir::detail {

/// First and second derivative of sum_i w_i (ln sum_c exp(beta z_ic) - beta z_iy) by beta: w_i times the mean of z_i
/// under softmax(beta z_i) less z_iy, and w_i times its variance.
inline std::pair<double, double> temperature_slope(const Eigen::MatrixXd& z, const std::vector<int>& y,
                                                   const Eigen::VectorXd& w, double beta) {
  double slope = 0, curvature = 0;
  Eigen::ArrayXd above(z.cols()), p(z.cols());
  for (Eigen::Index i = 0; i < z.rows(); ++i) {
    if (w(i) == 0) continue;
    above = z.row(i).transpose().array() - z(i, y[static_cast<std::size_t>(i)]);
    p = (beta * (above - above.maxCoeff())).exp();
    p /= p.sum();
    const double mean = (p * above).sum();
    slope += w(i) * mean;
    curvature += w(i) * (p * (above - mean).square()).sum();
  }
  return {slope, curvature};
}

WEIR_INLINE double fit_temperature(const Eigen::MatrixXd& logits, const std::vector<int>& y,
                                   const Eigen::VectorXd& weight) {
  const auto n = logits.rows();
  if (n < 1 || logits.cols() < 2 || y.size() != static_cast<std::size_t>(n) ||
      (weight.size() != 0 && weight.size() != n))
    throw ShapeError(detail::message(
        {"temperature: logits [", n, ", ", logits.cols(), "], ", y.size(), " labels, ", weight.size(), " weights"}));
  const Eigen::VectorXd w = weight.size() == 0 ? Eigen::VectorXd::Ones(n) : weight;
  if (!logits.allFinite() || !w.allFinite() || (w.array() < 0).any() || !(w.sum() > 0))
    throw ArgumentError("temperature: logits and weights must be finite, weights >= 0 and not all 0");
  for (const int label : y) check_label(label, static_cast<std::size_t>(logits.cols()));

  double low = 1 / max_temperature, high = 1 / min_temperature, beta = 1, last = high - low;
  for (int iteration = 0; iteration < 200 && high - low > 1e-15 * high; ++iteration) {
    const auto [slope, curvature] = temperature_slope(logits, y, w, beta);
    if (!std::isfinite(slope)) throw ArgumentError("temperature: the logits are too large");
    if (slope == 0) break;
    (slope > 0 ? high : low) = beta;
    const double newton = beta - slope / curvature, before = beta;
    const bool good = newton > low && newton < high && std::abs(newton - beta) < last / 2;
    beta = good ? newton : std::sqrt(low * high);
    last = std::abs(beta - before);
    if (good && last <= 1e-12 * beta) break;
  }
  return std::clamp(1 / beta, min_temperature, max_temperature);
}

WEIR_INLINE ExitHead calibrate_temperature(const ExitHead& head, const Eigen::MatrixXf& X, const std::vector<int>& y,
                                           const Eigen::VectorXd& weight) {
  if (static_cast<std::size_t>(X.cols()) != head.n_inputs())
    throw ShapeError(
        detail::message({"temperature: rows of ", X.cols(), " values for a head that reads ", head.n_inputs()}));
  const ExitHead plain = head.with_temperature(1);
  Eigen::MatrixXd logits(X.rows(), static_cast<Eigen::Index>(head.n_classes()));
  Eigen::VectorXf row, z(logits.cols());
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    row = X.row(i);
    plain.logits_pooled(row.data(), {z.data(), head.n_classes()});
    logits.row(i) = z.cast<double>();
  }
  return head.with_temperature(fit_temperature(logits, y, weight));
}

}  // namespace weir::detail
