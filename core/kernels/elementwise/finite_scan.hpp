/// Whether all of many numbers are finite.
#pragma once
#include <weir/core/kernels/micro/simd.hpp>

namespace weir::kernels {

/// *finite = false if one of the n floats of a plane is NaN or infinite; `planes` of them lie plane_floats apart. Where
/// n is a whole number of vectors, lanes from last_lanes on of the last plane's vectors do not count (a blocked
/// tensor's channels behind C). 0 * x is 0 of a finite x only, so the sum of all these products tells.
struct FiniteScan {
  template <int W>
  [[gnu::always_inline]] static void run(const float* x, std::int64_t planes, std::int64_t plane_floats, std::int64_t n,
                                         std::int64_t last_lanes, bool* finite) {
    using F = simd::Floats<W>;
    F a{}, b{}, c{}, d{}, v;
    const F zero{};
    const std::int64_t whole = last_lanes < W ? planes - 1 : planes;
    for (std::int64_t p = 0; p < whole; ++p) {
      const float* from = x + p * plane_floats;
      std::int64_t i = 0;
      for (; i + 4 * W <= n; i += 4 * W) {
        simd::load(v, from + i);
        a = a + v * zero;
        simd::load(v, from + i + W);
        b = b + v * zero;
        simd::load(v, from + i + 2 * W);
        c = c + v * zero;
        simd::load(v, from + i + 3 * W);
        d = d + v * zero;
      }
      for (; i + W <= n; i += W) {
        simd::load(v, from + i);
        a = a + v * zero;
      }
      if (i < n) {
        simd::load_part(v, from + i, n - i);
        b = b + v * zero;
      }
    }
    for (std::int64_t p = whole; p < planes; ++p)
      for (std::int64_t i = 0; i + W <= n; i += W) {
        simd::load_part(v, x + p * plane_floats + i, last_lanes);
        c = c + v * zero;
      }
    a = (a + b) + (c + d);
    float lanes[W];
    simd::store(a, lanes);
    for (int i = 0; i < W; ++i)
      if (lanes[i] != 0) *finite = false;
  }
};

/// True if n floats are all finite.
inline bool all_finite(Isa isa, const float* x, std::int64_t n) {
  bool finite = true;
  simd::simd_call<FiniteScan>(isa, x, std::int64_t{1}, n, n, std::int64_t{16}, &finite);
  return finite;
}

}  // namespace weir::kernels
