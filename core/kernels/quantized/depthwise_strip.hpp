/// The strip of depthwise convolutions by products of bytes: its contract, and the body for AVX2.
#pragma once
#include <weir/core/kernels/quantized/avx2.hpp>
#include <weir/core/kernels/quantized/byte_tile.hpp>

namespace weir::quantized {

/// Pixels of a strip, and rows of output that one call computes at most where the kernel has three rows (Tiles says
/// how many of an instruction set).
inline constexpr int strip_pixels = 4, most_strip_rows = 4;

/// Four neighbouring pixels of a block of channels. A quad is four columns of one row of the kernel; with L channels of
/// a block, offset[q][i] leading to the i-th column of quad q, and x being uint8
///
///     sum[p][c] = bias[c] + sum over q and i < 4 of x[offset[q][i] + p*L + c] * weights[q][c][i]
///
/// in 32 bits, then as in TileResult. The four pixels are contiguous in x and in y.
///
///     a = x[offset[q][0]..]: | a a a a ... |      interleaved by bytes, then by pairs:
///     b = x[offset[q][1]..]: | b b b b ... |      | a b c d | a b c d | ... |    four bytes for each channel,
///     c, d likewise                               which one instruction (or two) multiplies and adds
///
/// Interleaving works within 16 bytes, and so does packing the results, which undoes it: nothing is reordered. The
/// weights lie as they are multiplied: for each quad and each four channels, [4 channels][4 columns], repeated to fill
/// a register.
struct DepthwiseStrip {
  const std::uint8_t* x;
  const std::int64_t *offsets, *offsets_end;  ///< four of a quad
  std::int64_t row;                           ///< bytes from one row of x to the next
  const std::int8_t* weights;
  const std::int32_t* bias;
  const float* scale;
  Rounding rounding;
  bool is_signed;
  std::uint8_t* y;
  std::int64_t y_row;  ///< from one row of y to the next
};
using DepthwiseStripKernel = void (*)(const DepthwiseStrip& strip);

#if defined(__x86_64__)
/// Four products for each 32 bits; see ByteTile for what the weights must keep to.
struct QuadProducts {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x, __m256i w) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1)));
  }
};
struct AvxVnniQuadProducts {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x, __m256i w) {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
  }
};

/// Eight channels. Of the sums, 0 and 1 are channels 0 to 3 and 4 to 7 of pixels 0 and 2, the others of pixels 1 and 3.
struct StripAvx2 {
  __m256i sum[4];

  [[gnu::always_inline, gnu::target("avx2")]] inline void start(const DepthwiseStrip& s) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      sum[i] = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(s.bias + i % 2 * 4)));
    }
  }
  template <class Products>
  [[gnu::always_inline, gnu::target("avx2")]] inline void add(const __m256i (&x)[4], const std::int8_t* weights) {
    const auto* const w = reinterpret_cast<const __m256i*>(weights);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      Products::add(sum[i], x[i], _mm256_loadu_si256(w + i % 2));
    }
  }
  [[gnu::always_inline, gnu::target("avx2")]] inline void store(const DepthwiseStrip& s, std::uint8_t* y) const {
    const __m256 low4 = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(s.scale));
    const __m256 high4 = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(s.scale + 4));
    const __m256i even = requantised_words(sum[0], sum[1], low4, high4, s.rounding);
    const __m256i odd = requantised_words(sum[2], sum[3], low4, high4, s.rounding);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), saturated_bytes(even, odd, s.rounding, s.is_signed));
  }
};

[[gnu::always_inline, gnu::target("avx2")]] inline void load_quads(const std::uint8_t* x, const std::int64_t* o,
                                                                   __m256i (&q)[4]) {
  const auto at = [&](int i) __attribute__((always_inline, target("avx2"))) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + o[i]));
  };
  const __m256i a = at(0), b = at(1), c = at(2), d = at(3);
  const __m256i ab0 = _mm256_unpacklo_epi8(a, b), cd0 = _mm256_unpacklo_epi8(c, d);
  const __m256i ab1 = _mm256_unpackhi_epi8(a, b), cd1 = _mm256_unpackhi_epi8(c, d);
  q[0] = _mm256_unpacklo_epi16(ab0, cd0), q[1] = _mm256_unpackhi_epi16(ab0, cd0);
  q[2] = _mm256_unpacklo_epi16(ab1, cd1), q[3] = _mm256_unpackhi_epi16(ab1, cd1);
}

/// The first of n pixels of L (8 or 16) bytes, the third, ... to `even`, the others to `odd`, each changed by `flip`.
/// Gives how many it has copied: a multiple of 8 or 4.
[[gnu::target("avx2")]] inline std::int64_t split_columns_avx2(const std::uint8_t* x, std::int64_t n, std::int64_t L,
                                                               std::uint8_t flip, std::uint8_t* even,
                                                               std::uint8_t* odd) {
  const __m256i change = _mm256_set1_epi8(static_cast<char>(flip));
  const std::int64_t step = 64 / L;
  std::int64_t w = 0;
  for (; w + step <= n; w += step, x += 64, even += 32, odd += 32) {
    const __m256i a = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)), change);
    const __m256i b = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + 32)), change);
    const __m256i first =
        L == 16 ? _mm256_permute2x128_si256(a, b, 0x20) : _mm256_permute4x64_epi64(_mm256_unpacklo_epi64(a, b), 0xD8);
    const __m256i second =
        L == 16 ? _mm256_permute2x128_si256(a, b, 0x31) : _mm256_permute4x64_epi64(_mm256_unpackhi_epi64(a, b), 0xD8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(even), first);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(odd), second);
  }
  return w;
}

/// Any quads, one row.
template <class Products>
[[gnu::target("avx2")]] inline void depthwise_strip_avx2(const DepthwiseStrip& s) {
  StripAvx2 sums;
  sums.start(s);
  const std::int8_t* w = s.weights;
  for (const std::int64_t* o = s.offsets; o != s.offsets_end; o += 4, w += 64) {
    __m256i q[4];
    load_quads(s.x, o, q);
    sums.add<Products>(q, w);
  }
  sums.store(s, s.y);
}

/// R rows of a kernel of three rows and at most four columns that moves by one row: the first four offsets hold for
/// each row, and what is interleaved of a row of x serves three rows of y.
template <int R, class Products>
[[gnu::target("avx2")]] inline void depthwise_rows_avx2(const DepthwiseStrip& s) {
  StripAvx2 sums[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    sums[r].start(s);
  }
#pragma GCC unroll 6
  for (int i = 0; i < R + 2; ++i) {
    __m256i q[4];
    load_quads(s.x + i * s.row, s.offsets, q);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      if (i >= r && i - r < 3) sums[r].template add<Products>(q, s.weights + 64 * (i - r));
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    sums[r].store(s, s.y + r * s.y_row);
  }
}
#endif

}  // namespace weir::quantized
