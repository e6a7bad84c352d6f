/// A linear score and a curve.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/isotonic_curve.hpp>
#include <weir/policy/learners/models/linear_model.hpp>

namespace weir::detail {

/// f(x) = curve(score(x)).
struct IsotonicModel {
  LinearModel score;
  IsotonicCurve curve;

  static IsotonicModel constant(int label, std::size_t d) {
    return {LinearModel::constant(label, d), {{0.0}, {label == 1 ? 1.0 : -1.0}}};
  }

  std::size_t n_features() const { return score.n_features(); }

  /// x [d], trusted to have n_features() values. Neither allocates nor throws.
  double decision_function(std::span<const double> x) const { return curve(score.decision_function(x)); }

  bool operator==(const IsotonicModel&) const = default;
};

void to_json(nlohmann::json& json, const IsotonicModel& m);

void from_json(const nlohmann::json& json, IsotonicModel& m);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/models/isotonic_model.ipp>
#endif
