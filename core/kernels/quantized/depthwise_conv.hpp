/// DepthwiseConv: convolutions of 8-bit integers whose every output channel sees one input channel.
#pragma once
#include <cstring>
#include <vector>
#include <weir/core/kernels/quantized/conv_algorithm.hpp>
#include <weir/core/kernels/quantized/tiles.hpp>
#include <weir/core/machine_costs.hpp>

namespace weir::quantized {

/// Two rows of the kernel at a time. Some rows of the image are copied as 16-bit numbers, the zero point taken off and
/// zeros around them, each number beside the one that the next row of the kernel sees in its column:
///
///     [planes][rows of the chunk][padded width][L]:  | x[r][w][c], x[r + dilation][w][c] |
///
/// so that pmaddwd multiplies and adds both. Of an odd number of rows the last is multiplied with its successor by 0.
class DepthwiseConv final : public ConvAlgorithm {
 public:
  DepthwiseConv(const ConvGeometry& g, const ConvNumbers& n)
      : g_(g),
        planes_(round_up(g.p.in_channels, g.L) / g.L),
        width_(g.W + g.p.pad_left + g.p.pad_right),
        chunk_(g.OH),
        numbers_(n, planes_ * g.L, [&](std::int64_t m) { return m < g.p.out_channels ? m : -1; }) {
    while (chunk_ > 1 && rows_needed(chunk_) * row_numbers() > detail::machine_costs.int8_depthwise_words)
      chunk_ = (chunk_ + 1) / 2;
    const std::int64_t KH = g.p.kernel_h, KW = g.p.kernel_w, channels = planes_ * g.L;
    const std::int64_t width = tiles(g.isa).depthwise_channels;
    for (std::int64_t h = 0; h < KH; h += 2)
      for (std::int64_t w = 0; w < KW; ++w)
        offsets_.push_back(h * g.p.dilation_h * row_numbers() + w * g.p.dilation_w * 2 * g.L);
    const std::int64_t taps = static_cast<std::int64_t>(offsets_.size());
    auto* out = reinterpret_cast<std::int16_t*>(weights_.reserve(static_cast<std::size_t>(channels * taps)));
    for (std::int64_t first = 0; first < channels; first += width)
      for (std::int64_t t = 0; t < taps; ++t)
        for (std::int64_t m = first; m < first + width; ++m)
          for (std::int64_t h = t / KW * 2; h < t / KW * 2 + 2; ++h)
            *out++ =
                static_cast<std::int16_t>(m < g.p.out_channels && h < KH ? n.weight(m, h * KW + t % KW, KH * KW) : 0);
  }

  static bool fits(const ConvGeometry& g) {
    return g.p.groups == g.p.in_channels && g.p.groups == g.p.out_channels && g.p.groups > 1 &&
           g.source == Source::blocked && !g.sum;
  }

  const char* name() const override { return "int8 depthwise"; }
  std::int64_t output_tiles() const override { return planes_; }
  const detail::PackedWeights& weights() const override { return weights_; }
  std::int64_t workspace_floats() const override { return rows_needed(chunk_) * row_numbers() / 2 + 16; }

  void run(const ConvPart& part, float* workspace) const override {
    auto* staged = reinterpret_cast<std::int16_t*>(workspace);
    for (std::int64_t plane = part.tiles.first; plane < part.tiles.last; ++plane)
      for (std::int64_t first = part.rows.first; first < part.rows.last; first += chunk_) {
        const std::int64_t n = std::min(chunk_, part.rows.last - first);
        stage(part, plane, first, n, staged);
        for (std::int64_t r = 0; r < n; ++r) row(staged, part.y, plane, first, r);
      }
  }

 private:
  std::int64_t row_numbers() const { return 2 * width_ * g_.L; }
  /// Rows of pairs.
  std::int64_t rows_needed(std::int64_t n) const {
    return (n - 1) * g_.p.stride_h + (g_.p.kernel_h - 1) / 2 * 2 * g_.p.dilation_h + 1;
  }

  /// The pairs that n rows of y from `first` on need.
  void stage(const ConvPart& part, std::int64_t plane, std::int64_t first, std::int64_t n, std::int16_t* to) const {
    const std::int64_t top = first * g_.p.stride_h - g_.p.pad_top, L = g_.L;
    const auto row_at = [&](std::int64_t r) { return r < 0 || r >= g_.H ? nullptr : part.x.row(plane, r); };
    for (std::int64_t i = 0; i < rows_needed(n); ++i, to += row_numbers()) {
      const bool both = g_.p.kernel_h > 1;
      std::memset(to, 0, static_cast<std::size_t>(2 * g_.p.pad_left * L) * sizeof *to);
      std::int16_t* out = to + 2 * g_.p.pad_left * L;
      pair_rows(row_at(top + i), both ? row_at(top + i + g_.p.dilation_h) : nullptr, g_.W * L, part.x_zero, out);
      std::memset(out + 2 * g_.W * L, 0, static_cast<std::size_t>(2 * g_.p.pad_right * L) * sizeof *to);
    }
  }
  /// out[2 i] = a[i] - zero, out[2 i + 1] = b[i] - zero; 0 for those that are nullptr.
  void pair_rows(const std::uint8_t* a, const std::uint8_t* b, std::int64_t n, std::int32_t zero,
                 std::int16_t* out) const {
    const bool is_signed = g_.x_element == Element::int8;
#if defined(__x86_64__)
    if (g_.isa != Isa::portable && a != nullptr && b != nullptr) return pair_rows_avx2(a, b, n, zero, is_signed, out);
#endif
    const Element e = is_signed ? Element::int8 : Element::uint8;
    for (std::int64_t i = 0; i < n; ++i) {
      out[2 * i] = static_cast<std::int16_t>(a == nullptr ? 0 : byte_at(a, i, e) - zero);
      out[2 * i + 1] = static_cast<std::int16_t>(b == nullptr ? 0 : byte_at(b, i, e) - zero);
    }
  }

  void row(const std::int16_t* staged, const Image& y, std::int64_t plane, std::int64_t first, std::int64_t r) const {
    const Tiles& kernels = tiles(g_.isa);
    const std::int64_t width = kernels.depthwise_channels, pieces = (g_.OW + tile_pixels - 1) / tile_pixels;
    const auto taps = static_cast<std::int64_t>(offsets_.size());
    for (std::int64_t lane = 0; lane < g_.L; lane += width) {
      const auto channel = plane * g_.L + lane;
      const std::int16_t* x = staged + r * g_.p.stride_h * row_numbers() + 2 * lane;
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const std::int64_t from = g_.OW * piece / pieces, pixels = g_.OW * (piece + 1) / pieces - from;
        kernels.depthwise[static_cast<std::size_t>(pixels - 1)](
            {.x = x + from * g_.p.stride_w * 2 * g_.L,
             .x_stride = g_.p.stride_w * 2 * g_.L,
             .offsets = offsets_.data(),
             .offsets_end = offsets_.data() + offsets_.size(),
             .weights = reinterpret_cast<const std::int16_t*>(weights_.data()) + 2 * channel * taps,
             .bias = numbers_.bias.data() + channel,
             .scale = numbers_.scale.data() + channel,
             .rounding = g_.rounding,
             .is_signed = g_.is_signed,
             .y = const_cast<std::uint8_t*>(y.row(plane, first + r)) + from * g_.L + lane,
             .y_stride = g_.L});
      }
    }
  }

  ConvGeometry g_;
  std::int64_t planes_, width_, chunk_;
  ChannelNumbers numbers_;
  std::vector<std::int64_t> offsets_;
  detail::PackedWeights weights_;
};

}  // namespace weir::quantized
