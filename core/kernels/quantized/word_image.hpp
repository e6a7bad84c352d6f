/// WordImage: rows of an image of 8-bit integers as 16-bit numbers, the zero point taken off and zeros around them.
#pragma once
#include <cstring>
#include <weir/core/kernels/quantized/avx2.hpp>
#include <weir/core/kernels/quantized/conv_algorithm.hpp>
#include <weir/core/machine_costs.hpp>

namespace weir::quantized {

/// How the copy of some rows lies that tiles of 16-bit numbers read:
///
///     [planes][rows of the chunk][padded width][numbers of a pixel]
///
/// Planes are those of a blocked image, or the channels of one group make one plane, rounded up to pairs.
class WordImage {
 public:
  WordImage(const ConvGeometry& g, bool as_blocks)
      : g_(g),
        as_blocks_(as_blocks),
        skips_rows_(g.p.kernel_h == 1),
        numbers_(as_blocks ? g.L : round_up(g.group_in, 2)),
        planes_(as_blocks ? round_up(g.p.in_channels, g.L) / g.L : 1),
        width_(g.W + g.p.pad_left + g.p.pad_right),
        chunk_(g.OH) {
    while (chunk_ > 1 && staged_numbers() > detail::machine_costs.int8_image_words) chunk_ = (chunk_ + 1) / 2;
    rows_ = rows_needed(chunk_);
  }

  std::int64_t numbers() const { return numbers_; }
  std::int64_t planes() const { return planes_; }
  /// Rows of output that one chunk suffices for.
  std::int64_t chunk() const { return chunk_; }
  std::int64_t workspace_floats() const { return staged_numbers() / 2 + 16; }
  bool as_blocks() const { return as_blocks_; }
  /// Of the number for kernel position (h, w) in a plane, behind that of position (0, 0) in plane 0.
  std::int64_t offset(std::int64_t plane, std::int64_t h, std::int64_t w) const {
    return ((plane * rows_ + h * g_.p.dilation_h) * width_ + w * g_.p.dilation_w) * numbers_;
  }
  /// Of output pixel (r, w), r counted in the chunk: its first number in plane 0.
  std::int64_t pixel(std::int64_t r, std::int64_t w) const {
    return ((skips_rows_ ? r : r * g_.p.stride_h) * width_ + w * g_.p.stride_w) * numbers_;
  }

  /// Copies what n output rows from `first` on need, of the planes [begin, end) or of group `begin`.
  void stage(const ConvPart& part, std::int64_t first, std::int64_t n, std::int64_t begin, std::int64_t end,
             std::int16_t* to) const {
    const std::int64_t W = g_.source == Source::rows ? part.pixels : g_.W;
    const std::int64_t need = rows_needed(n), S = numbers_;
    const Image& x = part.x;
    for (std::int64_t plane = begin; plane < end; ++plane)
      for (std::int64_t i = 0; i < need; ++i) {
        const std::int64_t r =
            skips_rows_ ? (first + i) * g_.p.stride_h - g_.p.pad_top : first * g_.p.stride_h - g_.p.pad_top + i;
        std::int16_t* out = to + (((as_blocks_ ? plane : 0) * rows_ + i) * width_) * S;
        if (r < 0 || r >= g_.H) {
          std::memset(out, 0, static_cast<std::size_t>(width_ * S) * sizeof *out);
          continue;
        }
        std::memset(out, 0, static_cast<std::size_t>(g_.p.pad_left * S) * sizeof *out);
        out += g_.p.pad_left * S;
        if (as_blocks_) {
          widen(x.row(plane, r), W * g_.L, part.x_zero, out);
        } else {
          if (g_.group_in < S) std::memset(out, 0, static_cast<std::size_t>(W * S) * sizeof *out);
          if (g_.source == Source::rows)
            for (std::int64_t w = 0; w < W; ++w)
              widen(x.data + w * g_.p.in_channels + plane * g_.group_in, g_.group_in, part.x_zero, out + w * S);
          else
            for (std::int64_t c = 0; c < g_.group_in; ++c)
              stage_channel(x, plane * g_.group_in + c, r, part.x_zero, out + c);
        }
        std::memset(out + W * S, 0, static_cast<std::size_t>(g_.p.pad_right * S) * sizeof *out);
      }
  }

 private:
  std::int64_t rows_needed(std::int64_t rows) const {
    return skips_rows_ ? rows : (rows - 1) * g_.p.stride_h + g_.p.extent_h();
  }
  std::int64_t staged_numbers() const { return planes_ * rows_needed(chunk_) * width_ * numbers_ + 32; }

  void stage_channel(const Image& x, std::int64_t c, std::int64_t r, std::int32_t x_zero, std::int16_t* out) const {
    const std::int64_t step = g_.source == Source::plain ? 1 : g_.L;
    const std::uint8_t* in = g_.source == Source::plain ? x.row(c, r) : x.row(c / g_.L, r) + c % g_.L;
    if (g_.x_element == Element::int8)
      for (std::int64_t w = 0; w < g_.W; ++w)
        out[w * numbers_] = static_cast<std::int16_t>(static_cast<std::int8_t>(in[w * step]) - x_zero);
    else
      for (std::int64_t w = 0; w < g_.W; ++w) out[w * numbers_] = static_cast<std::int16_t>(in[w * step] - x_zero);
  }
  void widen(const std::uint8_t* in, std::int64_t n, std::int32_t x_zero, std::int16_t* out) const {
#if defined(__x86_64__)
    if (g_.isa != Isa::portable) return widen_avx2(in, n, x_zero, g_.x_element == Element::int8, out);
#endif
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<std::int16_t>(byte_at(in, i, g_.x_element) - x_zero);
  }

  ConvGeometry g_;
  bool as_blocks_, skips_rows_;
  std::int64_t numbers_, planes_, width_, chunk_, rows_ = 0;
};

}  // namespace weir::quantized
