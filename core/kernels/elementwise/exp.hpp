/// Exponential and hyperbolic tangent of vectors.
#pragma once
#include <weir/core/kernels/micro/simd.hpp>

namespace weir::simd {

/// v = exp(v), within 2 ulp; 0 below -87.3, infinity above 88.7 and NaN for NaN.
///
/// exp(x) = 2^n * exp(r) with n = round(x / ln 2) and |r| <= ln(2)/2, where exp(r) is its Taylor polynomial of
/// degree 7. ln 2 is taken off in two parts so that r keeps all its bits (W. J. Cody, W. Waite, Software Manual for the
/// Elementary Functions, Prentice-Hall 1980). 2^n is made in two factors, as 2^128 is no float.
template <int W>
[[gnu::always_inline]] inline void exp(Floats<W>& v) {
  using F = Floats<W>;
  using I = Ints<W>;
  const F x = v;
  F bounded = x > 89.0F ? F{} + 89.0F : x;
  bounded = bounded < -88.0F ? F{} - 88.0F : bounded;
  const F magic = F{} + 12582912.0F;  // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
  const F shifted = bounded * 1.44269504F + magic;
  const F n = shifted - magic;
  F r = bounded - n * 0.693359375F;
  r = r + n * 2.12194440e-4F;
  F p = F{} + 1.98412698e-4F;
  p = p * r + 1.38888889e-3F;
  p = p * r + 8.33333333e-3F;
  p = p * r + 4.16666667e-2F;
  p = p * r + 1.66666667e-1F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const I exponent = __builtin_convertvector(n, I);
  const I half = exponent >> 1;
  const I low = (half + 127) << 23, high = (exponent - half + 127) << 23;
  F scale_low, scale_high;
  std::memcpy(&scale_low, &low, sizeof low);
  std::memcpy(&scale_high, &high, sizeof high);
  v = p * scale_low * scale_high;
  v = x < -87.3F ? F{} : v;
  v = x != x ? x : v;
}

/// v = tanh(v), within 4 ulp: an odd polynomial near 0 (S. L. Moshier, Cephes, 1989), else 1 - 2 / (exp(2|x|) + 1).
template <int W>
[[gnu::always_inline]] inline void tanh(Floats<W>& v) {
  using F = Floats<W>;
  const F x = v, size = x < 0.0F ? -x : x, square = x * x;
  F p = F{} - 5.70498872745e-3F;
  p = p * square + 2.06390887954e-2F;
  p = p * square - 5.37397155531e-2F;
  p = p * square + 1.33314422036e-1F;
  p = p * square - 3.33332819422e-1F;
  p = p * square * x + x;
  F e = size + size;
  exp<W>(e);
  F large = 1.0F - 2.0F / (e + 1.0F);
  large = x < 0.0F ? -large : large;
  v = size < 0.625F ? p : large;
  v = x != x ? x : v;
}

}  // namespace weir::simd
