/// Weighted standardisation of features, kept inside the model that was fitted behind it.
#pragma once
#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/model_json.hpp>

namespace weir {

/// z_j = (x_j - mean_j) * factor_j, with factor_j = 1 / deviation_j. Features are dimensionless afterwards, so that one
/// regularisation constant serves probabilities and entropies alike.
struct Standardise {
  std::vector<double> mean;    ///< [d]
  std::vector<double> factor;  ///< [d], > 0

  /// Leaves d features as they are.
  static Standardise identity(std::size_t d) { return {std::vector<double>(d, 0.0), std::vector<double>(d, 1.0)}; }

  /// mean_j = sum_i v_i x_ij and deviation_j^2 = sum_i v_i (x_ij - mean_j)^2 with v = weight / sum(weight), in two
  /// passes. A column without variance keeps factor 1. X [n, d], weight [n], all > 0, n >= 1. Cost O(n d).
  /// Throws ArgumentError where a column's spread overflows a double.
  static Standardise fit(const Eigen::MatrixXd& X, const Eigen::VectorXd& weight) {
    const Eigen::VectorXd share = weight / weight.sum();
    auto result = identity(static_cast<std::size_t>(X.cols()));
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
        throw ArgumentError("standardise: the spread of column " + std::to_string(j) + " is out of range");
      result.mean[at] = mean;
      result.factor[at] = factor;
    }
    return result;
  }

  double apply(std::size_t j, double x) const { return (x - mean[j]) * factor[j]; }

  /// X [n, d] -> Z [n, d].
  Eigen::MatrixXd apply(const Eigen::MatrixXd& X) const {
    Eigen::MatrixXd Z(X.rows(), X.cols());
    for (Eigen::Index j = 0; j < X.cols(); ++j)
      for (Eigen::Index i = 0; i < X.rows(); ++i) Z(i, j) = apply(static_cast<std::size_t>(j), X(i, j));
    return Z;
  }

  bool operator==(const Standardise&) const = default;
};

inline void to_json(nlohmann::json& json, const Standardise& s) { json = {{"mean", s.mean}, {"factor", s.factor}}; }

/// Throws FormatError where the arrays differ in size or a factor is not positive.
inline void from_json(const nlohmann::json& json, Standardise& s) {
  refuse_unknown_keys(json, {"mean", "factor"});
  s = {model_json::numbers(json, "mean"), model_json::numbers(json, "factor")};
  if (s.mean.size() != s.factor.size()) throw FormatError("model: 'mean' and 'factor' differ in size");
  for (const double factor : s.factor)
    if (!(factor > 0)) throw FormatError("model: 'factor' must be positive");
}

}  // namespace weir
