// What kernel_svm_model.hpp declares.
#pragma once
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/kernel_svm_model.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir::detail {

WEIR_INLINE void to_json(nlohmann::json& json, const KernelSvmModel& m) {
  json = {{"factor", m.factor}, {"support", m.support},     {"coef", m.coef},
          {"gamma", m.gamma},   {"intercept", m.intercept}, {"relative_gap", m.relative_gap}};
}

WEIR_INLINE void from_json(const nlohmann::json& json, KernelSvmModel& m) {
  refuse_unknown_keys(json, {"factor", "support", "coef", "gamma", "intercept", "relative_gap"});
  m = {model_json::numbers(json, "factor"),   model_json::numbers(json, "support"),
       model_json::numbers(json, "coef"),     model_json::number(json, "gamma"),
       model_json::number(json, "intercept"), model_json::number(json, "relative_gap")};
  // By division: a product of sizes may overflow.
  if (m.factor.empty() ? !m.support.empty() || !m.coef.empty()
                       : m.support.size() % m.factor.size() != 0 || m.support.size() / m.factor.size() != m.coef.size())
    throw FormatError("model: 'support' must be [coef, factor]");
  for (const double factor : m.factor)
    if (!(factor > 0)) throw FormatError("model: 'factor' must be positive");
  if (!(m.gamma > 0) || !(m.relative_gap >= 0))
    throw FormatError("model: 'gamma' must be positive and 'relative_gap' not negative");
}

}  // namespace weir::detail
