/// Antialiased bilinear resizing of 8-bit images, to the last bit that of Pillow.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>
#include <weir/core/kernels/micro/simd.hpp>
#include <weir/io/images/image_view.hpp>

namespace weir::detail {

/// One axis of a resizing: output i is the sum over k < taps of weight(i)[k] * input[first[i] + k], weights in units
/// of 2^-22. Remembers what it was made for, so that images of one size share it.
class ResampleAxis {
 public:
  static constexpr int fraction_bits = 22;

  /// Prepares outputs begin .. begin+count-1 of the resizing of an axis from in to out pixels: a triangle filter, as
  /// wide as one input pixel (enlarging) or one output pixel (shrinking) on each side of its centre.
  void prepare(int in, int out, int begin, int count) {
    if (in == in_ && out == out_ && begin == begin_ && count == count_) return;
    in_ = in, out_ = out, begin_ = begin, count_ = count;
    const double scale = static_cast<double>(in) / out;
    const double support = std::max(scale, 1.0);
    const double per_support = 1.0 / support;
    taps_ = static_cast<int>(std::ceil(support)) * 2 + 1;
    first_.assign(static_cast<std::size_t>(count), 0);
    width_.assign(static_cast<std::size_t>(count), 0);
    weights_.assign(static_cast<std::size_t>(count) * static_cast<std::size_t>(taps_), 0);
    real_.resize(static_cast<std::size_t>(taps_));
    // NOLINTBEGIN(bugprone-incorrect-roundings): as Pillow rounds, to the same bytes.
    for (int i = 0; i < count; ++i) {
      const double centre = (begin + i + 0.5) * scale;
      const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
      const int width = std::min(static_cast<int>(centre + support + 0.5), in) - first;
      double sum = 0;
      for (int k = 0; k < width; ++k) {
        const double w = std::max(1.0 - std::abs((k + first - centre + 0.5) * per_support), 0.0);
        real_[static_cast<std::size_t>(k)] = w;
        sum += w;
      }
      const auto at = static_cast<std::size_t>(i);
      first_[at] = first;
      width_[at] = width;
      for (std::size_t k = 0; k < static_cast<std::size_t>(width); ++k)
        weights_[at * static_cast<std::size_t>(taps_) + k] =
            static_cast<std::int32_t>(0.5 + real_[k] / sum * (1 << fraction_bits));
    }
    // NOLINTEND(bugprone-incorrect-roundings)
  }

  int first(int i) const { return first_[static_cast<std::size_t>(i)]; }
  int width(int i) const { return width_[static_cast<std::size_t>(i)]; }
  const std::int32_t* weights(int i) const {
    return weights_.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(taps_);
  }

  /// The same as arrays, weights `taps` apart.
  struct Arrays {
    const int *first, *width;
    const std::int32_t* weights;
    std::ptrdiff_t taps;
    int count;
  };
  Arrays arrays() const { return {first_.data(), width_.data(), weights_.data(), taps_, count_}; }

 private:
  int in_ = 0, out_ = 0, begin_ = 0, count_ = -1, taps_ = 0;
  std::vector<int> first_, width_;
  std::vector<std::int32_t> weights_;
  std::vector<double> real_;
};

/// Output i of a row of pixels with C channels each. Weights are not negative and sum up to 1 within rounding, so a sum
/// can only pass the upper end.
template <int C>
[[gnu::always_inline]] inline void resample_row(const std::uint8_t* in, const ResampleAxis::Arrays& axis, int i,
                                                std::uint8_t* out) {
  std::int32_t sum[C];
  for (int c = 0; c < C; ++c) sum[c] = 1 << (ResampleAxis::fraction_bits - 1);
  const std::int32_t* weights = axis.weights + i * axis.taps;
  const std::uint8_t* pixel = in + static_cast<std::ptrdiff_t>(axis.first[i]) * C;
  for (int k = 0; k < axis.width[i]; ++k, pixel += C)
    for (int c = 0; c < C; ++c) sum[c] += weights[k] * pixel[c];
  for (int c = 0; c < C; ++c) out[c] = static_cast<std::uint8_t>(std::min(sum[c] >> ResampleAxis::fraction_bits, 255));
}

/// Rows of pixels with C channels along the axis, four rows at a time. Three channels are computed as four, of which
/// the last belongs to the next pixel and is dropped; so the outputs that see a row's last pixel are left to
/// resample_row().
template <int C>
struct ResampleRows {
  static constexpr int together = 4;

  template <int W>
  [[gnu::always_inline]] static void run(const std::uint8_t* in, std::ptrdiff_t row_bytes, int in_width, int rows,
                                         const ResampleAxis::Arrays& axis, std::uint8_t* out) {
    const std::ptrdiff_t out_bytes = std::ptrdiff_t{axis.count} * C;
    for (int y = 0; y < rows; y += together)
      for (int i = 0; i < axis.count; ++i) {
        const std::uint8_t* from = in + y * row_bytes;
        std::uint8_t* to = out + y * out_bytes + i * C;
        if (C == 3 && y + together <= rows && axis.first[i] + axis.width[i] < in_width)
          four_rows(from + static_cast<std::ptrdiff_t>(axis.first[i]) * C, row_bytes, axis.weights + i * axis.taps,
                    axis.width[i], to, out_bytes);
        else
          for (int r = 0; r < together && y + r < rows; ++r)
            resample_row<C>(from + r * row_bytes, axis, i, to + r * out_bytes);
      }
  }

  [[gnu::always_inline]] static void four_rows(const std::uint8_t* pixel, std::ptrdiff_t row_bytes,
                                               const std::int32_t* weights, int width, std::uint8_t* to,
                                               std::ptrdiff_t out_bytes) {
    using Bytes4 [[gnu::vector_size(4)]] = std::uint8_t;
    using Ints = simd::Ints<4>;
    Ints sum[together];
#pragma GCC unroll 4
    for (int r = 0; r < together; ++r) {
      sum[r] = Ints{} + (1 << (ResampleAxis::fraction_bits - 1));
    }
    for (int k = 0; k < width; ++k, pixel += C) {
#pragma GCC unroll 4
      for (int r = 0; r < together; ++r) {
        Bytes4 bytes;
        std::memcpy(&bytes, pixel + r * row_bytes, sizeof bytes);
        sum[r] += __builtin_convertvector(bytes, Ints) * weights[k];
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < together; ++r) {
      sum[r] >>= ResampleAxis::fraction_bits;
      sum[r] = sum[r] > 255 ? 255 - Ints{} : sum[r];
      const Bytes4 bytes = __builtin_convertvector(sum[r], Bytes4);
      std::memcpy(to + r * out_bytes, &bytes, C);
    }
  }
};

/// n values of one row of the output from those above each other.
struct ResampleColumns {
  template <int W>
  [[gnu::always_inline]] static void run(const std::uint8_t* from, std::ptrdiff_t row_bytes,
                                         const std::int32_t* weights, int width, std::uint8_t* to, std::size_t n) {
    using Pixels [[gnu::vector_size(W)]] = std::uint8_t;
    using Ints = simd::Ints<W>;
    std::size_t x = 0;
    for (; x + W <= n; x += W) {
      Ints sum = Ints{} + (1 << (ResampleAxis::fraction_bits - 1));
      for (int k = 0; k < width; ++k) {
        Pixels bytes;
        std::memcpy(&bytes, from + k * row_bytes + x, sizeof bytes);
        sum += __builtin_convertvector(bytes, Ints) * weights[k];
      }
      sum >>= ResampleAxis::fraction_bits;
      sum = sum > 255 ? 255 - Ints{} : sum;
      const Pixels bytes = __builtin_convertvector(sum, Pixels);
      std::memcpy(to + x, &bytes, sizeof bytes);
    }
    for (; x < n; ++x) {
      std::int32_t sum = 1 << (ResampleAxis::fraction_bits - 1);
      for (int k = 0; k < width; ++k) sum += weights[k] * from[k * row_bytes + static_cast<std::ptrdiff_t>(x)];
      to[x] = static_cast<std::uint8_t>(std::min(sum >> ResampleAxis::fraction_bits, 255));
    }
  }
};

/// An image inside another: its first byte, and the bytes from one row to the next.
struct PixelWindow {
  const std::uint8_t* data;
  std::ptrdiff_t row_bytes;
  int height, width, channels;
};

/// Memory of resample, reused from call to call.
struct ResampleScratch {
  ResampleAxis rows, columns;
  std::vector<std::uint8_t> narrow;
};

/// What resampling computes: the window top, left, height, width of the image enlarged or shrunk to
/// full_height x full_width.
struct ResampleTarget {
  int full_height, full_width;
  int top, left, height, width;
};

/// out, target.height x target.width x channels: `in` resized and cropped. First along rows, then along columns, with
/// 8 bits between, each in integers: the same on every machine, and what Pillow's Image.resize(BILINEAR) computes
/// (Pillow 9.4, documented in its "Filters" chapter). An axis that keeps its size is copied.
/// Cost: about height_in * width_out * (2 w_in/w_out + 1) + height_out * width_out * (2 h_in/h_out + 1) multiply-adds
/// per channel.
inline void resample(PixelWindow in, const ResampleTarget& target, ResampleScratch& scratch, std::uint8_t* out) {
  const std::size_t row = static_cast<std::size_t>(target.width) * static_cast<std::size_t>(in.channels);
  const bool keep_rows = in.height == target.full_height;
  const Isa isa = default_isa();
  ResampleAxis& vertical = scratch.rows;
  vertical.prepare(in.height, target.full_height, target.top, target.height);
  // Only the input rows that the output needs.
  const int first = keep_rows ? target.top : vertical.first(0);
  const int last =
      keep_rows ? target.top + target.height : vertical.first(target.height - 1) + vertical.width(target.height - 1);
  in.data += first * in.row_bytes;

  if (in.width == target.full_width) {
    in.data += static_cast<std::ptrdiff_t>(target.left) * in.channels;
  } else {
    scratch.columns.prepare(in.width, target.full_width, target.left, target.width);
    scratch.narrow.resize(static_cast<std::size_t>(last - first) * row);
    std::uint8_t* narrow = keep_rows ? out : scratch.narrow.data();
    const ResampleAxis::Arrays axis = scratch.columns.arrays();
    if (in.channels == 1)
      simd::simd_call<ResampleRows<1>>(isa, in.data, in.row_bytes, in.width, last - first, axis, narrow);
    else
      simd::simd_call<ResampleRows<3>>(isa, in.data, in.row_bytes, in.width, last - first, axis, narrow);
    if (keep_rows) return;
    in.data = narrow;
    in.row_bytes = static_cast<std::ptrdiff_t>(row);
  }
  if (keep_rows) {
    for (int y = 0; y < target.height; ++y)
      std::copy_n(in.data + y * in.row_bytes, row, out + static_cast<std::size_t>(y) * row);
    return;
  }
  for (int i = 0; i < target.height; ++i)
    simd::simd_call<ResampleColumns>(isa, in.data + (vertical.first(i) - first) * in.row_bytes, in.row_bytes,
                                     vertical.weights(i), vertical.width(i), out + static_cast<std::size_t>(i) * row,
                                     row);
}

}  // namespace weir::detail
