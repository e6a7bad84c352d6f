/// The micro-kernels' contract, and their bodies, written once for all instruction sets.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/clamp.hpp>
#include <weir/core/kernels/gemm/vector.hpp>

namespace weir::kernels {

/// Largest register tile of any instruction set, in rows and in floats.
inline constexpr int max_tile_rows = 14, max_tile_width = 32, max_tile_floats = max_tile_rows * max_tile_width;

/// A register tile multiplies R broadcast floats by V vectors of L floats, K times:
///
///     tile[r][j] (+)= sum over k of a_k[r] * b_k[j]        0 <= r < R, 0 <= j < V*L
///
/// What a_k and b_k are is the walk:
///   packed    a_k = a + k*R            b_k = b + k*V*L      matrix products
///   image_a   a_k = a + offset[k]      b_k = b + k*V*L      convolution, R pixels by V*L output channels
///   image_b   a_k = a + k*R            b_k = b + offset[k]  convolution, R output channels by V*L pixels
/// Every element of the tile is summed in the order of k by one chain of fused multiply-adds, so its bits depend
/// neither on R and V nor on how K is cut into calls (resume: the tile goes on from what it holds).
/// Only what the formula names is read; no alignment is needed.
enum class Walk { packed, image_a, image_b };
using TileKernel = void (*)(std::int64_t K, const float* a, const float* b, const std::int32_t* offset, float* tile,
                            bool resume);

/// How a finished tile leaves: y = clamp(tile + bias + residual); residual has y's strides, may be y, may be nullptr.
struct Epilogue {
  const float* bias;
  const float* residual;
  float* y;
  std::int64_t ldy;  ///< from one row (channel) of y to the next
  Clamp clamp;
};
/// y[r*ldy + j] = tile[r*ldt + j] + bias[r], 0 <= r < rows, 0 <= j < columns.
using StoreRows = void (*)(const float* tile, std::int64_t ldt, std::int64_t rows, std::int64_t columns,
                           const Epilogue& e);
/// y[j*ldy + r] = tile[r*ldt + j] + bias[j], 0 <= r < rows, 0 <= j < columns.
using StoreColumns = StoreRows;
/// to[j] = start + sum over k of weights[k] * from[offset[k] + j], 0 <= j < n, n a multiple of the lanes: a depthwise
/// convolution of a staged channel.
using Line = void (*)(std::int64_t K, const float* weights, const float* from, const std::int32_t* offset, float start,
                      float* to, std::int64_t n);
/// A depthwise convolution of a staged channel with a square kernel of K = 3 or 5 and stride S = 1 or 2 both ways:
///   to[i*columns + j] = bias + sum over r, s of weights[r*K + s] * image[offset[r*K + s] + i*pitch + j]
/// Neighbouring taps are shifted out of one load: fast if image and offset[r*K], offset[r*K + 1] for S = 2, are
/// multiples of the lanes. columns is one; up to a vector more than it is read.
struct DepthwiseRows {
  const float* weights;
  const float* image;
  const std::int32_t* offset;
  std::int64_t pitch;
  float bias;
};
using DepthwiseKernel = void (*)(const DepthwiseRows& job, std::int64_t rows, std::int64_t columns, float* to);
/// to[r*n + j] = first <= j < last ? from[r*from_step + j*stride] : 0, 0 <= r < rows, 0 <= j < n, of stride 1 or 2: a
/// padded copy of an image. What is not named is not read.
using PadRows = void (*)(const float* from, std::int64_t from_step, float* to, std::int64_t rows, std::int64_t n,
                         std::int64_t first, std::int64_t last);
/// sum of a[k] * b[k]; the order depends on K alone.
using Dot = float (*)(std::int64_t K, const float* a, const float* b);

/// What an instruction set brings. Widths are 1 or 2 vectors, rows 1 to max_rows.
struct Microkernels {
  Isa isa = Isa::portable;
  int lanes = 0, max_rows = 0;
  std::array<std::array<std::array<TileKernel, max_tile_rows>, 2>, 3> tiles{};
  StoreRows store_rows = nullptr;
  StoreColumns store_columns = nullptr;
  Line line = nullptr;
  std::array<PadRows, 2> pad_rows{};                          ///< by stride - 1
  std::array<std::array<DepthwiseKernel, 2>, 2> depthwise{};  ///< by (K - 3) / 2 and stride - 1
  Dot dot = nullptr;

  TileKernel tile(Walk walk, std::int64_t rows, std::int64_t vectors) const {
    return tiles[static_cast<std::size_t>(walk)][static_cast<std::size_t>(vectors - 1)]
                [static_cast<std::size_t>(rows - 1)];
  }
  /// Columns of the widest tile.
  std::int64_t width() const { return 2 * std::int64_t{lanes}; }
};

template <int L, int R, int V, Walk walk>
[[gnu::always_inline]] inline void tile_body(std::int64_t K, const float* a, const float* b, const std::int32_t* offset,
                                             float* tile, bool resume) {
  using Float = typename Vec<L>::type;
  using Loose = typename Vec<L>::loose;
  Float sum[R][V];
  if (resume) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        sum[r][v] = *reinterpret_cast<const Loose*>(tile + (r * V + v) * L);
      }
    }
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        sum[r][v] = Float{};
      }
    }
  }
#pragma GCC unroll 1
  for (std::int64_t k = 0; k < K; ++k) {
    const float* ak = walk == Walk::image_a ? a + offset[k] : a;
    const float* bk = walk == Walk::image_b ? b + offset[k] : b;
    Float column[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      column[v] = *reinterpret_cast<const Loose*>(bk + v * L);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        multiply_add<L>(sum[r][v], column[v], ak[r]);
      }
    }
    if constexpr (walk != Walk::image_a) a += R;
    if constexpr (walk != Walk::image_b) b += V * L;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      *reinterpret_cast<Loose*>(tile + (r * V + v) * L) = sum[r][v];
    }
  }
}

}  // namespace weir::kernels
