/// Softmax and its logarithm.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <weir/core/context.hpp>
#include <weir/core/kernels/elementwise/exp.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// x and y [outer, length, inner], softmax along length for `outer` of them.
struct SoftmaxKernel {
  /// inner == 1: along a row.
  template <int W>
  [[gnu::always_inline]] static void row(const float* x, float* y, std::int64_t length, bool logarithm) {
    using F = simd::Floats<W>;
    const F lowest = F{} - std::numeric_limits<float>::infinity();
    F best = lowest, v, sum{};
    for (std::int64_t i = 0; i < length; i += W) {
      v = lowest;
      std::memcpy(&v, x + i, static_cast<std::size_t>(length - i < W ? length - i : W) * sizeof(float));
      simd::take_max(best, v);
    }
    const float largest = simd::max<W>(best);
    for (std::int64_t i = 0; i < length; i += W) {
      const std::int64_t n = length - i < W ? length - i : W;
      v = lowest;
      std::memcpy(&v, x + i, static_cast<std::size_t>(n) * sizeof(float));
      v = v - largest;
      if (logarithm) simd::store_part(v, y + i, n);
      simd::exp<W>(v);
      if (!logarithm) simd::store_part(v, y + i, n);
      sum = sum + v;
    }
    const float total = simd::sum<W>(sum);
    const float shift = logarithm ? std::log(total) : 0.0F, factor = logarithm ? 1.0F : 1.0F / total;
    for (std::int64_t i = 0; i < length; i += W) {
      const std::int64_t n = length - i < W ? length - i : W;
      simd::load_part(v, y + i, n);
      v = (v - shift) * factor;
      simd::store_part(v, y + i, n);
    }
  }

  /// n <= W neighbouring columns.
  template <int W>
  [[gnu::always_inline]] static void columns(const float* x, float* y, std::int64_t length, std::int64_t inner,
                                             std::int64_t n, bool logarithm) {
    using F = simd::Floats<W>;
    F best = F{} - std::numeric_limits<float>::infinity(), v, sum{};
    for (std::int64_t i = 0; i < length; ++i) {
      simd::load_part(v, x + i * inner, n);
      simd::take_max(best, v);
    }
    for (std::int64_t i = 0; i < length; ++i) {
      simd::load_part(v, x + i * inner, n);
      v = v - best;
      if (logarithm) simd::store_part(v, y + i * inner, n);
      simd::exp<W>(v);
      if (!logarithm) simd::store_part(v, y + i * inner, n);
      sum = sum + v;
    }
    F shift{};
    if (logarithm)
      for (int lane = 0; lane < W; ++lane) shift[lane] = std::log(sum[lane]);
    for (std::int64_t i = 0; i < length; ++i) {
      simd::load_part(v, y + i * inner, n);
      v = logarithm ? v - shift : v / sum;
      simd::store_part(v, y + i * inner, n);
    }
  }

  template <int W>
  [[gnu::always_inline]] static void run(const float* x, float* y, std::int64_t outer, std::int64_t length,
                                         std::int64_t inner, bool logarithm) {
    for (std::int64_t o = 0; o < outer; ++o, x += length * inner, y += length * inner) {
      if (inner == 1)
        row<W>(x, y, length, logarithm);
      else
        for (std::int64_t i = 0; i < inner; i += W)
          columns<W>(x + i, y + i, length, inner, inner - i < W ? inner - i : W, logarithm);
    }
  }
};

/// y = exp(x - m) / sum(exp(x - m)) along the middle of [outer, length, inner], m the maximum there; or, if logarithm,
/// y = x - m - log(sum(exp(x - m))). y may be x.
inline void softmax(const Context& context, const float* x, float* y, std::int64_t outer, std::int64_t length,
                    std::int64_t inner, bool logarithm) {
  if (length == 0 || inner == 0) return;
  const std::int64_t grain = (1 << 13) / (length * inner) + 1;
  context.pool().split(outer, grain, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t at = first * length * inner;
    simd::simd_call<SoftmaxKernel>(context.isa(), x + at, y + at, last - first, length, inner, logarithm);
  });
}

}  // namespace weir::kernels
