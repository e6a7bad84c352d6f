/// Weighted standardisation of features, kept inside the model that was fitted behind it.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

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

void to_json(nlohmann::json& json, const Standardise& s);

/// Throws FormatError where the arrays differ in size or a factor is not positive.
void from_json(const nlohmann::json& json, Standardise& s);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/models/standardise.ipp>
#endif
