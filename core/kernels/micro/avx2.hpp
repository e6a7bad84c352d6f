/// Micro-kernels for AVX2 with FMA: 16 registers of 8 floats.
#pragma once
#include <weir/core/kernels/micro/store.hpp>

namespace weir::kernels {

struct Avx2 {
  static constexpr int lanes = 8, max_rows = 6, max_dot_rows = 2;

  template <int R, int V, GemmTileKind kind>
  [[gnu::target("avx2,fma")]] static void gemm(const GemmTile& tile) {
    gemm_tile_body<lanes, R, V, kind>(tile);
  }
  template <int R, int V, int S>
  [[gnu::target("avx2,fma")]] static void conv(const ConvTile& tile) {
    conv_tile_body<lanes, R, V, S>(tile);
  }
  template <int R>
  [[gnu::target("avx2,fma")]] static void dot_tile(const DotTile& tile) {
    dot_tile_body<lanes, R>(tile);
  }
  template <int R, int S>
  [[gnu::target("avx2,fma")]] static void depthwise(const DepthwiseTile& tile) {
    depthwise_tile_body<lanes, R, S>(tile);
  }
  template <int R, int S, int KW>
  [[gnu::target("avx2,fma")]] static void depthwise_rows(const DepthwiseRows& rows) {
    depthwise_rows_body<lanes, R, S, KW>(rows);
  }
  template <int Y, int N, int S, bool plain>
  [[gnu::target("avx2,fma")]] static void winograd_row(const winograd::InputRow& row, std::int64_t across) {
    winograd::TransformInput<Y, N, S, plain>::template run<lanes>(row, across);
  }
  template <int Y, int N>
  [[gnu::target("avx2,fma")]] static bool winograd_tile(const winograd::OutputTile& tile) {
    return winograd::TransformOutput<Y, N>::template run<lanes>(tile);
  }
  [[gnu::target("avx2,fma")]] static void store_rows(const float* tile, std::int64_t ldt, std::int64_t rows,
                                                     std::int64_t columns, const Epilogue& e) {
    store_rows_body<lanes>(tile, ldt, rows, columns, e);
  }
  [[gnu::target("avx2,fma")]] static void transpose(const float* from, std::int64_t ldf, std::int64_t rows,
                                                    std::int64_t columns, float* to, std::int64_t ldt) {
    transpose_body(from, ldf, rows, columns, to, ldt);
  }
};

}  // namespace weir::kernels
