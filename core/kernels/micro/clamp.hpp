/// Clamp: the bounds that a kernel applies to each result before it stores it.
#pragma once
#include <limits>
#include <weir/core/finite_math.hpp>

namespace weir::kernels {

/// y = min(max(v, lo), hi). The default changes nothing; ReLU is {0, infinity}, ReLU6 {0, 6}. NaN stays
/// NaN.
struct Clamp {
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();

  float operator()(float v) const {
    v = v < lo ? lo : v;
    return v > hi ? hi : v;
  }
};

/// The same for each lane of a vector.
template <class V>
[[gnu::always_inline]] inline void clamp_lanes(V& v, const V& lo, const V& hi) {
  v = lo > v ? lo : v;
  v = hi < v ? hi : v;
}

}  // namespace weir::kernels
