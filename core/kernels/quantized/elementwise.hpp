/// Functions of each integer of 8 bits, of two of them, and from and to floats.
#pragma once
#include <array>
#include <cstring>
#include <weir/core/context.hpp>
#include <weir/core/kernels/micro/simd.hpp>
#include <weir/core/kernels/quantized/avx2.hpp>
#include <weir/core/kernels/quantized/pair_numbers.hpp>
#include <weir/core/kernels/quantized/rounding.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/parallel.hpp>

namespace weir::quantized {

template <int W>
struct Bytes {
  using Unsigned [[gnu::vector_size(W)]] = std::uint8_t;
  using Signed [[gnu::vector_size(W)]] = std::int8_t;
};

/// v = the integers at p.
template <int W>
[[gnu::always_inline]] inline void load_bytes(simd::Floats<W>& v, const std::uint8_t* p, bool is_signed) {
  typename Bytes<W>::Unsigned bytes;
  std::memcpy(&bytes, p, sizeof bytes);
  if (is_signed) {
    typename Bytes<W>::Signed same;
    std::memcpy(&same, p, sizeof same);
    v = __builtin_convertvector(__builtin_convertvector(same, simd::Ints<W>), simd::Floats<W>);
  } else {
    v = __builtin_convertvector(__builtin_convertvector(bytes, simd::Ints<W>), simd::Floats<W>);
  }
}

/// Rounding, W at a time.
template <int W>
[[gnu::always_inline]] inline void store_bytes(simd::Floats<W>& z, const Rounding& r, std::uint8_t* p) {
  const simd::Floats<W> low = simd::Floats<W>{} + r.low, high = simd::Floats<W>{} + r.high;
  z = z > low ? z : low;
  z = z < high ? z : high;
  z = z + Rounding::magic;
  rounded(z);
  z = z - Rounding::magic;
  const simd::Ints<W> q = __builtin_convertvector(z, simd::Ints<W>) + r.zero;
  const typename Bytes<W>::Unsigned bytes = __builtin_convertvector(q, typename Bytes<W>::Unsigned);
  std::memcpy(p, &bytes, sizeof bytes);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] inline std::int64_t quantize_avx2(const float* x, std::int64_t n, float scale,
                                                          const Rounding& r, bool is_signed, std::uint8_t* y) {
  const __m256 divisor = _mm256_set1_ps(scale), high = _mm256_set1_ps(r.high);
  const __m256i zero = _mm256_set1_epi16(static_cast<std::int16_t>(r.zero));
  const __m256i lane_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const auto eight = [&](const float* p) __attribute__((always_inline, target("avx2"))) {
    // As requantised_words().
    return _mm256_cvtps_epi32(_mm256_min_ps(high, _mm256_div_ps(_mm256_loadu_ps(p), divisor)));
  };
  std::int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i a = _mm256_adds_epi16(_mm256_packs_epi32(eight(x + i), eight(x + i + 8)), zero);
    const __m256i b = _mm256_adds_epi16(_mm256_packs_epi32(eight(x + i + 16), eight(x + i + 24)), zero);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i),
                        _mm256_permutevar8x32_epi32(saturated_bytes(a, b, r, is_signed), lane_order));
  }
  return i;
}
[[gnu::target("avx2")]] inline std::int64_t dequantize_avx2(const std::uint8_t* x, std::int64_t n, float scale,
                                                            float zero, bool is_signed, float* y) {
  const __m256 zeros = _mm256_set1_ps(zero), factor = _mm256_set1_ps(scale);
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_sub_ps(load_bytes_avx2(x + i, is_signed), zeros), factor));
  return i;
}
#endif

/// y[i] = saturate(round(x[i] / scale) + zero). Divided: to multiply by 1 / scale would round otherwise.
inline void quantize([[maybe_unused]] Isa isa, const float* x, std::int64_t n, float scale, const Rounding& r,
                     [[maybe_unused]] bool is_signed, std::uint8_t* y) {
  std::int64_t i = 0;
#if defined(__x86_64__)
  if (isa != Isa::portable) i = quantize_avx2(x, n, scale, r, is_signed, y);
#endif
  for (; i < n; ++i) y[i] = static_cast<std::uint8_t>(r(x[i] / scale));
}

/// y[i] = (x[i] - zero) * scale.
inline void dequantize([[maybe_unused]] Isa isa, const std::uint8_t* x, std::int64_t n, float scale, float zero,
                       bool is_signed, float* y) {
  std::int64_t i = 0;
#if defined(__x86_64__)
  if (isa != Isa::portable) i = dequantize_avx2(x, n, scale, zero, is_signed, y);
#endif
  const Element e = is_signed ? Element::int8 : Element::uint8;
  for (; i < n; ++i) y[i] = (static_cast<float>(byte_at(x, i, e)) - zero) * scale;
}

/// y = saturate(round((a - a_zero) * a_factor + (b - b_zero) * b_factor) + zero), or, of a product,
/// saturate(round((a - a_zero) * (b - b_zero) * a_factor + zero)).
struct PairKernel {
  template <int W>
  [[gnu::always_inline]] static void run(const std::uint8_t* a, const std::uint8_t* b, std::int64_t n,
                                         const PairNumbers& p, std::uint8_t* y) {
    std::int64_t i = 0;
    for (; i + W <= n; i += W) {
      simd::Floats<W> u, v;
      load_bytes<W>(u, a + i, p.a_signed);
      load_bytes<W>(v, b + i, p.b_signed);
      u = u - p.a_zero;
      v = v - p.b_zero;
      if (p.product) {
        u = u * v * p.a_factor;
        rounded(u);
        u = u + p.zero;
      } else {
        u = u * p.a_factor;
        v = v * p.b_factor;
        rounded(u);
        rounded(v);
        u = u + v;
      }
      store_bytes<W>(u, p.rounding, y + i);
    }
    for (; i < n; ++i)
      y[i] = static_cast<std::uint8_t>(p(byte_at(a, i, p.a_signed ? Element::int8 : Element::uint8),
                                         byte_at(b, i, p.b_signed ? Element::int8 : Element::uint8)));
  }
};

#if defined(__x86_64__)
/// PairKernel with what AVX2 has for bytes; compilers do not find it.
[[gnu::target("avx2")]] inline void pairs_avx2(const std::uint8_t* a, const std::uint8_t* b, std::int64_t n,
                                               const PairNumbers& p, std::uint8_t* y) {
  const __m256 a_zero = _mm256_set1_ps(p.a_zero), b_zero = _mm256_set1_ps(p.b_zero);
  const __m256 a_factor = _mm256_set1_ps(p.a_factor), b_factor = _mm256_set1_ps(p.b_factor);
  const __m256 low = _mm256_set1_ps(p.rounding.low), high = _mm256_set1_ps(p.rounding.high);
  const __m256 added = _mm256_set1_ps(p.zero);
  const __m256i zero = _mm256_set1_epi32(p.rounding.zero);
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    __m256 u = _mm256_sub_ps(load_bytes_avx2(a + i, p.a_signed), a_zero);
    __m256 v = _mm256_sub_ps(load_bytes_avx2(b + i, p.b_signed), b_zero);
    if (p.product) {
      u = _mm256_mul_ps(_mm256_mul_ps(u, v), a_factor);
      asm("" : "+x"(u));  // as rounded() does
      u = _mm256_add_ps(u, added);
    } else {
      u = _mm256_mul_ps(u, a_factor);
      v = _mm256_mul_ps(v, b_factor);
      asm("" : "+x"(u), "+x"(v));  // as rounded() does
      u = _mm256_add_ps(u, v);
    }
    u = _mm256_min_ps(_mm256_max_ps(u, low), high);
    // The lowest bytes of 8 integers, side by side.
    const __m256i q = _mm256_add_epi32(_mm256_cvtps_epi32(u), zero);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    const __m128i bytes = p.a_signed ? _mm_packs_epi16(words, words) : _mm_packus_epi16(words, words);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(y + i), bytes);
  }
  for (; i < n; ++i)
    y[i] = static_cast<std::uint8_t>(p(byte_at(a, i, p.a_signed ? Element::int8 : Element::uint8),
                                       byte_at(b, i, p.b_signed ? Element::int8 : Element::uint8)));
}
#endif

/// y = the sum or product of a and b, which are of one type; see PairNumbers.
inline void pairs(Isa isa, const std::uint8_t* a, const std::uint8_t* b, std::int64_t n, const PairNumbers& p,
                  std::uint8_t* y) {
#if defined(__x86_64__)
  if (isa != Isa::portable) return pairs_avx2(a, b, n, p, y);
#endif
  (void)isa;
  PairKernel::run<4>(a, b, n, p, y);
}

/// Calls f(first, last) for pieces of n numbers.
inline void share_numbers(const Context& context, std::int64_t n, detail::FunctionRef<std::int64_t, std::int64_t> f) {
  kernels::share(context.pool(), n, 4.0 * static_cast<double>(n),
                 [&](std::int64_t, std::int64_t first, std::int64_t last) { f(first, last); });
}

/// What each of the 256 integers becomes, by its bits.
using Table = std::array<std::uint8_t, 256>;

#if defined(__x86_64__)
/// y[i] = table[x[i]], 32 at a time: of each 16 entries those are taken, by a shuffle, whose upper four bits fit.
[[gnu::target("avx2")]] inline void look_up_avx2(const Table& table, const std::uint8_t* x, std::int64_t n,
                                                 std::uint8_t* y) {
  std::int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    __m256i found = _mm256_setzero_si256();
    for (int k = 0; k < 16; ++k) {
      const __m256i entries =
          _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data() + 16 * k)));
      // Below 16 where the upper bits are k; then, with 0x70 added, bit 7 is clear, and else it is set and gives 0.
      const __m256i index = _mm256_xor_si256(v, _mm256_set1_epi8(static_cast<char>(16 * k)));
      found = _mm256_or_si256(found, _mm256_shuffle_epi8(entries, _mm256_adds_epu8(index, _mm256_set1_epi8(0x70))));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), found);
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}
#endif

inline void look_up(const Context& context, const Table& table, const std::uint8_t* x, std::int64_t n,
                    std::uint8_t* y) {
  share_numbers(context, n, [&](std::int64_t first, std::int64_t last) {
#if defined(__x86_64__)
    if (context.isa() != Isa::portable) return look_up_avx2(table, x + first, last - first, y + first);
#endif
    for (std::int64_t i = first; i < last; ++i) y[i] = table[x[i]];
  });
}

/// The table of a function of real numbers, f(double) -> double.
template <class F>
Table table_of(const Quantization& from, const Quantization& to, const F& f) {
  Table table{};
  const Rounding rounding(to);
  for (std::int32_t q = lowest(from.element); q <= highest(from.element); ++q) {
    float real = static_cast<float>(q - from.zero) * from.scale;
    rounded(real);
    real = static_cast<float>(f(static_cast<double>(real)));
    table[static_cast<std::uint8_t>(q)] = static_cast<std::uint8_t>(rounding(real / to.scale));
  }
  return table;
}

}  // namespace weir::quantized
