// What linear_model.hpp declares.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/learners/models/standardise.hpp>

namespace weir::detail {

WEIR_INLINE void to_json(nlohmann::json& json, const LinearModel& m) {
  json = {{"scaling", m.scaling}, {"coef", m.coef}, {"intercept", m.intercept}};
}

WEIR_INLINE void from_json(const nlohmann::json& json, LinearModel& m) {
  refuse_unknown_keys(json, {"scaling", "coef", "intercept"});
  from_json(model_json::field(json, "scaling"), m.scaling);
  m.coef = model_json::numbers(json, "coef");
  m.intercept = model_json::number(json, "intercept");
  if (m.coef.size() != m.scaling.mean.size()) throw FormatError("model: 'coef' and 'scaling' differ in size");
}

}  // namespace weir::detail
