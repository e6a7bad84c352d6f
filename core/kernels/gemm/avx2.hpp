/// Micro-kernels for AVX2 with FMA: 16 registers of 8 floats.
#pragma once
#include <weir/core/kernels/gemm/depthwise_rows.hpp>
#include <weir/core/kernels/gemm/store.hpp>

namespace weir::kernels {

struct Avx2 {
  static constexpr int lanes = 8, max_rows = 6;

  template <int R, int V, Walk walk>
  [[gnu::target("avx2,fma")]] static void tile(std::int64_t K, const float* a, const float* b,
                                               const std::int32_t* offset, float* tile, bool resume) {
    tile_body<lanes, R, V, walk>(K, a, b, offset, tile, resume);
  }
  [[gnu::target("avx2,fma")]] static void store_rows(const float* tile, std::int64_t ldt, std::int64_t rows,
                                                     std::int64_t columns, const Epilogue& e) {
    store_rows_body<lanes>(tile, ldt, rows, columns, e);
  }
  [[gnu::target("avx2,fma")]] static void store_columns(const float* tile, std::int64_t ldt, std::int64_t rows,
                                                        std::int64_t columns, const Epilogue& e) {
    store_columns_body(tile, ldt, rows, columns, e);
  }
  [[gnu::target("avx2,fma")]] static void line(std::int64_t K, const float* weights, const float* from,
                                               const std::int32_t* offset, float start, float* to, std::int64_t n) {
    line_body<lanes>(K, weights, from, offset, start, to, n);
  }
  [[gnu::target("avx2,fma")]] static float dot(std::int64_t K, const float* a, const float* b) {
    return dot_body<lanes>(K, a, b);
  }
  template <int K, int S>
  [[gnu::target("avx2,fma")]] static void depthwise(const DepthwiseRows& job, std::int64_t rows, std::int64_t columns,
                                                    float* to) {
    depthwise_rows_body<lanes, K, S>(job, rows, columns, to);
  }
  template <int stride>
  [[gnu::target("avx2,fma")]] static void pad_rows(const float* from, std::int64_t from_step, float* to,
                                                   std::int64_t rows, std::int64_t n, std::int64_t begin,
                                                   std::int64_t end) {
    pad_rows_body<lanes, stride>(from, from_step, to, rows, n, begin, end);
  }
};

}  // namespace weir::kernels
