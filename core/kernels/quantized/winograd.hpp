/// Winograd's convolution F(4x4, 3x3) of 8-bit integers, exact: a quarter of the multiplications.
#pragma once
#include <cstring>
#include <vector>
#include <weir/core/kernels/quantized/tiles.hpp>
#include <weir/core/kernels/quantized/winograd_tiles.hpp>
#include <weir/core/kernels/quantized/winograd_transforms.hpp>
#include <weir/core/machine_costs.hpp>
#include <weir/core/memory/packed_weights.hpp>

namespace weir::quantized {

/// As kernels::Winograd, on integers: y is cut into tiles of 4x4 pixels, what each sees of x becomes 36 numbers V of 16
/// bits for each channel, and for each position p of the 36
///
///     S[p][tile][m] = sum over c of V[p][tile][c] * U[p][c][m]
///
/// by the tiles of 16-bit numbers. S transformed back is 576 times the sum that is asked for. All of that is linear, so
/// it holds modulo 2^32 even if sums on the way overflow; and as 576 = 2^6 * 9, a sum that fits into 26 bits comes out
/// exactly. fits() checks that by the weights. So results are equal, bit by bit, to those of all other algorithms.
class Winograd final : public ConvAlgorithm {
 public:
  Winograd(const ConvGeometry& g, const ConvNumbers& n)
      : g_(g),
        planes_(round_up(g.p.in_channels, g.L) / g.L),
        depth_(round_up(g.p.in_channels, 2)),
        pixel_(planes_ * g.L),
        across_((g.OW + winograd::Y - 1) / winograd::Y),
        strip_(std::clamp<std::int64_t>(
            detail::machine_costs.int8_winograd_words / (winograd::positions * pixel_ * across_), 1, tile_rows())),
        numbers_(n, output_tiles() * tile_channels, [&](std::int64_t i) { return g.channel_at(i); }),
        tap_{0, depth_ / 2} {
    tile_weights_ = winograd::positions * depth_ * tile_channels;
    auto* out =
        reinterpret_cast<std::int16_t*>(weights_.reserve(static_cast<std::size_t>(output_tiles() * tile_weights_ / 2)));
    std::fill_n(out, output_tiles() * tile_weights_, std::int16_t{0});
    for (std::int64_t i = 0; i < output_tiles() * tile_channels; ++i)
      for (std::int64_t c = 0; c < g.p.in_channels && g.channel_at(i) >= 0; ++c) {
        const auto u = transformed(n, g.channel_at(i), c, g.p.in_channels);
        for (std::int64_t p = 0; p < winograd::positions; ++p)
          out[i / tile_channels * tile_weights_ + (p * depth_ + c / 2 * 2) * tile_channels + 2 * (i % tile_channels) +
              c % 2] = static_cast<std::int16_t>(u[static_cast<std::size_t>(p)]);
      }
  }

  /// Whether all sums are exact: U within 16 bits, sums within 26.
  static bool fits(const ConvGeometry& g, const ConvNumbers& n) {
    const kernels::Conv2dParams& p = g.p;
    if (g.L < 8 || g.source != Source::blocked || p.groups != 1 || p.kernel_h != 3 || p.kernel_w != 3 ||
        p.stride_h != 1 || p.stride_w != 1 || p.dilation_h != 1 || p.dilation_w != 1)
      return false;
    for (std::int64_t m = 0; m < p.out_channels; ++m) {
      const ConvNumbers::Ends ends = n.ends(m, p.depth());
      if (std::max(-ends.least, ends.most) > winograd::largest) return false;
      for (std::int64_t i = 0; i < p.depth(); ++i)
        if (std::abs(n.weight(m, i, p.depth())) > winograd::largest_weight) return false;
    }
    return true;
  }

  /// Whether it is faster than ByteConv, or than WordConv: by products, transforms, and weights that come from beyond
  /// the second-level cache.
  static bool pays(const ConvGeometry& g, bool than_bytes) {
    const auto& costs = detail::machine_costs;
    const auto& products = tiles(g.isa).adds_words ? costs.int8_without_vnni : costs.int8_vnni;
    const auto C = static_cast<double>(round_up(g.p.in_channels, g.L));
    const auto M = static_cast<double>(round_up(g.p.out_channels, tile_channels));
    const auto tiles = static_cast<double>((g.OH + winograd::Y - 1) / winograd::Y) *
                       static_cast<double>((g.OW + winograd::Y - 1) / winograd::Y);
    const double direct = 9 * C * M * static_cast<double>(g.OH * g.OW) / (than_bytes ? products.bytes : products.words);
    const double own = winograd::positions * C * M * tiles / products.words +
                       tiles * (C / 8 * costs.int8_winograd_input + M / 16 * products.tile_back);
    const double more_weights = C * M * (2 * winograd::positions - (than_bytes ? 9 : 18));
    return own + (C * M * 2 * winograd::positions > costs.int8_weights_cached ? more_weights / costs.int8_weight_bytes
                                                                              : 0) <
           direct;
  }

  const char* name() const override { return "int8 winograd"; }
  std::int64_t output_tiles() const override { return g_.tiles_of_group(); }
  std::int64_t row_multiple() const override { return winograd::Y; }
  const detail::PackedWeights& weights() const override { return weights_; }
  std::int64_t workspace_floats() const override {
    return (winograd::positions * position_stride() + line_numbers()) / 2 + winograd::positions * sums_stride() +
           (g_.W * g_.L) / 4 + 64;
  }

  void run(const ConvPart& part, float* workspace) const override {
    auto* V = reinterpret_cast<std::int16_t*>(workspace);
    std::int16_t* line = V + winograd::positions * position_stride();
    auto* sums = reinterpret_cast<std::int32_t*>(line + line_numbers());
    auto* zeros = reinterpret_cast<std::uint8_t*>(sums + winograd::positions * sums_stride());
    std::memset(zeros, part.x_zero & 0xFF, static_cast<std::size_t>(g_.W * g_.L));
    const std::int64_t last = (part.rows.last + winograd::Y - 1) / winograd::Y;
    for (std::int64_t top = part.rows.first / winograd::Y; top < last; top += strip_) {
      const std::int64_t n = std::min(strip_, last - top);
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t plane = 0; plane < planes_; ++plane) transform(part, top + i, plane, i, zeros, line, V);
      for (std::int64_t tile = part.tiles.first; tile < part.tiles.last; ++tile)
        for (std::int64_t first = 0; first < n * across_; first += held_tiles)
          multiply(part, V, tile, top, first, std::min(held_tiles, n * across_ - first), sums);
    }
  }

 private:
  static constexpr std::int64_t held_tiles = 4 * tile_pixels;  ///< tiles whose sums are held at a time
  static constexpr std::int64_t pad = 32;                      ///< numbers, so that not all lines fall on one set

  std::int64_t tile_rows() const { return (g_.OH + winograd::Y - 1) / winograd::Y; }
  std::int64_t position_stride() const { return strip_ * across_ * pixel_ + pad; }
  static std::int64_t sums_stride() { return held_tiles * tile_channels + 16; }
  std::int64_t line_numbers() const { return (winograd::Y * across_ + 2) * winograd::N * g_.L; }

  static std::array<std::int32_t, winograd::positions> transformed(const ConvNumbers& n, std::int64_t m, std::int64_t c,
                                                                   std::int64_t C) {
    std::array<std::int32_t, 9> w{};
    for (std::int64_t i = 0; i < 9; ++i) w[static_cast<std::size_t>(i)] = n.weight(m, 9 * c + i, 9 * C);
    return winograd::weights(w);
  }

  /// V of one plane and row of tiles, the i-th of the strip.
  void transform(const ConvPart& part, std::int64_t row, std::int64_t plane, std::int64_t i, const std::uint8_t* zeros,
                 std::int16_t* line, std::int16_t* V) const {
    winograd::InputRow in{};
    for (std::int64_t h = 0; h < winograd::N; ++h) {
      const std::int64_t r = winograd::Y * row + h - g_.p.pad_top;
      in.x[h] = r < 0 || r >= g_.H ? zeros : part.x.row(plane, r);
    }
    in.W = g_.W;
    in.pad_left = g_.p.pad_left;
    in.zero = part.x_zero;
    in.is_signed = g_.x_element == Element::int8;
    in.line = line;
    in.V = V + i * across_ * pixel_ + plane * g_.L;
    in.tiles = across_;
    in.tile_stride = pixel_;
    in.position_stride = position_stride();
    winograd::transform_row(g_.L, in);
  }

  /// y of n tiles from the strip's `first` on, of one tile of output channels.
  void multiply(const ConvPart& part, const std::int16_t* V, std::int64_t tile, std::int64_t top, std::int64_t first,
                std::int64_t n, std::int32_t* sums) const {
    static constexpr std::array<std::int32_t, tile_channels> no_bias{};
    const Tiles& kernels = tiles(g_.isa);
    const std::int64_t pieces = (n + tile_pixels - 1) / tile_pixels;
    TileResult y{no_bias.data(), numbers_.scale.data(), g_.rounding, g_.is_signed, nullptr, nullptr, 0, nullptr};
    for (std::int64_t p = 0; p < winograd::positions; ++p)
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const std::int64_t from = n * piece / pieces, count = n * (piece + 1) / pieces - from;
        y.sums = sums + p * sums_stride() + from * tile_channels;
        kernels.tile[static_cast<std::size_t>(count - 1)](
            {.x = V + p * position_stride() + (first + from) * pixel_,
             .x_stride = pixel_,
             .taps = &tap_,
             .taps_end = &tap_ + 1,
             .weights = reinterpret_cast<const std::int16_t*>(weights_.data()) + tile * tile_weights_ +
                        p * depth_ * tile_channels,
             .y = y});
      }
    TileTarget target(g_, part, numbers_, tile);
    std::array<std::int32_t, winograd::Y * winograd::Y * tile_channels> pixels;
    for (std::int64_t t = 0; t < n; ++t) {
      winograd::transform_back(sums + t * tile_channels, sums_stride(), pixels.data());
      const std::int64_t h = winograd::Y * (top + (first + t) / across_), w = winograd::Y * ((first + t) % across_);
      const std::int64_t columns = std::min<std::int64_t>(winograd::Y, g_.OW - w);
      for (std::int64_t i = std::max(h, part.rows.first); i < std::min(h + winograd::Y, part.rows.last); ++i) {
        winograd::store(pixels.data() + (i - h) * winograd::Y * tile_channels, columns, target.place(i, w));
        target.finish(i, w, columns);
      }
    }
  }

  ConvGeometry g_;
  std::int64_t planes_, depth_;  ///< depth_: of a sum, rounded up to pairs
  std::int64_t pixel_;           ///< numbers of V from one tile to the next
  std::int64_t across_, strip_;  ///< tiles of a row, rows of tiles that pass together
  ChannelNumbers numbers_;
  Tap tap_;
  std::int64_t tile_weights_ = 0;
  detail::PackedWeights weights_;
};

}  // namespace weir::quantized
