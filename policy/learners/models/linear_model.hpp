/// The linear decision function.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/standardise.hpp>

namespace weir::detail {

/// f(x) = sum_j coef_j z_j + intercept with z = scaling(x). Tens of nanoseconds for ten features.
struct LinearModel {
  Standardise scaling;
  std::vector<double> coef;  ///< [d], of the standardised features
  double intercept = -1;

  /// f(x) = +1 for class 1 or -1 for class 0, whatever x is.
  static LinearModel constant(int label, std::size_t d) {
    return {Standardise::identity(d), std::vector<double>(d, 0.0), label == 1 ? 1.0 : -1.0};
  }

  std::size_t n_features() const { return coef.size(); }

  /// x [d], trusted to have n_features() values. Neither allocates nor throws.
  double decision_function(std::span<const double> x) const {
    double sum = intercept;
    for (std::size_t j = 0; j < coef.size(); ++j) sum += coef[j] * scaling.apply(j, x[j]);
    return sum;
  }

  bool operator==(const LinearModel&) const = default;
};

void to_json(nlohmann::json& json, const LinearModel& m);

void from_json(const nlohmann::json& json, LinearModel& m);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/models/linear_model.ipp>
#endif
