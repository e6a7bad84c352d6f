/// Pooling of 8-bit integers, blocked or plain.
#pragma once
#include <algorithm>
#include <cstring>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/kernels/pool/plain.hpp>
#include <weir/core/kernels/quantized/elementwise.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/rows.hpp>

namespace weir::quantized {

/// Rows y of one plane of pixels of W integers each; x(r) and y_row(r) say where row r lies.
template <int W, class X, class Y>
inline void pool_max_rows(const kernels::PoolParams& p, std::int64_t H, std::int64_t width, std::int64_t out_width,
                          RowRange y, bool is_signed, const X& x, const Y& y_row) {
  using Unsigned = typename Bytes<W>::Unsigned;
  for (std::int64_t i = y.first; i < y.last; ++i) {
    std::uint8_t* out = y_row(i);
    for (std::int64_t j = 0; j < out_width; ++j) {
      Unsigned flip;  // int8 in uint8's order
      std::memset(&flip, is_signed ? 0x80 : 0, sizeof flip);
      Unsigned best{};
      for (std::int64_t r = 0; r < p.h.kernel; ++r) {
        const std::int64_t h = i * p.h.stride + r * p.h.dilation - p.h.pad_begin;
        if (h < 0 || h >= H) continue;
        const std::uint8_t* in = x(h);
        for (std::int64_t s = 0; s < p.w.kernel; ++s) {
          const std::int64_t w = j * p.w.stride + s * p.w.dilation - p.w.pad_begin;
          if (w < 0 || w >= width) continue;
          Unsigned v;
          std::memcpy(&v, in + w * W, sizeof v);
          v ^= flip;
          best = v > best ? v : best;
        }
      }
      best ^= flip;
      std::memcpy(out + j * W, &best, sizeof best);
    }
  }
}

#if defined(__x86_64__)
/// Of signed integers or not, the larger ones.
template <bool is_signed>
[[gnu::always_inline, gnu::target("avx2")]] inline __m256i larger(__m256i a, __m256i b) {
  return is_signed ? _mm256_max_epi8(a, b) : _mm256_max_epu8(a, b);
}
template <bool is_signed>
[[gnu::always_inline, gnu::target("avx2")]] inline __m128i larger(__m128i a, __m128i b) {
  return is_signed ? _mm_max_epi8(a, b) : _mm_max_epu8(a, b);
}

/// line = max(line, row) of n bytes.
template <bool is_signed>
[[gnu::always_inline, gnu::target("avx2")]] inline void take_larger(std::uint8_t* line, const std::uint8_t* row,
                                                                    std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    auto* const at = reinterpret_cast<__m256i*>(line + i);
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i));
    _mm256_storeu_si256(at, larger<is_signed>(_mm256_loadu_si256(at), v));
  }
  for (; i < n; i += 8) {
    auto* const at = reinterpret_cast<__m128i*>(line + i);
    const __m128i v = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + i));
    _mm_storel_epi64(at, larger<is_signed>(_mm_loadl_epi64(at), v));
  }
}

/// The same for blocks of 8 or 16 channels: the rows of a window become one, some columns at a time, then those of that
/// one which lie in the image.
template <int W, bool is_signed, class X, class Y>
[[gnu::target("avx2")]] inline void pool_max_rows_avx2(const kernels::PoolParams& p, std::int64_t H, std::int64_t width,
                                                       std::int64_t out_width, RowRange y, const X& x, const Y& y_row) {
  constexpr std::int64_t most = 256;  // columns at a time
  alignas(32) std::uint8_t line[most * W];
  const std::int64_t extent = p.w.extent(), stride = p.w.stride;
  const std::int64_t pixels_at_once = extent >= most ? 1 : (most - extent) / stride + 1;  // pixels of y
  const auto load = [](const std::uint8_t* from) __attribute__((always_inline, target("avx2"))) {
    if constexpr (W == 8)
      return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    else
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  };
  for (std::int64_t i = y.first; i < y.last; ++i) {
    std::uint8_t* out = y_row(i);
    for (std::int64_t j = 0; j < out_width; j += pixels_at_once) {
      const std::int64_t end = j + pixels_at_once < out_width ? j + pixels_at_once : out_width,
                         left = j * stride - p.w.pad_begin;
      const std::int64_t first = left < 0 ? 0 : left, behind = (end - 1) * stride - p.w.pad_begin + extent;
      const std::int64_t last = behind < width ? behind : width;  // columns of x: [first, last)
      const std::uint8_t* from = nullptr;                         // column `first` of the window's rows, made one
      for (std::int64_t r = 0; r < p.h.kernel; ++r) {
        const std::int64_t h = i * p.h.stride + r * p.h.dilation - p.h.pad_begin;
        if (h < 0 || h >= H || first >= last) continue;
        const std::uint8_t* row = x(h) + first * W;
        if (from == nullptr) {
          from = row;
          continue;
        }
        if (extent >= most) return pool_max_rows<W>(p, H, width, out_width, {i, y.last}, is_signed, x, y_row);
        if (from != line) std::memcpy(line, from, static_cast<std::size_t>((last - first) * W));
        take_larger<is_signed>(line, row, (last - first) * W);
        from = line;
      }
      for (std::int64_t k = j; k < end; ++k) {
        __m128i best = _mm_set1_epi8(is_signed ? -128 : 0);
        const std::int64_t begin = k * stride - p.w.pad_begin;
        if (from != nullptr && begin >= first && begin + extent <= last) {
          for (std::int64_t w = begin; w < begin + extent; w += p.w.dilation)
            best = larger<is_signed>(best, load(from + (w - first) * W));
        } else if (from != nullptr) {
          for (std::int64_t w = begin; w < begin + extent; w += p.w.dilation)
            if (w >= first && w < last) best = larger<is_signed>(best, load(from + (w - first) * W));
        }
        if constexpr (W == 8)
          _mm_storel_epi64(reinterpret_cast<__m128i*>(out + k * W), best);
        else
          _mm_storeu_si128(reinterpret_cast<__m128i*>(out + k * W), best);
      }
    }
  }
}
template <int W, class X, class Y>
inline void pool_max_rows_avx2(const kernels::PoolParams& p, std::int64_t H, std::int64_t width, std::int64_t out_width,
                               RowRange y, bool is_signed, const X& x, const Y& y_row) {
  if (is_signed) return pool_max_rows_avx2<W, true>(p, H, width, out_width, y, x, y_row);
  pool_max_rows_avx2<W, false>(p, H, width, out_width, y, x, y_row);
}
#endif

/// The same for the widths of blocks, 1 for plain tensors.
template <class X, class Y>
void pool_max_rows(std::int64_t lanes, const kernels::PoolParams& p, std::int64_t H, std::int64_t width,
                   std::int64_t out_width, RowRange y, bool is_signed, const X& x, const Y& y_row) {
#if defined(__x86_64__)  // blocks of 8 and 16 channels are those of AVX2 and AVX-512
  if (lanes == 16) return pool_max_rows_avx2<16>(p, H, width, out_width, y, is_signed, x, y_row);
  if (lanes == 8) return pool_max_rows_avx2<8>(p, H, width, out_width, y, is_signed, x, y_row);
#endif
  if (lanes == 4) return pool_max_rows<4>(p, H, width, out_width, y, is_signed, x, y_row);
  pool_max_rows<1>(p, H, width, out_width, y, is_signed, x, y_row);
}

/// y[c] = saturate(round(sum of (x[p][c] - zero) * (x.scale / (y.scale * count))) + y.zero): the mean of the pixels
/// that `each` calls its argument with the addresses of, of up to 16 channels side by side.
template <class Each>
inline void average(const Quantization& x, const Quantization& y, std::int64_t channels, std::int64_t count,
                    const Each& each, std::uint8_t* out) {
  std::array<std::int32_t, 16> sum{};
  std::int64_t n = 0;
  each([&](const std::uint8_t* pixel) {
    ++n;
    if (x.element == Element::int8)
      for (std::int64_t c = 0; c < channels; ++c)
        sum[static_cast<std::size_t>(c)] += static_cast<std::int8_t>(pixel[c]);
    else
      for (std::int64_t c = 0; c < channels; ++c) sum[static_cast<std::size_t>(c)] += pixel[c];
  });
  float divisor = y.scale * static_cast<float>(count);
  rounded(divisor);
  const float scale = x.scale / divisor;
  const Rounding rounding(y);
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::int64_t total = sum[static_cast<std::size_t>(c)] - n * x.zero;
    out[c] = static_cast<std::uint8_t>(rounding(static_cast<float>(total) * scale));
  }
}

}  // namespace weir::quantized
