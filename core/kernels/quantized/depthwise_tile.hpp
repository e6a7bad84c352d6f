/// The tile of depthwise convolutions for AVX2, and the copy that it reads.
#pragma once
#if defined(__x86_64__)
#include <weir/core/kernels/quantized/avx2.hpp>

namespace weir::quantized {

/// 8 channels.
template <int R>
[[gnu::target("avx2")]] inline void depthwise_tile_avx2(const DepthwiseTile& t) {
  __m256i sum[R + 1];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    sum[r] = load_integers(t.bias);
  }
  const std::int16_t* w = t.weights;
  const std::int64_t step = t.x_step;
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
  sum[R] = sum[R - 1];
#pragma GCC unroll 6
  for (int r = 0; r < R; r += 2) {  // two pixels make 16 bytes
    const __m256i q0 = requantised(sum[r], t.scale, t.rounding), q1 = requantised(sum[r + 1], t.scale, t.rounding);
    const __m128i bytes = packed_bytes(q0, q1, t.is_signed);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(t.y + r * t.y_step), bytes);
    if (r + 1 < R)
      _mm_storel_epi64(reinterpret_cast<__m128i*>(t.y + (r + 1) * t.y_step), _mm_unpackhi_epi64(bytes, bytes));
  }
}

/// out[2 i] = a[i] - zero, out[2 i + 1] = b[i] - zero; n is a multiple of 8.
[[gnu::target("avx2")]] inline void pair_rows_avx2(const std::uint8_t* a, const std::uint8_t* b, std::int64_t n,
                                                   std::int32_t zero, bool is_signed, std::int16_t* out) {
  const __m256i zeros = _mm256_set1_epi16(static_cast<std::int16_t>(zero));
  for (std::int64_t i = 0; i < n; i += 8) {
    const __m128i pairs = _mm_unpacklo_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(a + i)),
                                            _mm_loadl_epi64(reinterpret_cast<const __m128i*>(b + i)));
    const __m256i words = is_signed ? _mm256_cvtepi8_epi16(pairs) : _mm256_cvtepu8_epi16(pairs);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 2 * i), _mm256_sub_epi16(words, zeros));
  }
}

}  // namespace weir::quantized
#endif
