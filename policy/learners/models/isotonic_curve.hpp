/// The curve of an isotonic regression.
#pragma once
#include <algorithm>
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

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

void to_json(nlohmann::json& json, const IsotonicCurve& c);

/// Throws FormatError unless x is not empty, ascends and does not overflow, and y is as long and does not descend.
void from_json(const nlohmann::json& json, IsotonicCurve& c);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/models/isotonic_curve.ipp>
#endif
