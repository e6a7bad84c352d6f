/// The tiles of bytes for AVX2, and for processors whose VNNI adds the products of four bytes in one instruction.
#pragma once
#if defined(__x86_64__)
#include <weir/core/kernels/quantized/avx2.hpp>

namespace weir::quantized {

/// Four products for each 32 bits, twice: pmaddubsw adds pairs of them in 16 bits, where four have room too (see
/// ByteTile), and pmaddwd by ones brings the two to 32. Three instructions that multiply for 64 products.
struct ByteProducts {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x0, __m256i x1, __m256i w0,
                                                                     __m256i w1) {
    const __m256i words = _mm256_add_epi16(_mm256_maddubs_epi16(x0, w0), _mm256_maddubs_epi16(x1, w1));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
  }
};

/// The same without room for four: each pair is brought to 32 bits by itself. Two instructions more for 64 products.
struct BytePairProducts {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x0, __m256i x1, __m256i w0,
                                                                     __m256i w1) {
    const __m256i ones = _mm256_set1_epi16(1);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x0, w0), ones));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x1, w1), ones));
  }
};

/// vpdpbusd adds four products in 32 bits and does not saturate.
struct VnniByteProducts {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x0, __m256i x1, __m256i w0,
                                                                     __m256i w1) {
    asm("vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x0), "x"(w0));
    asm("vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x1), "x"(w1));
  }
};
/// As AVX-VNNI, without AVX-512, encodes it.
struct AvxVnniByteProducts {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x0, __m256i x1, __m256i w0,
                                                                     __m256i w1) {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x0), "x"(w0));
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x1), "x"(w1));
  }
};

/// Four bytes, repeated, by an instruction that only loads: g++ would load eight at a time and move them to registers
/// apart. Volatile, so that it stays where it is written.
[[gnu::always_inline, gnu::target("avx2")]] inline __m256i broadcast_four_bytes(const std::uint8_t* p) {
  struct [[gnu::packed, gnu::may_alias]] Four {
    std::uint8_t bytes[4];
  };
  __m256i v;
  asm volatile("vpbroadcastd %1, %0" : "=x"(v) : "m"(*reinterpret_cast<const Four*>(p)));
  return v;
}

template <int R, class Products>
[[gnu::target("avx2")]] inline void byte_tile(const ByteTile& t) {
  __m256i sum[R][2];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    sum[r][0] = load_integers(t.y.bias);
    sum[r][1] = load_integers(t.y.bias + 8);
  }
  const std::int8_t* w = t.weights;
  const std::int64_t x_stride = t.x_stride, block_stride = t.block_stride;
  const auto step = [&](const std::uint8_t* x) __attribute__((always_inline, target("avx2"))) {
    const auto* const from = reinterpret_cast<const __m256i*>(w);
    const __m256i w00 = _mm256_loadu_si256(from), w01 = _mm256_loadu_si256(from + 1);
    const __m256i w10 = _mm256_loadu_si256(from + 2), w11 = _mm256_loadu_si256(from + 3);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      // One pixel after the other: all at once would need more registers than there are.
      const __m256i x0 = broadcast_four_bytes(x + r * x_stride), x1 = broadcast_four_bytes(x + r * x_stride + 4);
      Products::add(sum[r][0], x0, x1, w00, w10);
      Products::add(sum[r][1], x0, x1, w01, w11);
      asm volatile("" : "+x"(sum[r][0]), "+x"(sum[r][1]));
    }
    w += 128;
  };
  for (const std::int64_t* tap = t.taps; tap != t.taps_end; ++tap) {
    const std::uint8_t* x = t.x + *tap;
#pragma GCC unroll 1
    for (std::int64_t b = 0; b < t.blocks; ++b, x += block_stride) step(x);
  }
  for (const ByteStep* s = t.more; s != t.more_end; ++s) step(t.x + t.taps[s->tap] + s->block * block_stride);
  store_avx2<R>(sum, t.y);
}

}  // namespace weir::quantized
#endif
