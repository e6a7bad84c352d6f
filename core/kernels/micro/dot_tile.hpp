/// The register tile of fully connected layers: rows of x times rows of weights, as both lie in memory.
#pragma once
#include <cstdint>
#include <weir/core/kernels/micro/vector.hpp>

namespace weir::kernels {

/// Rows of weights that a tile takes in at once: one row of x is bound by fetching them.
inline constexpr int most_dot_outputs = 8;
constexpr int dot_outputs(std::int64_t rows) { return rows == 1 ? 8 : 4; }

/// R rows of x by `outputs` (1 to C = dot_outputs(R)) rows of weights:
///
///     sums[r*C + c] = sum over k < K of x[r*ldx + k] * weights[c*ldw + k]
///
/// The terms of a sum are dealt out to as many chains of fused multiply-adds as a vector has lanes, and these are added
/// in pairs. So bits depend only on K. Sums of missing outputs hold anything. No alignment is needed.
struct DotTile {
  std::int64_t K;
  const float* x;
  std::int64_t ldx;
  const float* weights;
  std::int64_t ldw, outputs;
  float* sums;
};
using DotTileKernel = void (*)(const DotTile& tile);

/// Weights stream from memory. For one row of x, this number of vectors of a row of weights is taken in before the next
/// row's: the hardware fetches a stream the better, the more of it is read at once, and needs help where the weights
/// are not aligned (those of a model file are not). Lines are asked for this number of floats ahead, farther where more
/// rows of x make each vector take longer.
inline constexpr int dot_burst = 2;
constexpr std::int64_t dot_tile_ahead(int rows) { return rows == 1 ? 256 : 512; }

/// The sum of a vector, which is overwritten: those of its upper half are added to those of its lower half, until one
/// is left.
template <int L>
[[gnu::always_inline]] inline float sum_in_pairs(typename Vec<L>::type& v) {
  if constexpr (L == 16) v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  if constexpr (L == 16) v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  if constexpr (L == 16) v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  if constexpr (L == 8) v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
  if constexpr (L == 8) v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
  if constexpr (L == 4) v += __builtin_shufflevector(v, v, 2, 3, 0, 1);
  return v[0] + v[1];
}

/// lanes: n < L floats, and zeros.
template <int L>
[[gnu::always_inline]] inline void first_lanes(const float* from, std::int64_t n, typename Vec<L>::type& lanes) {
  float part[L] = {};
  for (std::int64_t i = 0; i < n; ++i) part[i] = from[i];
  lanes = *reinterpret_cast<const typename Vec<L>::loose*>(part);
}

template <int L, int R>
[[gnu::always_inline]] inline void dot_tile_body(const DotTile& t) {
  using Float = typename Vec<L>::type;
  using Loose = typename Vec<L>::loose;
  constexpr int C = dot_outputs(R);
  const float* weights[C];
  for (int c = 0; c < C; ++c) weights[c] = t.weights + (c < t.outputs ? c : t.outputs - 1) * t.ldw;
  Float sum[R][C];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      sum[r][c] = Float{};
    }
  }
  std::int64_t k = 0;
#pragma GCC unroll 1
  for (; R == 1 && k + dot_burst * L <= t.K; k += dot_burst * L) {
    Float x[dot_burst];
#pragma GCC unroll 2
    for (int u = 0; u < dot_burst; ++u) {
      x[u] = *reinterpret_cast<const Loose*>(t.x + k + u * L);
    }
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
#pragma GCC unroll 2
      for (int u = 0; u < dot_burst; ++u) {
        __builtin_prefetch(weights[c] + k + u * L + dot_tile_ahead(R));
        const Float column = *reinterpret_cast<const Loose*>(weights[c] + k + u * L);
        multiply_add<L>(sum[0][c], column, x[u]);
      }
    }
  }
#pragma GCC unroll 1
  for (; k + L <= t.K; k += L) {
    Float column[C];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      __builtin_prefetch(weights[c] + k + dot_tile_ahead(R));
      column[c] = *reinterpret_cast<const Loose*>(weights[c] + k);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Float x = *reinterpret_cast<const Loose*>(t.x + r * t.ldx + k);
#pragma GCC unroll 8
      for (int c = 0; c < C; ++c) {
        multiply_add<L>(sum[r][c], column[c], x);
      }
    }
  }
  if (k < t.K) {
    Float column[C];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      first_lanes<L>(weights[c] + k, t.K - k, column[c]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      Float x;
      first_lanes<L>(t.x + r * t.ldx + k, t.K - k, x);
#pragma GCC unroll 8
      for (int c = 0; c < C; ++c) {
        multiply_add<L>(sum[r][c], column[c], x);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      t.sums[r * C + c] = sum_in_pairs<L>(sum[r][c]);
    }
  }
}

}  // namespace weir::kernels
