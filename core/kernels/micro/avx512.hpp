/// Micro-kernels for AVX-512: 32 registers of 16 floats.
#pragma once
#include <immintrin.h>

#include <weir/core/kernels/micro/store.hpp>

namespace weir::kernels {

struct Avx512 {
  static constexpr int lanes = 16, max_rows = 14, max_dot_rows = 6;

  template <int R, int V, GemmTileKind kind>
  [[gnu::target("avx512f,avx512vl,fma")]] static void gemm(const GemmTile& tile) {
    gemm_tile_body<lanes, R, V, kind>(tile);
  }
  template <int R, int V, int S>
  [[gnu::target("avx512f,avx512vl,fma")]] static void conv(const ConvTile& tile) {
    conv_tile_body<lanes, R, V, S>(tile);
  }
  template <int R>
  [[gnu::target("avx512f,avx512vl,fma")]] static void dot_tile(const DotTile& tile) {
    dot_tile_body<lanes, R>(tile);
  }
  template <int R, int S>
  [[gnu::target("avx512f,avx512vl,fma")]] static void depthwise(const DepthwiseTile& tile) {
    depthwise_tile_body<lanes, R, S>(tile);
  }
  template <int R, int S, int KW>
  [[gnu::target("avx512f,avx512vl,fma")]] static void depthwise_rows(const DepthwiseRows& rows) {
    depthwise_rows_body<lanes, R, S, KW>(rows);
  }
  template <int Y, int N, int S, bool plain>
  [[gnu::target("avx512f,avx512vl,fma")]] static void winograd_row(const winograd::InputRow& row, std::int64_t across) {
    winograd::TransformInput<Y, N, S, plain>::template run<lanes>(row, across);
  }
  template <int Y, int N>
  [[gnu::target("avx512f,avx512vl,fma")]] static bool winograd_tile(const winograd::OutputTile& tile) {
    return winograd::TransformOutput<Y, N>::template run<lanes>(tile);
  }
  // Whole vectors with the tail masked off, rather than the bodies for all instruction sets.
  [[gnu::target("avx512f,avx512vl,fma")]] static void store_rows(const float* tile, std::int64_t ldt, std::int64_t rows,
                                                                 std::int64_t columns, const Epilogue& e) {
    const __m512 lo = _mm512_set1_ps(e.clamp.lo), hi = _mm512_set1_ps(e.clamp.hi);
    for (std::int64_t r = 0; r < rows; ++r) {
      const __m512 bias = _mm512_set1_ps(e.bias[r]);
      for (std::int64_t j = 0; j < columns; j += 16) {
        const __mmask16 mask = first(columns - j);
        const std::int64_t at = r * e.ldy + j;
        __m512 v = _mm512_maskz_loadu_ps(mask, tile + r * ldt + j) + bias;
        if (e.residual) v += _mm512_maskz_loadu_ps(mask, e.residual + at);
        _mm512_mask_storeu_ps(e.y + at, mask, clamp(mask, v, lo, hi));
      }
    }
  }

  // Sixteen columns at a time are transposed in registers.
  [[gnu::target("avx512f,avx512vl,fma")]] static void transpose(const float* from, std::int64_t ldf, std::int64_t rows,
                                                                std::int64_t columns, float* to, std::int64_t ldt) {
    const __mmask16 mask = first(rows);
    for (std::int64_t j = 0; j < columns; j += 16) {
      const __mmask16 columns_mask = first(columns - j);
      __m512 a[16], b[16];
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r) {
        a[r] = _mm512_maskz_loadu_ps(r < rows ? columns_mask : 0, from + (r < rows ? r : 0) * ldf + j);
      }
#pragma GCC unroll 8
      for (int r = 0; r < 16; r += 2) {
        b[r] = __builtin_shufflevector(a[r], a[r + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
        b[r + 1] = __builtin_shufflevector(a[r], a[r + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
      }
#pragma GCC unroll 4
      for (int r = 0; r < 16; r += 4) {
#pragma GCC unroll 2
        for (int h = 0; h < 2; ++h) {
          const __m512 p = b[r + h], q = b[r + 2 + h];
          a[r + 2 * h] = __builtin_shufflevector(p, q, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
          a[r + 2 * h + 1] = __builtin_shufflevector(p, q, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
        }
      }
      // a[4*i + c] now holds rows 4*i..4*i+3 of the columns c, c+4, c+8, c+12: sixteen 4-float cells to rearrange.
#pragma GCC unroll 4
      for (int c = 0; c < 4; ++c) {
#pragma GCC unroll 2
        for (int h = 0; h < 2; ++h) {
          const __m512 p = a[c + 8 * h], q = a[c + 8 * h + 4];
          b[c + 8 * h] = __builtin_shufflevector(p, q, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
          b[c + 8 * h + 4] = __builtin_shufflevector(p, q, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
        }
#pragma GCC unroll 2
        for (int h = 0; h < 2; ++h) {
          const __m512 p = b[c + 4 * h], q = b[c + 4 * h + 8];
          a[c + 4 * h] = __builtin_shufflevector(p, q, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
          a[c + 4 * h + 8] = __builtin_shufflevector(p, q, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
        }
      }
#pragma GCC unroll 16
      for (int c = 0; c < 16; ++c) {
        if (j + c >= columns) return;
        _mm512_mask_storeu_ps(to + (j + c) * ldt, mask, a[c]);
      }
    }
  }

 private:
  // The masked forms, because g++ 12 warns of the plain ones' own source.
  [[gnu::target("avx512f,avx512vl,fma"), gnu::always_inline]] static inline __m512 clamp(__mmask16 mask, __m512 v,
                                                                                         __m512 lo, __m512 hi) {
    return _mm512_maskz_min_ps(mask, hi, _mm512_maskz_max_ps(mask, lo, v));
  }
  /// The first n of 16 lanes; none or all where n is out of range.
  static __mmask16 first(std::int64_t n) { return static_cast<__mmask16>((1U << (n < 0 ? 0 : n > 16 ? 16 : n)) - 1); }
};

}  // namespace weir::kernels
