/// Rows brought to mean 0 and variance 1: what layer, group, instance and RMS normalisation share.
#pragma once
#include <algorithm>
#include <cmath>
#include <weir/core/context.hpp>
#include <weir/core/kernels/micro/simd.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// A row of `length` values r, of which scale and bias are said for each of `parts` equal parts (one for each channel
/// of a group) or, if each, for every value. Row r has the parameters r mod period; without bias it is 0.
struct NormalizedRows {
  std::int64_t rows = 0, length = 0, parts = 1, period = 1;
  bool each = false, centred = true;
  float epsilon = 1e-5F;
};

struct NormalizeKernel {
  /// Mean and mean square of (x - shift).
  struct Moments {
    float mean, square;
  };

  /// In four chains.
  template <int W>
  [[gnu::always_inline]] static Moments moments(const float* x, std::int64_t n, float shift) {
    simd::Floats<W> v, sums[4] = {}, squares[4] = {};
    const simd::Floats<W> s = simd::Floats<W>{} + shift;
    std::int64_t i = 0;
    for (int c = 0; i + W <= n; i += W, c = (c + 1) % 4) {
      simd::load(v, x + i);
      v = v - s;
      sums[c] = sums[c] + v;
      squares[c] = squares[c] + v * v;
    }
    float sum = simd::sum<W>(sums[0] + sums[1] + (sums[2] + sums[3]));
    float square = simd::sum<W>(squares[0] + squares[1] + (squares[2] + squares[3]));
    for (; i < n; ++i) {
      const float d = x[i] - shift;
      sum += d;
      square += d * d;
    }
    return {sum / static_cast<float>(n), square / static_cast<float>(n)};
  }

  /// In four chains.
  template <int W>
  [[gnu::always_inline]] static float mean(const float* x, std::int64_t n) {
    simd::Floats<W> v, sums[4] = {};
    std::int64_t i = 0;
    for (int c = 0; i + W <= n; i += W, c = (c + 1) % 4) {
      simd::load(v, x + i);
      sums[c] = sums[c] + v;
    }
    float sum = simd::sum<W>(sums[0] + sums[1] + (sums[2] + sums[3]));
    for (; i < n; ++i) sum += x[i];
    return sum / static_cast<float>(n);
  }

  template <int W>
  [[gnu::always_inline]] static void run(const NormalizedRows& p, std::int64_t first, std::int64_t last, const float* x,
                                         const float* scale, const float* bias, float* y, float* means,
                                         float* factors) {
    const std::int64_t part = p.length / p.parts;
    for (std::int64_t r = first; r < last; ++r) {
      const float* from = x + r * p.length;
      float* to = y + r * p.length;
      // The rounding error of the mean matters where the mean is much larger than the deviations. It is the mean of the
      // deviations, which is subtracted.
      const float near = p.centred ? mean<W>(from, p.length) : 0.0F;
      const Moments m = moments<W>(from, p.length, near);
      const float rest = p.centred ? m.mean : 0.0F;
      const float variance = p.centred ? std::max(m.square - rest * rest, 0.0F) : m.square;
      const float factor = 1.0F / std::sqrt(variance + p.epsilon);
      if (means != nullptr) means[r] = near + rest;
      if (factors != nullptr) factors[r] = factor;
      if (p.each) {
        for (std::int64_t i = 0; i < p.length; i += W) {
          const std::int64_t n = p.length - i < W ? p.length - i : W;
          simd::Floats<W> v, s, b{};
          simd::load_part(v, from + i, n);
          simd::load_part(s, scale + i, n);
          if (bias != nullptr) simd::load_part(b, bias + i, n);
          v = (v - near - rest) * factor * s + b;
          simd::store_part(v, to + i, n);
        }
        continue;
      }
      for (std::int64_t k = 0; k < p.parts; ++k, from += part, to += part) {
        const std::int64_t at = r % p.period * p.parts + k;
        const float s = factor * scale[at], b = bias == nullptr ? 0.0F : bias[at];
        for (std::int64_t i = 0; i < part; i += W) {
          const std::int64_t n = part - i < W ? part - i : W;
          simd::Floats<W> v;
          simd::load_part(v, from + i, n);
          v = (v - near - rest) * s + b;
          simd::store_part(v, to + i, n);
        }
      }
    }
  }
};

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias for each row, mean and variance those of the row (0 and the
/// mean square if not centred). means and factors, 1 / sqrt(variance + epsilon), are written where they are not
/// nullptr. The order of the sums depends on the length of a row only.
inline void normalize_rows(const Context& context, const NormalizedRows& p, const float* x, const float* scale,
                           const float* bias, float* y, float* means = nullptr, float* factors = nullptr) {
  if (p.length == 0) return;
  context.pool().split(p.rows, (1 << 13) / p.length + 1, [&](std::int64_t first, std::int64_t last) {
    simd::simd_call<NormalizeKernel>(context.isa(), p, first, last, x, scale, bias, y, means, factors);
  });
}

}  // namespace weir::kernels
