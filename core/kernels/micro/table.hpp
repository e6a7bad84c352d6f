/// What an instruction set brings: the table of its micro-kernels.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/micro/clamp.hpp>
#include <weir/core/kernels/micro/conv_tile.hpp>
#include <weir/core/kernels/micro/depthwise_rows.hpp>
#include <weir/core/kernels/micro/depthwise_tile.hpp>
#include <weir/core/kernels/micro/dot_tile.hpp>
#include <weir/core/kernels/micro/gemm_tile.hpp>
#include <weir/core/kernels/micro/vector.hpp>
#include <weir/core/kernels/micro/winograd_tiles.hpp>

namespace weir::kernels {

/// Largest register tile of any instruction set, in rows and in floats.
inline constexpr int max_tile_rows = 14, max_tile_width = 32, max_tile_floats = max_tile_rows * max_tile_width;
/// Largest depthwise tile, in pixels.
inline constexpr int max_depthwise_rows = 8;
/// Most rows of a DotTile of any instruction set.
inline constexpr int most_dot_rows = 6;

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
/// to[j*ldt + r] = from[r*ldf + j], 0 <= r < rows <= max(lanes, max_rows), 0 <= j < columns. What is not named is not
/// touched.
using TransposeRows = void (*)(const float* from, std::int64_t ldf, std::int64_t rows, std::int64_t columns, float* to,
                               std::int64_t ldt);

using WinogradRowKernel = void (*)(const winograd::InputRow& row, std::int64_t across);
using WinogradTileKernel = bool (*)(const winograd::OutputTile& tile);

/// What an instruction set brings. Widths are 1 or 2 vectors, rows 1 to max_rows.
struct Microkernels {
  Isa isa = Isa::portable;
  int lanes = 0, max_rows = 0, max_dot_rows = 0;
  std::array<std::array<std::array<GemmTileKernel, max_tile_rows>, 2>, 4> gemm{};
  std::array<std::array<std::array<ConvTileKernel, max_tile_rows>, 2>, 3> conv{};
  std::array<std::array<DepthwiseTileKernel, max_depthwise_rows>, 2> depthwise{};
  /// By kernel width 3 or 5, stride - 1, pixels - 1.
  std::array<std::array<std::array<DepthwiseRowsKernel, max_depthwise_rows>, 2>, 2> depthwise_rows{};
  std::array<WinogradRowKernel, 5> winograd_rows{};  ///< by N - 3
  std::array<WinogradTileKernel, 5> winograd_tiles{};
  std::array<DotTileKernel, most_dot_rows> dot_tile{};  ///< by rows - 1
  StoreRows store_rows = nullptr;
  TransposeRows transpose = nullptr;

  GemmTileKernel gemm_tile(GemmTileKind kind, std::int64_t rows, std::int64_t vectors) const {
    return gemm[static_cast<std::size_t>(kind)][static_cast<std::size_t>(vectors - 1)]
               [static_cast<std::size_t>(rows - 1)];
  }
  ConvTileKernel conv_tile(PixelStride stride, std::int64_t rows, std::int64_t vectors) const {
    return conv[static_cast<std::size_t>(stride)][static_cast<std::size_t>(vectors - 1)]
               [static_cast<std::size_t>(rows - 1)];
  }
  /// stride: 1 or 2 pixels.
  DepthwiseTileKernel depthwise_tile(std::int64_t stride, std::int64_t rows) const {
    return depthwise[static_cast<std::size_t>(stride - 1)][static_cast<std::size_t>(rows - 1)];
  }
  /// kernel_w: 3 or 5; stride: 1 or 2; pixels of a tile: 1 to max_depthwise_rows.
  DepthwiseRowsKernel depthwise_rows_of(std::int64_t kernel_w, std::int64_t stride, std::int64_t pixels) const {
    return depthwise_rows[kernel_w == 3 ? 0 : 1][static_cast<std::size_t>(stride - 1)]
                         [static_cast<std::size_t>(pixels - 1)];
  }
  /// TransformInput and TransformOutput of algorithms with N multiplications each way, 3 to 7; see fill_winograd().
  WinogradRowKernel winograd_row(std::int64_t N) const { return winograd_rows[static_cast<std::size_t>(N - 3)]; }
  WinogradTileKernel winograd_tile(std::int64_t N) const { return winograd_tiles[static_cast<std::size_t>(N - 3)]; }
  /// Columns of the widest tile.
  std::int64_t width() const { return 2 * std::int64_t{lanes}; }
};

}  // namespace weir::kernels
