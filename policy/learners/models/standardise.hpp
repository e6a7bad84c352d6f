/// Weighted standardisation of features, kept inside the model that was fitted behind it.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir {

/// z_j = (x_j - mean_j) * factor_j, with factor_j = 1 / deviation_j. Features are dimensionless afterwards, so that one
/// regularisation constant serves probabilities and entropies alike.
struct Standardise {
  std::vector<double> mean;    ///< [d]
  std::vector<double> factor;  ///< [d], > 0

  /// Leaves d features as they are.
  static Standardise identity(std::size_t d) { return {std::vector<double>(d, 0.0), std::vector<double>(d, 1.0)}; }

  double apply(std::size_t j, double x) const { return (x - mean[j]) * factor[j]; }

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
