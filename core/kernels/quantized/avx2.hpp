/// What the tiles of AVX2 share: requantising, storing, and 8-bit integers to 16 bits.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#include <weir/core/kernels/quantized/tile.hpp>

namespace weir::quantized {

/// total * scale, rounded: 8 integers of 32 bits.
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

/// 16 integers as bytes.
[[gnu::always_inline, gnu::target("avx2")]] inline __m128i packed_bytes(__m256i q0, __m256i q1, bool is_signed) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(q0, q1), 0xD8);
  const __m128i first = _mm256_castsi256_si128(words), second = _mm256_extracti128_si256(words, 1);
  return is_signed ? _mm_packs_epi16(first, second) : _mm_packus_epi16(first, second);
}

/// Rounding of 16 sums, but for its lower end: words of 16 bits, the zero point added, in the order that packing within
/// 16 bytes gives. With saturated_bytes() the bits of requantised() in fewer instructions: what is below 32 bits, and
/// NaN, becomes the least integer, and packing brings it and all that is too low to the lower end.
[[gnu::always_inline, gnu::target("avx2")]] inline __m256i requantised_words(__m256i sum0, __m256i sum1, __m256 scale0,
                                                                             __m256 scale1, const Rounding& rounding) {
  const __m256 high = _mm256_set1_ps(rounding.high);
  const __m256 z0 = _mm256_min_ps(high, _mm256_mul_ps(_mm256_cvtepi32_ps(sum0), scale0));  // the second where it is NaN
  const __m256 z1 = _mm256_min_ps(high, _mm256_mul_ps(_mm256_cvtepi32_ps(sum1), scale1));
  const __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(z0), _mm256_cvtps_epi32(z1));
  return _mm256_adds_epi16(words, _mm256_set1_epi16(static_cast<std::int16_t>(rounding.zero)));
}
/// Those as bytes, brought to the lower end.
[[gnu::always_inline, gnu::target("avx2")]] inline __m256i saturated_bytes(__m256i a, __m256i b,
                                                                           const Rounding& rounding, bool is_signed) {
  const __m256i low = _mm256_set1_epi8(static_cast<char>(static_cast<std::int32_t>(rounding.low) + rounding.zero));
  return is_signed ? _mm256_max_epi8(_mm256_packs_epi16(a, b), low) : _mm256_max_epu8(_mm256_packus_epi16(a, b), low);
}

/// 8 integers at p as floats.
[[gnu::always_inline, gnu::target("avx2")]] inline __m256 load_bytes_avx2(const std::uint8_t* p, bool is_signed) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return _mm256_cvtepi32_ps(is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes));
}

/// PairNumbers of 8 integers q and of those at `other`.
[[gnu::always_inline, gnu::target("avx2")]] inline __m256i summed(__m256i q, const std::uint8_t* other,
                                                                  const PairNumbers& p) {
  __m256 u = _mm256_mul_ps(_mm256_sub_ps(_mm256_cvtepi32_ps(q), _mm256_set1_ps(p.a_zero)), _mm256_set1_ps(p.a_factor));
  __m256 v = _mm256_mul_ps(_mm256_sub_ps(load_bytes_avx2(other, p.b_signed), _mm256_set1_ps(p.b_zero)),
                           _mm256_set1_ps(p.b_factor));
  asm("" : "+x"(u), "+x"(v));  // as rounded() does
  u = _mm256_max_ps(_mm256_add_ps(u, v), _mm256_set1_ps(p.rounding.low));
  u = _mm256_min_ps(u, _mm256_set1_ps(p.rounding.high));
  return _mm256_add_epi32(_mm256_cvtps_epi32(u), _mm256_set1_epi32(p.rounding.zero));
}

/// Of a result that is added to another image: TileResult of a tile's sums [pixels][16]. A function of its own, so that
/// not each tile has a copy of it.
[[gnu::noinline, gnu::target("avx2")]] inline void store_summed(const std::int32_t* sums, std::int64_t pixels,
                                                                const TileResult& of) {
  const TileResult y = of;  // which no store can change, nor p: what lies in them is loaded once
  const PairNumbers p = *of.sum;
  for (std::int64_t r = 0; r < pixels; ++r, sums += tile_channels) {
    const std::int64_t at = r * y.y_stride;
    const __m256i q0 = summed(requantised(load_integers(sums), y.scale, y.rounding), y.other_low + at, p);
    const __m256i q1 = summed(requantised(load_integers(sums + 8), y.scale + 8, y.rounding), y.other_high + at, p);
    const __m128d bytes = _mm_castsi128_pd(packed_bytes(q0, q1, y.is_signed));
    _mm_storel_pd(reinterpret_cast<double*>(y.low + at), bytes);
    _mm_storeh_pd(reinterpret_cast<double*>(y.high + at), bytes);
  }
}

/// TileResult of a tile's sums, which began with the bias.
template <int R>
[[gnu::always_inline, gnu::target("avx2")]] inline void store_avx2(const __m256i (&sum)[R][2], const TileResult& y) {
  if (y.sums != nullptr || y.sum != nullptr) {
    alignas(32) std::int32_t kept[R * tile_channels];
    std::int32_t* const to = y.sums != nullptr ? y.sums : kept;
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + r * tile_channels), sum[r][0]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + r * tile_channels + 8), sum[r][1]);
    }
    if (y.sums == nullptr) store_summed(kept, R, y);
    return;
  }
  const __m256 scale0 = _mm256_loadu_ps(y.scale), scale1 = _mm256_loadu_ps(y.scale + 8);
  const __m256i lane_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
#pragma GCC unroll 6
  for (int r = 0; r < R; r += 2) {
    const int next = r + 1 < R ? r + 1 : r;
    const __m256i a = requantised_words(sum[r][0], sum[r][1], scale0, scale1, y.rounding);
    const __m256i b = next == r ? a : requantised_words(sum[next][0], sum[next][1], scale0, scale1, y.rounding);
    const __m256d both =
        _mm256_castsi256_pd(_mm256_permutevar8x32_epi32(saturated_bytes(a, b, y.rounding, y.is_signed), lane_order));
    const __m128d first = _mm256_castpd256_pd128(both), second = _mm256_extractf128_pd(both, 1);
    _mm_storel_pd(reinterpret_cast<double*>(y.low + r * y.y_stride), first);
    _mm_storeh_pd(reinterpret_cast<double*>(y.high + r * y.y_stride), first);
    if (next == r) break;
    _mm_storel_pd(reinterpret_cast<double*>(y.low + next * y.y_stride), second);
    _mm_storeh_pd(reinterpret_cast<double*>(y.high + next * y.y_stride), second);
  }
}

/// out[i] = in[i] - zero.
[[gnu::target("avx2")]] inline void widen_avx2(const std::uint8_t* in, std::int64_t n, std::int32_t zero,
                                               bool is_signed, std::int16_t* out) {
  const __m128i zeros = _mm_set1_epi16(static_cast<std::int16_t>(zero));
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(in + i));
    const __m128i words = is_signed ? _mm_cvtepi8_epi16(bytes) : _mm_cvtepu8_epi16(bytes);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_sub_epi16(words, zeros));
  }
  for (; i < n; ++i) out[i] = static_cast<std::int16_t>((is_signed ? static_cast<std::int8_t>(in[i]) : in[i]) - zero);
}

}  // namespace weir::quantized
#endif
