/// The tiles of 16-bit numbers for AVX2, and for processors whose VNNI adds the products of pairs in one instruction.
#pragma once
#if defined(__x86_64__)
#include <weir/core/kernels/quantized/avx2.hpp>

namespace weir::quantized {

/// Two products of 16 bits each, added in 32: exact, where the instruction for bytes (pmaddubsw) may saturate.
struct MultiplyAdd {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x, __m256i w) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
  }
};

/// MultiplyAdd in one instruction, vpdpwssd on 256 bits, to the same bits: it adds in 32 bits and does not saturate. In
/// words, because an intrinsic could not be inlined into a body that is compiled for AVX2 too.
struct VnniMultiplyAdd {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x, __m256i w) {
    asm("vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
  }
};
/// As AVX-VNNI, without AVX-512, encodes it.
struct AvxVnniMultiplyAdd {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x, __m256i w) {
    asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
  }
};

template <int R, class Product>
[[gnu::always_inline, gnu::target("avx2")]] inline void word_tile_body(const Tile& t) {
  __m256i sum[R][2];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    sum[r][0] = load_integers(t.y.bias);
    sum[r][1] = load_integers(t.y.bias + 8);
  }
  const std::int16_t* w = t.weights;
  const std::int64_t step = t.x_stride;
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
        // One pixel after the other: all at once would need more registers than there are.
        asm volatile("" : "+x"(both));
        Product::add(sum[r][0], both, w0);
        Product::add(sum[r][1], both, w1);
        asm volatile("" : "+x"(sum[r][0]), "+x"(sum[r][1]));
      }
    }
  }
  store_avx2<R>(sum, t.y);
}

template <int R, class Product>
[[gnu::target("avx2")]] inline void word_tile(const Tile& t) {
  word_tile_body<R, Product>(t);
}

}  // namespace weir::quantized
#endif
