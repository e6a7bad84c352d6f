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
/// The same for blocks of 8 or 16 channels, over those columns only that lie in the image.
template <int W, bool is_signed, class X, class Y>
[[gnu::target("avx2")]] inline void pool_max_rows_avx2(const kernels::PoolParams& p, std::int64_t H, std::int64_t width,
                                                       std::int64_t out_width, RowRange y, const X& x, const Y& y_row) {
  for (std::int64_t i = y.first; i < y.last; ++i) {
    std::uint8_t* out = y_row(i);
    bool first = true;  // of the rows of the window that lie in the image
    for (std::int64_t r = 0; r < p.h.kernel; ++r) {
      const std::int64_t h = i * p.h.stride + r * p.h.dilation - p.h.pad_begin;
      if (h < 0 || h >= H) continue;
      const std::uint8_t* in = x(h);
      for (std::int64_t j = 0; j < out_width; ++j) {
        __m128i best = _mm_set1_epi8(is_signed ? -128 : 0);
        if (!first) {
          if constexpr (W == 8)
            best = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(out + j * W));
          else
            best = _mm_loadu_si128(reinterpret_cast<const __m128i*>(out + j * W));
        }
        const std::int64_t left = j * p.w.stride - p.w.pad_begin;
        for (std::int64_t w = left; w < left + p.w.extent(); w += p.w.dilation) {
          if (w < 0 || w >= width) continue;
          __m128i v;
          if constexpr (W == 8)
            v = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(in + w * W));
          else
            v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + w * W));
          best = is_signed ? _mm_max_epi8(best, v) : _mm_max_epu8(best, v);
        }
        if constexpr (W == 8)
          _mm_storel_epi64(reinterpret_cast<__m128i*>(out + j * W), best);
        else
          _mm_storeu_si128(reinterpret_cast<__m128i*>(out + j * W), best);
      }
      first = false;
    }
    if (first) std::memset(out, is_signed ? 0x80 : 0, static_cast<std::size_t>(out_width * W));
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
