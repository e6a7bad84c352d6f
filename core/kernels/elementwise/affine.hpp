/// A factor and a summand for each channel.
#pragma once
#include <weir/core/context.hpp>
#include <weir/core/kernels/micro/clamp.hpp>
#include <weir/core/kernels/micro/simd.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

struct AffineParams {
  const float *scale, *shift;
  std::int64_t channels;
  Clamp clamp;
};

template <class V>
[[gnu::always_inline]] inline void affine_step(V& v, const V& scale, const V& shift, const V& lo, const V& hi) {
  v = v * scale + shift;
  clamp_lanes(v, lo, hi);
}

/// Planes first..last-1 of `size` elements each; plane p belongs to channel p % channels.
struct AffinePlanes {
  template <int W>
  [[gnu::always_inline]] static void run(const float* x, float* y, std::int64_t first, std::int64_t last,
                                         std::int64_t size, const AffineParams& p) {
    using F = simd::Floats<W>;
    const F lo = F{} + p.clamp.lo, hi = F{} + p.clamp.hi;
    F v;
    for (std::int64_t plane = first; plane < last; ++plane) {
      const F scale = F{} + p.scale[plane % p.channels], shift = F{} + p.shift[plane % p.channels];
      const float* from = x + plane * size;
      float* to = y + plane * size;
      std::int64_t i = 0;
      for (; i + W <= size; i += W) {
        simd::load(v, from + i);
        affine_step(v, scale, shift, lo, hi);
        simd::store(v, to + i);
      }
      if (i == size) continue;
      simd::load_part(v, from + i, size - i);
      affine_step(v, scale, shift, lo, hi);
      simd::store_part(v, to + i, size - i);
    }
  }
};

/// Rows first..last-1 of one element for each channel.
struct AffineRows {
  template <int W>
  [[gnu::always_inline]] static void run(const float* x, float* y, std::int64_t first, std::int64_t last,
                                         const AffineParams& p) {
    using F = simd::Floats<W>;
    const F lo = F{} + p.clamp.lo, hi = F{} + p.clamp.hi;
    F v, scale, shift;
    for (std::int64_t row = first; row < last; ++row) {
      const float* from = x + row * p.channels;
      float* to = y + row * p.channels;
      for (std::int64_t i = 0; i < p.channels; i += W) {
        const std::int64_t n = p.channels - i < W ? p.channels - i : W;
        simd::load_part(v, from + i, n);
        simd::load_part(scale, p.scale + i, n);
        simd::load_part(shift, p.shift + i, n);
        affine_step(v, scale, shift, lo, hi);
        simd::store_part(v, to + i, n);
      }
    }
  }
};

/// y = clamp(x * scale[c] + shift[c]) for x [N, C, ...]; y may be x.
inline void affine(const Context& context, ConstView x, const float* scale, const float* shift, Clamp clamp, View y) {
  const std::int64_t C = x.shape[1], rows = x.shape[0], size = x.shape.product(2, x.shape.rank());
  const AffineParams p{scale, shift, C, clamp};
  if (x.size() == 0) return;
  if (size == 1)
    context.pool().split(rows, (1 << 15) / C + 1, [&](std::int64_t first, std::int64_t last) {
      simd::simd_call<AffineRows>(context.isa(), x.data, y.data, first, last, p);
    });
  else
    context.pool().split(rows * C, (1 << 15) / size + 1, [&](std::int64_t first, std::int64_t last) {
      simd::simd_call<AffinePlanes>(context.isa(), x.data, y.data, first, last, size, p);
    });
}

}  // namespace weir::kernels
