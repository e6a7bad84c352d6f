/// Rows of a depthwise convolution, straight from the image: contract, and its body, written once for all instruction
/// sets.
#pragma once
#include <cstdint>
#include <weir/core/kernels/micro/clamp.hpp>
#include <weir/core/kernels/micro/vector.hpp>

namespace weir::kernels {

/// `rows` rows by `tiles` tiles of R neighbouring pixels of one block of L channels; stride S from pixel to pixel, a
/// kernel of kernel_rows rows by KW columns:
///
///     y[i*y_row + j*L + l] = clamp(bias[l] + residual[...] + sum over r, s of
///         x[first + (i*x_row + r*kernel_row) + (j*S + s)*L + l] * weights[(r*KW + s)*L + l])
///
/// What is in brackets is less by x_ring from x_wrap on, where the rows of x lie in a ring; it stays below twice that.
///
/// The first absent_left and the last absent_right of the (R - 1)*S + KW columns that a tile sees lie outside the image
/// and are left out, of every tile; both are below KW, so that `tiles` is 1 where they are not 0. Each column of the
/// image is loaded once for all pixels that see it. Sums begin with the bias and go by the kernel's rows, then its
/// columns, in fused multiply-adds, whatever R is.
struct DepthwiseRows {
  const float* x;
  std::int64_t first;  ///< may point in front of x where columns are absent
  std::int64_t x_row, kernel_row, y_row;
  std::int64_t x_wrap, x_ring;
  std::int64_t rows, tiles, kernel_rows, absent_left, absent_right;
  const float *weights, *bias;
  const float* residual;  ///< lies as y does; may be y, may be nullptr
  float* y;
  Clamp clamp;
};
using DepthwiseRowsKernel = void (*)(const DepthwiseRows& rows);

template <int L, int R, int S, int KW, bool edge>
[[gnu::always_inline]] inline void depthwise_rows_of(const DepthwiseRows& t) {
  using Float = typename Vec<L>::type;
  using Loose = typename Vec<L>::loose;
  constexpr int columns = (R - 1) * S + KW;
  const Float bias = *reinterpret_cast<const Loose*>(t.bias);
  const Float lo = t.clamp.lo - Float{}, hi = t.clamp.hi - Float{};
  for (std::int64_t i = 0; i < t.rows; ++i)
    for (std::int64_t tile = 0; tile < t.tiles; ++tile) {
      Float sum[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        sum[r] = bias;
      }
      const std::int64_t column = t.first + tile * R * S * L;
      std::int64_t at = i * t.x_row;
      const float* weights = t.weights;
      for (std::int64_t row = 0; row < t.kernel_rows; ++row, at += t.kernel_row, weights += KW * L) {
        const std::int64_t from = column + (at < t.x_wrap ? at : at - t.x_ring);
        Float weight[KW];
#pragma GCC unroll 5
        for (int s = 0; s < KW; ++s) {
          weight[s] = *reinterpret_cast<const Loose*>(weights + s * L);
        }
#pragma GCC unroll 19
        for (int c = 0; c < columns; ++c) {
          if (edge && ((c < KW - 1 && c < t.absent_left) || (c > columns - KW && c >= columns - t.absent_right)))
            continue;
          const Float in = *reinterpret_cast<const Loose*>(t.x + (from + c * L));
#pragma GCC unroll 5
          for (int s = 0; s < KW; ++s) {
            if (c < s || (c - s) % S != 0 || (c - s) / S >= R) continue;
            multiply_add<L>(sum[(c - s) / S], in, weight[s]);
          }
        }
      }
      const std::int64_t to = i * t.y_row + tile * R * L;
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        Float out = sum[r];
        if (t.residual != nullptr) out += *reinterpret_cast<const Loose*>(t.residual + (to + r * L));
        clamp_lanes(out, lo, hi);
        *reinterpret_cast<Loose*>(t.y + (to + r * L)) = out;
      }
    }
}

template <int L, int R, int S, int KW>
[[gnu::always_inline]] inline void depthwise_rows_body(const DepthwiseRows& t) {
  // Vectors of 4, for any processor, do with the one body that asks at each column whether it is there.
  if (L == 4 || t.absent_left > 0 || t.absent_right > 0)
    depthwise_rows_of<L, R, S, KW, true>(t);
  else
    depthwise_rows_of<L, R, S, KW, false>(t);
}

}  // namespace weir::kernels
