// What isotonic_curve.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/isotonic_curve.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir::detail {

WEIR_INLINE void to_json(nlohmann::json& json, const IsotonicCurve& c) { json = {{"x", c.x}, {"y", c.y}}; }

WEIR_INLINE void from_json(const nlohmann::json& json, IsotonicCurve& c) {
  refuse_unknown_keys(json, {"x", "y"});
  c = {model_json::numbers(json, "x"), model_json::numbers(json, "y")};
  if (c.x.empty() || c.x.size() != c.y.size()) throw FormatError("model: the curve's 'x' and 'y' differ in size");
  for (std::size_t k = 1; k < c.x.size(); ++k)
    if (!(c.x[k - 1] < c.x[k]) || !(c.y[k - 1] <= c.y[k])) throw FormatError("model: the curve must ascend");
  if (!std::isfinite(c.x.back() - c.x.front())) throw FormatError("model: the curve's 'x' overflows");
}

}  // namespace weir::detail
