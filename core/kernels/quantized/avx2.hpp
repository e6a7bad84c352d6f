/// The tiles for AVX2, and for processors whose VNNI adds the products of 16-bit pairs in one instruction.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#include <weir/core/kernels/quantized/tile.hpp>

namespace weir::quantized {

/// Two products of 16 bits each, added in 32: exact, where the instruction for bytes (pmaddubsw) would saturate.
struct MultiplyAdd {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x, __m256i w) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
  }
};

/// (sum + bias) * scale, rounded: 8 integers of 32 bits.
[[gnu::always_inline, gnu::target("avx2")]] inline __m256i requantised(__m256i total, const float* scale,
                                                                       const Rounding& rounding) {
  __m256 z = _mm256_mul_ps(_mm256_cvtepi32_ps(total), _mm256_loadu_ps(scale));
  z = _mm256_max_ps(z, _mm256_set1_ps(rounding.low));  // the second operand where the first is NaN
  z = _mm256_min_ps(z, _mm256_set1_ps(rounding.high));
  return _mm256_add_epi32(_mm256_cvtps_epi32(z), _mm256_set1_epi32(rounding.zero));
}

[[gnu::always_inline, gnu::target("avx2")]] inline __m256i load_integers(const std::int32_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

template <int R, class Product>
[[gnu::always_inline, gnu::target("avx2")]] inline void tile_body_256(const Tile& t) {
  __m256i sum[R][2];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    sum[r][0] = _mm256_setzero_si256();
    sum[r][1] = _mm256_setzero_si256();
  }
  const std::int16_t* w = t.weights;
  const std::int64_t step = t.x_step;
  for (const Tap* tap = t.taps; tap != t.taps_end; ++tap) {
    const std::int16_t* x = t.x + tap->offset;
    const std::int16_t* const end = x + 2 * tap->pairs;
#pragma GCC unroll 1
    for (; x != end; x += 2, w += 2 * tile_channels) {
      const __m256i w0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
      const __m256i w1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + 16));
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r) {
        std::int32_t pair;
        __builtin_memcpy(&pair, x + r * step, sizeof pair);
        __m256i both = _mm256_set1_epi32(pair);
        asm volatile(""
                     : "+x"(both));  // one pixel after the other: all at once would need more registers than there are
        Product::add(sum[r][0], both, w0);
        Product::add(sum[r][1], both, w1);
        asm volatile("" : "+x"(sum[r][0]), "+x"(sum[r][1]));
      }
    }
  }
  const __m256i bias0 = load_integers(t.bias), bias1 = load_integers(t.bias + 8);
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    sum[r][0] = _mm256_add_epi32(sum[r][0], bias0);
    sum[r][1] = _mm256_add_epi32(sum[r][1], bias1);
  }
  if (t.sums != nullptr) {
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(t.sums + r * tile_channels), sum[r][0]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(t.sums + r * tile_channels + 8), sum[r][1]);
    }
    return;
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    const __m256i q0 = requantised(sum[r][0], t.scale, t.rounding);
    const __m256i q1 = requantised(sum[r][1], t.scale + 8, t.rounding);
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(q0, q1), 0xD8);
    const __m128i first = _mm256_castsi256_si128(words), second = _mm256_extracti128_si256(words, 1);
    const __m128i bytes = t.is_signed ? _mm_packs_epi16(first, second) : _mm_packus_epi16(first, second);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(t.low + r * t.y_step), bytes);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(t.high + r * t.y_step), _mm_unpackhi_epi64(bytes, bytes));
  }
}

template <int R>
[[gnu::target("avx2")]] inline void tile_avx2(const Tile& t) {
  tile_body_256<R, MultiplyAdd>(t);
}

/// 8 channels. Each number of x is the lower half of 32 bits whose upper half is 0.
template <int R>
[[gnu::target("avx2")]] inline void depthwise_tile_avx2(const DepthwiseTile& t) {
  __m256i sum[R];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    sum[r] = load_integers(t.bias);
  }
  const std::int32_t* w = t.weights;
  const std::int64_t step = t.x_step;
#pragma GCC unroll 1
  for (const std::int64_t* o = t.offsets; o != t.offsets_end; ++o, w += 8) {
    const std::int16_t* x = t.x + *o;
    const __m256i weight = load_integers(w);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + r * step));
      MultiplyAdd::add(sum[r], _mm256_cvtepu16_epi32(words), weight);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    const __m256i q = requantised(sum[r], t.scale, t.rounding);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    const __m128i bytes = t.is_signed ? _mm_packs_epi16(words, words) : _mm_packus_epi16(words, words);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(t.y + r * t.y_step), bytes);
  }
}

}  // namespace weir::quantized
#endif
