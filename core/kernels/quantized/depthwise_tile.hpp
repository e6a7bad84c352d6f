/// The tile of depthwise convolutions for AVX2, and the copy that it reads.
#pragma once
#if defined(__x86_64__)
#include <weir/core/kernels/quantized/avx2.hpp>

namespace weir::quantized {

/// 8 channels.
template <int R>
[[gnu::target("avx2")]] inline void depthwise_tile_avx2(const DepthwiseTile& t) {
  __m256i sum[R];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    sum[r] = load_integers(t.bias);
  }
  const std::int16_t* w = t.weights;
  const std::int64_t step = t.x_stride;
#pragma GCC unroll 1
  for (const std::int64_t* o = t.offsets; o != t.offsets_end; ++o, w += 16) {
    const std::int16_t* x = t.x + *o;
    const __m256i weight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + r * step));
      sum[r] = _mm256_add_epi32(sum[r], _mm256_madd_epi16(pairs, weight));
    }
  }
  const __m256 scale = _mm256_loadu_ps(t.scale);
  const __m256i lane_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const auto at = [](int r) { return r < R ? r : R - 1; };
#pragma GCC unroll 6
  for (int r = 0; r < R; r += 4) {  // four pixels make 32 bytes
    const __m256i a = requantised_words(sum[r], sum[at(r + 1)], scale, scale, t.rounding);
    const __m256i b = r + 2 < R ? requantised_words(sum[at(r + 2)], sum[at(r + 3)], scale, scale, t.rounding) : a;
    const __m256d bytes =
        _mm256_castsi256_pd(_mm256_permutevar8x32_epi32(saturated_bytes(a, b, t.rounding, t.is_signed), lane_order));
    const __m128d first = _mm256_castpd256_pd128(bytes), second = _mm256_extractf128_pd(bytes, 1);
    const auto y = [&](int i) { return reinterpret_cast<double*>(t.y + i * t.y_stride); };
    _mm_storel_pd(y(r), first);
    if (r + 1 < R) _mm_storeh_pd(y(r + 1), first);
    if (r + 2 < R) _mm_storel_pd(y(r + 2), second);
    if (r + 3 < R) _mm_storeh_pd(y(r + 3), second);
  }
}

/// out[2 i] = a[i] - zero, out[2 i + 1] = b[i] - zero; n is a multiple of 8.
[[gnu::target("avx2")]] inline void pair_rows_avx2(const std::uint8_t* a, const std::uint8_t* b, std::int64_t n,
                                                   std::int32_t zero, bool is_signed, std::int16_t* out) {
  const __m256i zeros = _mm256_set1_epi16(static_cast<std::int16_t>(zero));
  const auto store = [&](std::int64_t i, __m128i pairs) __attribute__((always_inline, target("avx2"))) {
    const __m256i words = is_signed ? _mm256_cvtepi8_epi16(pairs) : _mm256_cvtepu8_epi16(pairs);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 2 * i), _mm256_sub_epi16(words, zeros));
  };
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i));
    const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i));
    store(i, _mm_unpacklo_epi8(x, y));
    store(i + 8, _mm_unpackhi_epi8(x, y));
  }
  if (i < n)
    store(i, _mm_unpacklo_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(a + i)),
                               _mm_loadl_epi64(reinterpret_cast<const __m128i*>(b + i))));
}

}  // namespace weir::quantized
#endif
