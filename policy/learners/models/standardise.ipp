// What standardise.hpp declares.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/learners/models/standardise.hpp>

namespace weir::detail {

WEIR_INLINE void to_json(nlohmann::json& json, const Standardise& s) {
  json = {{"mean", s.mean}, {"factor", s.factor}};
}

WEIR_INLINE void from_json(const nlohmann::json& json, Standardise& s) {
  refuse_unknown_keys(json, {"mean", "factor"});
  s = {model_json::numbers(json, "mean"), model_json::numbers(json, "factor")};
  if (s.mean.size() != s.factor.size()) throw FormatError("model: 'mean' and 'factor' differ in size");
  for (const double factor : s.factor)
    if (!(factor > 0)) throw FormatError("model: 'factor' must be positive");
}

}  // namespace weir::detail
