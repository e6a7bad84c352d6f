/// The curve of an isotonic regression.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir {

/// Piecewise linear through (x_k, y_k), constant beyond the ends.
struct IsotonicCurve {
  std::vector<double> x = {0};  ///< [m], m >= 1, strictly ascending
  std::vector<double> y = {0};  ///< [m]

  /// O(log m). Neither allocates nor throws.
  double operator()(double score) const {
    const auto above = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), score) - x.begin());
    if (above == 0) return y.front();
    if (above == x.size()) return y.back();
    const double share = (score - x[above - 1]) / (x[above] - x[above - 1]);
    return y[above - 1] + share * (y[above] - y[above - 1]);
  }

  bool operator==(const IsotonicCurve&) const = default;
};

inline void to_json(nlohmann::json& json, const IsotonicCurve& c) { json = {{"x", c.x}, {"y", c.y}}; }

/// Throws FormatError unless x is not empty, ascends and does not overflow, and y is as long and does not descend.
inline void from_json(const nlohmann::json& json, IsotonicCurve& c) {
  refuse_unknown_keys(json, {"x", "y"});
  c = {model_json::numbers(json, "x"), model_json::numbers(json, "y")};
  if (c.x.empty() || c.x.size() != c.y.size()) throw FormatError("model: the curve's 'x' and 'y' differ in size");
  for (std::size_t k = 1; k < c.x.size(); ++k)
    if (!(c.x[k - 1] < c.x[k]) || !(c.y[k - 1] <= c.y[k])) throw FormatError("model: the curve must ascend");
  if (!std::isfinite(c.x.back() - c.x.front())) throw FormatError("model: the curve's 'x' overflows");
}

}  // namespace weir
