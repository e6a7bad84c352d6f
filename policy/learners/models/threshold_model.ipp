// What threshold_model.hpp declares.
#pragma once
#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/learners/models/threshold_model.hpp>

namespace weir::detail {

WEIR_INLINE void to_json(nlohmann::json& json, const ThresholdModel& m) {
  json = {{"n_features", m.d},
          {"feature", m.feature},
          {"threshold", m.threshold},
          {"direction", m.direction},
          {"constant_label", m.constant_label}};
}

WEIR_INLINE void from_json(const nlohmann::json& json, ThresholdModel& m) {
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

}  // namespace weir::detail
