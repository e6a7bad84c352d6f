/// Standardisation of features, fitted.
#pragma once
#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <string>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/standardise.hpp>

namespace weir::detail {

/// mean_j = sum_i v_i x_ij and deviation_j^2 = sum_i v_i (x_ij - mean_j)^2 with v = weight / sum(weight), in two
/// passes. A column without variance keeps factor 1. X [n, d], weight [n], all > 0, n >= 1. Cost O(n d).
/// Throws ArgumentError where a column's spread overflows a double.
inline Standardise fit_standardise(const Eigen::MatrixXd& X, const Eigen::VectorXd& weight) {
  const Eigen::VectorXd share = weight / weight.sum();
  auto result = Standardise::identity(static_cast<std::size_t>(X.cols()));
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    const auto column = X.col(j);
    const auto at = static_cast<std::size_t>(j);
    // Compared exactly: the rounded mean of a constant column would leave a tiny, meaningless deviation.
    if (column.minCoeff() == column.maxCoeff()) {
      result.mean[at] = column(0);
      continue;
    }
    const double mean = share.dot(column);
    const double deviation = std::sqrt((share.array() * (column.array() - mean).square()).sum());
    const double factor = deviation > 0 ? 1.0 / deviation : 1.0;
    if (!std::isfinite(mean) || !std::isfinite(deviation) || !std::isfinite(factor))
      throw ArgumentError(detail::message({"standardise: the spread of column ", j, " is out of range"}));
    result.mean[at] = mean;
    result.factor[at] = factor;
  }
  return result;
}

/// X [n, d] -> Z [n, d].
inline Eigen::MatrixXd standardised(const Standardise& scaling, const Eigen::MatrixXd& X) {
  Eigen::MatrixXd Z(X.rows(), X.cols());
  for (Eigen::Index j = 0; j < X.cols(); ++j)
    for (Eigen::Index i = 0; i < X.rows(); ++i) Z(i, j) = scaling.apply(static_cast<std::size_t>(j), X(i, j));
  return Z;
}

}  // namespace weir::detail
