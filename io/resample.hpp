/// Antialiased bilinear resizing of 8-bit images, to the last bit that of Pillow.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>
#include <weir/io/image_view.hpp>

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

  int count() const { return count_; }
  int first(int i) const { return first_[static_cast<std::size_t>(i)]; }
  int width(int i) const { return width_[static_cast<std::size_t>(i)]; }
  const std::int32_t* weights(int i) const {
    return weights_.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(taps_);
  }

 private:
  int in_ = 0, out_ = 0, begin_ = 0, count_ = -1, taps_ = 0;
  std::vector<int> first_, width_;
  std::vector<std::int32_t> weights_;
  std::vector<double> real_;
};

/// Rounds a sum of weighted pixels. Weights are not negative and sum up to 1 within rounding, so only the upper end can
/// be passed.
inline std::uint8_t round_pixel(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::min(sum >> ResampleAxis::fraction_bits, 255));
}

/// One row of width axis.count() from a row of pixels with C channels each.
template <int C>
void resample_row(const std::uint8_t* in, const ResampleAxis& axis, std::uint8_t* out) {
  for (int i = 0; i < axis.count(); ++i) {
    std::int32_t sum[C];
    for (int c = 0; c < C; ++c) sum[c] = 1 << (ResampleAxis::fraction_bits - 1);
    const std::int32_t* weights = axis.weights(i);
    const std::uint8_t* pixel = in + static_cast<std::ptrdiff_t>(axis.first(i)) * C;
    const int width = axis.width(i);
    for (int k = 0; k < width; ++k, pixel += C)
      for (int c = 0; c < C; ++c) sum[c] += weights[k] * pixel[c];
    for (int c = 0; c < C; ++c) *out++ = round_pixel(sum[c]);
  }
}

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
  std::vector<std::int32_t> sums;
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
    for (int y = 0; y < last - first; ++y) {
      const std::uint8_t* from = in.data + y * in.row_bytes;
      std::uint8_t* to = narrow + static_cast<std::size_t>(y) * row;
      in.channels == 1 ? resample_row<1>(from, scratch.columns, to) : resample_row<3>(from, scratch.columns, to);
    }
    if (keep_rows) return;
    in.data = narrow;
    in.row_bytes = static_cast<std::ptrdiff_t>(row);
  }
  if (keep_rows) {
    for (int y = 0; y < target.height; ++y)
      std::copy_n(in.data + y * in.row_bytes, row, out + static_cast<std::size_t>(y) * row);
    return;
  }
  scratch.sums.resize(row);
  for (int i = 0; i < target.height; ++i) {
    std::int32_t* sums = scratch.sums.data();
    std::fill_n(sums, row, 1 << (ResampleAxis::fraction_bits - 1));
    const std::uint8_t* from = in.data + (vertical.first(i) - first) * in.row_bytes;
    for (int k = 0; k < vertical.width(i); ++k, from += in.row_bytes) {
      const std::int32_t weight = vertical.weights(i)[k];
      for (std::size_t x = 0; x < row; ++x) sums[x] += weight * from[x];
    }
    std::uint8_t* to = out + static_cast<std::size_t>(i) * row;
    for (std::size_t x = 0; x < row; ++x) to[x] = round_pixel(sums[x]);
  }
}

}  // namespace weir::detail
