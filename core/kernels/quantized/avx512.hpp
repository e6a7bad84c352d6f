/// The tiles and strips for AVX-512 with VNNI: 16 channels in a register. Blocks have 16 channels there, so both halves
/// of a TileResult lie side by side.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#include <weir/core/kernels/quantized/depthwise_strip.hpp>
#include <weir/core/kernels/quantized/tile.hpp>

namespace weir::quantized {

/// For intrinsics that g++ 12 has without a mask too, and then warns of a variable of its own (GCC's bug 105593).
inline constexpr __mmask16 all_lanes = 0xFFFF;

/// As requantised_words() and saturated_bytes() of AVX2.
[[gnu::always_inline, gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline __m512i requantised_words_avx512(
    __m512i sum0, __m512i sum1, __m512 scale0, __m512 scale1, const Rounding& rounding) {
  const __m512 high = _mm512_set1_ps(rounding.high);
  const __m512 z0 =
      _mm512_maskz_min_ps(all_lanes, high, _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(all_lanes, sum0), scale0));
  const __m512 z1 =
      _mm512_maskz_min_ps(all_lanes, high, _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(all_lanes, sum1), scale1));
  const __m512i words =
      _mm512_packs_epi32(_mm512_maskz_cvtps_epi32(all_lanes, z0), _mm512_maskz_cvtps_epi32(all_lanes, z1));
  return _mm512_adds_epi16(words, _mm512_set1_epi16(static_cast<std::int16_t>(rounding.zero)));
}
[[gnu::always_inline, gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline __m512i saturated_bytes_avx512(
    __m512i a, __m512i b, const Rounding& rounding, bool is_signed) {
  const __m512i low = _mm512_set1_epi8(static_cast<char>(static_cast<std::int32_t>(rounding.low) + rounding.zero));
  return is_signed ? _mm512_max_epi8(_mm512_packs_epi16(a, b), low) : _mm512_max_epu8(_mm512_packus_epi16(a, b), low);
}

/// z clamped, rounded, the zero point added.
[[gnu::always_inline, gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline __m512i clamped_avx512(
    __m512 z, const Rounding& to) {
  z = _mm512_maskz_max_ps(all_lanes, z, _mm512_set1_ps(to.low));  // the second operand where the first is NaN
  z = _mm512_maskz_min_ps(all_lanes, z, _mm512_set1_ps(to.high));
  return _mm512_add_epi32(_mm512_maskz_cvtps_epi32(all_lanes, z), _mm512_set1_epi32(to.zero));
}

/// Of a result that is added to another image: TileResult of the sums of pixel r.
[[gnu::always_inline, gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline void store_summed_avx512(
    __m512i sum, std::int64_t r, const TileResult& y) {
  const PairNumbers& p = *y.sum;
  const __m512i q =
      clamped_avx512(_mm512_mul_ps(_mm512_maskz_cvtepi32_ps(all_lanes, sum), _mm512_loadu_ps(y.scale)), y.rounding);
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(y.other_low + r * y.y_stride));
  const __m512i other =
      p.b_signed ? _mm512_maskz_cvtepi8_epi32(all_lanes, bytes) : _mm512_maskz_cvtepu8_epi32(all_lanes, bytes);
  __m512 u = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_cvtepi32_ps(all_lanes, q), _mm512_set1_ps(p.a_zero)),
                           _mm512_set1_ps(p.a_factor));
  __m512 v = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_cvtepi32_ps(all_lanes, other), _mm512_set1_ps(p.b_zero)),
                           _mm512_set1_ps(p.b_factor));
  asm("" : "+v"(u), "+v"(v));  // as rounded() does
  const __m512i total = clamped_avx512(_mm512_add_ps(u, v), p.rounding);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(y.low + r * y.y_stride), _mm512_maskz_cvtepi32_epi8(all_lanes, total));
}

/// TileResult of a tile's sums, which began with the bias.
template <int R>
[[gnu::always_inline, gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline void store_avx512(
    const __m512i (&sum)[R], const TileResult& y) {
  if (y.sums != nullptr) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      _mm512_storeu_si512(y.sums + r * tile_channels, sum[r]);
    }
    return;
  }
  if (y.sum != nullptr) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      store_summed_avx512(sum[r], r, y);
    }
    return;
  }
  const __m512 scale = _mm512_loadu_ps(y.scale);
  const __m512i lane_order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const auto at = [](int r) { return r < R ? r : R - 1; };
#pragma GCC unroll 8
  for (int r = 0; r < R; r += 4) {  // four pixels make 64 bytes
    const __m512i a = requantised_words_avx512(sum[r], sum[at(r + 1)], scale, scale, y.rounding);
    const __m512i b =
        r + 2 < R ? requantised_words_avx512(sum[at(r + 2)], sum[at(r + 3)], scale, scale, y.rounding) : a;
    const __m512i bytes =
        _mm512_maskz_permutexvar_epi32(all_lanes, lane_order, saturated_bytes_avx512(a, b, y.rounding, y.is_signed));
    const auto to = [&](int i) { return reinterpret_cast<__m128i*>(y.low + i * y.y_stride); };
    _mm_storeu_si128(to(r), _mm512_maskz_extracti32x4_epi32(0xF, bytes, 0));
    if (r + 1 < R) _mm_storeu_si128(to(r + 1), _mm512_maskz_extracti32x4_epi32(0xF, bytes, 1));
    if (r + 2 < R) _mm_storeu_si128(to(r + 2), _mm512_maskz_extracti32x4_epi32(0xF, bytes, 2));
    if (r + 3 < R) _mm_storeu_si128(to(r + 3), _mm512_maskz_extracti32x4_epi32(0xF, bytes, 3));
  }
}

template <int R>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline void word_tile_avx512(const Tile& t) {
  __m512i sum[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    sum[r] = _mm512_loadu_si512(t.y.bias);
  }
  const std::int16_t* w = t.weights;
  const std::int64_t step = t.x_stride;
  for (const Tap* tap = t.taps; tap != t.taps_end; ++tap) {
    const std::int16_t* x = t.x + tap->offset;
    const std::int16_t* const end = x + 2 * tap->pairs;
#pragma GCC unroll 1
    for (; x != end; x += 2, w += 2 * tile_channels) {
      const __m512i weights = _mm512_loadu_si512(w);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        std::int32_t pair;
        __builtin_memcpy(&pair, x + r * step, sizeof pair);
        sum[r] = _mm512_dpwssd_epi32(sum[r], weights, _mm512_set1_epi32(pair));
      }
    }
  }
  store_avx512<R>(sum, t.y);
}

template <int R>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline void byte_tile_avx512(const ByteTile& t) {
  __m512i sum[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    sum[r] = _mm512_loadu_si512(t.y.bias);
  }
  const std::int8_t* w = t.weights;
  const std::int64_t x_stride = t.x_stride, block_stride = t.block_stride;
  const auto step = [&](const std::uint8_t* x)
      __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512vnni"))) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const __m512i weights = _mm512_loadu_si512(w + 64 * half);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        std::int32_t quad;
        __builtin_memcpy(&quad, x + r * x_stride + 4 * half, sizeof quad);
        sum[r] = _mm512_dpbusd_epi32(sum[r], _mm512_set1_epi32(quad), weights);
      }
    }
    w += 128;
  };
  for (const std::int64_t* tap = t.taps; tap != t.taps_end; ++tap) {
    const std::uint8_t* x = t.x + *tap;
#pragma GCC unroll 1
    for (std::int64_t b = 0; b < t.blocks; ++b, x += block_stride) step(x);
  }
  for (const ByteStep* s = t.more; s != t.more_end; ++s) step(t.x + t.taps[s->tap] + s->block * block_stride);
  store_avx512<R>(sum, t.y);
}

/// sum[i] is channels 4 i to 4 i + 3 of the four pixels.
struct StripAvx512 {
  __m512i sum[4];

  [[gnu::always_inline, gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline void start(
      const DepthwiseStrip& s) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      sum[i] =
          _mm512_maskz_broadcast_i32x4(all_lanes, _mm_loadu_si128(reinterpret_cast<const __m128i*>(s.bias + 4 * i)));
    }
  }
  [[gnu::always_inline, gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline void add(
      const __m512i (&x)[4], const std::int8_t* weights) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      sum[i] = _mm512_dpbusd_epi32(sum[i], x[i], _mm512_loadu_si512(weights + 64 * i));
    }
  }
  [[gnu::always_inline, gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline void store(const DepthwiseStrip& s,
                                                                                                std::uint8_t* y) const {
    __m512 scale[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      scale[i] = _mm512_maskz_broadcast_f32x4(all_lanes, _mm_loadu_ps(s.scale + 4 * i));
    }
    const __m512i a = requantised_words_avx512(sum[0], sum[1], scale[0], scale[1], s.rounding);
    const __m512i b = requantised_words_avx512(sum[2], sum[3], scale[2], scale[3], s.rounding);
    _mm512_storeu_si512(y, saturated_bytes_avx512(a, b, s.rounding, s.is_signed));
  }
};

[[gnu::always_inline, gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline void load_quads_avx512(
    const std::uint8_t* x, const std::int64_t* o, __m512i (&q)[4]) {
  const __m512i a = _mm512_loadu_si512(x + o[0]), b = _mm512_loadu_si512(x + o[1]);
  const __m512i c = _mm512_loadu_si512(x + o[2]), d = _mm512_loadu_si512(x + o[3]);
  const __m512i ab0 = _mm512_unpacklo_epi8(a, b), cd0 = _mm512_unpacklo_epi8(c, d);
  const __m512i ab1 = _mm512_unpackhi_epi8(a, b), cd1 = _mm512_unpackhi_epi8(c, d);
  q[0] = _mm512_unpacklo_epi16(ab0, cd0), q[1] = _mm512_unpackhi_epi16(ab0, cd0);
  q[2] = _mm512_unpacklo_epi16(ab1, cd1), q[3] = _mm512_unpackhi_epi16(ab1, cd1);
}

/// As depthwise_strip_avx2().
[[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline void depthwise_strip_avx512(const DepthwiseStrip& s) {
  StripAvx512 sums;
  sums.start(s);
  const std::int8_t* w = s.weights;
  for (const std::int64_t* o = s.offsets; o != s.offsets_end; o += 4, w += 256) {
    __m512i q[4];
    load_quads_avx512(s.x, o, q);
    sums.add(q, w);
  }
  sums.store(s, s.y);
}

/// As depthwise_rows_avx2().
template <int R>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] inline void depthwise_rows_avx512(const DepthwiseStrip& s) {
  StripAvx512 sums[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    sums[r].start(s);
  }
#pragma GCC unroll 6
  for (int i = 0; i < R + 2; ++i) {
    __m512i q[4];
    load_quads_avx512(s.x + i * s.row, s.offsets, q);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      if (i >= r && i - r < 3) sums[r].add(q, s.weights + 256 * (i - r));
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    sums[r].store(s, s.y + r * s.y_row);
  }
}

}  // namespace weir::quantized
#endif
