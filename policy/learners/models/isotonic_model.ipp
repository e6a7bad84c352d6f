// What isotonic_model.hpp declares.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/isotonic_curve.hpp>
#include <weir/policy/learners/models/isotonic_model.hpp>
#include <weir/policy/learners/models/linear_model.hpp>

namespace weir::detail {

WEIR_INLINE void to_json(nlohmann::json& json, const IsotonicModel& m) {
  json = {{"score", m.score}, {"curve", m.curve}};
}

WEIR_INLINE void from_json(const nlohmann::json& json, IsotonicModel& m) {
  refuse_unknown_keys(json, {"score", "curve"});
  from_json(model_json::field(json, "score"), m.score);
  from_json(model_json::field(json, "curve"), m.curve);
}

}  // namespace weir::detail
