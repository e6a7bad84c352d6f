/// A cut on one feature.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

/// f(x) = direction * (x[feature] - threshold), or +1 / -1 for direction 0.
struct ThresholdModel {
  std::size_t d = 0;
  std::size_t feature = 0;
  double threshold = 0;
  int direction = 0;       ///< +1: class 1 above the threshold, -1: below, 0: `constant_label` everywhere
  int constant_label = 0;  ///< used with direction 0 only

  static ThresholdModel constant(int label, std::size_t d) { return {d, 0, 0.0, 0, label}; }

  std::size_t n_features() const { return d; }

  /// x [d], trusted to have n_features() values. Neither allocates nor throws.
  double decision_function(std::span<const double> x) const {
    if (direction == 0) return constant_label == 1 ? 1.0 : -1.0;
    return direction > 0 ? x[feature] - threshold : threshold - x[feature];
  }

  bool operator==(const ThresholdModel&) const = default;
};

void to_json(nlohmann::json& json, const ThresholdModel& m);

void from_json(const nlohmann::json& json, ThresholdModel& m);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/models/threshold_model.ipp>
#endif
