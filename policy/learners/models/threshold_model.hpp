/// A cut on one feature.
#pragma once
#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir {

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

inline void to_json(nlohmann::json& json, const ThresholdModel& m) {
  json = {{"n_features", m.d},
          {"feature", m.feature},
          {"threshold", m.threshold},
          {"direction", m.direction},
          {"constant_label", m.constant_label}};
}

inline void from_json(const nlohmann::json& json, ThresholdModel& m) {
  refuse_unknown_keys(json, {"n_features", "feature", "threshold", "direction", "constant_label"});
  m.d = model_json::index(json, "n_features", std::size_t{1} << 31U);
  m.feature = model_json::index(json, "feature", std::max<std::size_t>(m.d, 1));
  m.threshold = model_json::number(json, "threshold");
  const double direction = model_json::number(json, "direction");
  if (direction != 1 && direction != 0 && direction != -1) throw FormatError("model: 'direction' must be -1, 0 or 1");
  m.direction = static_cast<int>(direction);
  if (m.direction != 0 && m.d == 0) throw FormatError("model: a threshold needs a feature");
  m.constant_label = static_cast<int>(model_json::index(json, "constant_label", 2));
}

}  // namespace weir
