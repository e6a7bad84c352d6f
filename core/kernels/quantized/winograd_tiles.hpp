/// Winograd's transforms of rows of x and of tiles of y, for AVX2; a pixel of a blocked plane is one vector.
#pragma once
#include <cstdint>
#include <cstring>
#include <weir/core/kernels/quantized/avx2.hpp>
#include <weir/core/kernels/quantized/tile.hpp>
#include <weir/core/kernels/quantized/winograd_transforms.hpp>

namespace weir::quantized::winograd {

/// Six rows of one plane to V of a row of tiles: V[p * position_stride + tile * tile_stride + l], p = 6 * row + column.
struct InputRow {
  const std::uint8_t* x[N];
  std::int64_t W, pad_left;
  std::int32_t zero;
  bool is_signed;
  std::int16_t* line;  ///< room for [4 * tiles + 2][6][L]: BT x by columns, which neighbouring tiles share
  std::int16_t* V;
  std::int64_t tiles, tile_stride, position_stride;
};

#if defined(__x86_64__)
/// L numbers of 16 bits, added and multiplied in their lowest 16 bits.
template <int L>
using Words [[gnu::vector_size(2 * L)]] = std::uint16_t;

/// L integers, less zero.
template <int L>
[[gnu::always_inline, gnu::target("avx2")]] inline void load_words(Words<L>& v, const std::uint8_t* p, bool is_signed,
                                                                   std::uint16_t zero) {
  __m256i words;
  if constexpr (L == 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    words = is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
  } else {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    words = _mm256_castsi128_si256(is_signed ? _mm_cvtepi8_epi16(bytes) : _mm_cvtepu8_epi16(bytes));
  }
  std::memcpy(&v, &words, sizeof v);
  v -= zero;
}

template <int L>
[[gnu::target("avx2")]] inline void transform_row_avx2(const InputRow& in) {
  using V = Words<L>;
  const std::int64_t width = Y * in.tiles + 2, first = in.pad_left;
  const std::int64_t last = in.pad_left + in.W < width ? in.pad_left + in.W : width;
  constexpr std::int64_t column = N * L;
  std::memset(in.line, 0, static_cast<std::size_t>(first * column) * sizeof(std::int16_t));
  const auto zero = static_cast<std::uint16_t>(in.zero);
  for (std::int64_t w = first; w < last; ++w) {
    V x[N], v[N];
#pragma GCC unroll 6
    for (int h = 0; h < N; ++h) {
      load_words<L>(x[h], in.x[h] + (w - first) * L, in.is_signed, zero);
    }
    input(x, v);
    std::memcpy(in.line + w * column, v, sizeof v);
  }
  std::memset(in.line + last * column, 0, static_cast<std::size_t>((width - last) * column) * sizeof(std::int16_t));
  for (std::int64_t t = 0; t < in.tiles; ++t)
#pragma GCC unroll 1
    for (int i = 0; i < N; ++i) {
      V x[N], v[N];
#pragma GCC unroll 6
      for (int j = 0; j < N; ++j) std::memcpy(&x[j], in.line + (Y * t + j) * column + i * L, sizeof x[j]);
      input(x, v);
      std::int16_t* to = in.V + t * in.tile_stride + N * i * in.position_stride;
#pragma GCC unroll 6
      for (int j = 0; j < N; ++j) std::memcpy(to + j * in.position_stride, &v[j], sizeof v[j]);
    }
}

/// Eight channels of 16 pixels: AT of the rows, then of the columns, of S[p * step], as sums.
[[gnu::always_inline, gnu::target("avx2")]] inline void sums_back(const std::int32_t* S, std::int64_t step,
                                                                  __m256i (&y)[Y * Y]) {
  using V [[gnu::vector_size(32)]] = std::uint32_t;
  V half[Y][N];
#pragma GCC unroll 6
  for (int j = 0; j < N; ++j) {
    V s[N], column[Y];
#pragma GCC unroll 6
    for (int i = 0; i < N; ++i) std::memcpy(&s[i], S + (N * i + j) * step, sizeof s[i]);
    output(s, column);
#pragma GCC unroll 4
    for (int i = 0; i < Y; ++i) half[i][j] = column[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < Y; ++i) {
    V row[Y];
    output(half[i], row);
#pragma GCC unroll 4
    for (int j = 0; j < Y; ++j) y[Y * i + j] = reinterpret_cast<__m256i>(row[j] * ninth);
  }
}

/// The sums of a tile, [16 pixels][16 channels], whose S[p] lie `step` apart.
[[gnu::target("avx2")]] inline void transform_back_avx2(const std::int32_t* S, std::int64_t step, std::int32_t* sums) {
  for (int half = 0; half < 2; ++half) {
    __m256i y[Y * Y];
    sums_back(S + 8 * half, step, y);
#pragma GCC unroll 16
    for (int i = 0; i < Y * Y; ++i)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + i * tile_channels + 8 * half), _mm256_srai_epi32(y[i], 6));
  }
}

/// TileResult of R pixels.
template <int R>
[[gnu::target("avx2")]] inline void store_sums_avx2(const std::int32_t* sums, const TileResult& y) {
  __m256i sum[R][2];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    sum[r][0] = _mm256_add_epi32(load_integers(sums + r * tile_channels), load_integers(y.bias));
    sum[r][1] = _mm256_add_epi32(load_integers(sums + r * tile_channels + 8), load_integers(y.bias + 8));
  }
  store_avx2<R>(sum, y);
}
#endif

/// L: 8 or 16.
inline void transform_row([[maybe_unused]] std::int64_t L, [[maybe_unused]] const InputRow& in) {
#if defined(__x86_64__)
  if (L == 16) return transform_row_avx2<16>(in);
  transform_row_avx2<8>(in);
#endif
}
inline void transform_back([[maybe_unused]] const std::int32_t* S, [[maybe_unused]] std::int64_t step,
                           [[maybe_unused]] std::int32_t* sums) {
#if defined(__x86_64__)
  transform_back_avx2(S, step, sums);
#endif
}
/// TileResult of up to Y pixels.
inline void store([[maybe_unused]] const std::int32_t* sums, [[maybe_unused]] std::int64_t pixels,
                  [[maybe_unused]] const TileResult& y) {
#if defined(__x86_64__)
  static_assert(Y == 4);
  if (pixels == 4) return store_sums_avx2<4>(sums, y);
  if (pixels == 3) return store_sums_avx2<3>(sums, y);
  if (pixels == 2) return store_sums_avx2<2>(sums, y);
  store_sums_avx2<1>(sums, y);
#endif
}

}  // namespace weir::quantized::winograd
