/// WordConv: convolutions of 8-bit integers by products of 16-bit numbers, for any sizes and weights.
#pragma once
#include <vector>
#include <weir/core/kernels/quantized/tiles.hpp>
#include <weir/core/kernels/quantized/word_image.hpp>
#include <weir/core/memory/packed_weights.hpp>

namespace weir::quantized {

/// Weights are packed as 16-bit pairs, for each tile of output channels of each group in the order of the taps:
///
///     pair 0: | m0: w0 w1 | m1: w0 w1 | ... | m15: w0 w1 |     64 bytes, then pair 1, ...
class WordConv final : public ConvAlgorithm {
 public:
  WordConv(const ConvGeometry& g, const ConvNumbers& n)
      : g_(g),
        image_(g, g.source == Source::blocked && g.p.groups == 1),
        numbers_(n, output_tiles() * tile_channels, [&](std::int64_t i) { return g.channel_at(i); }) {
    pack(n);
  }

  const char* name() const override { return "int8 words"; }
  std::int64_t output_tiles() const override { return g_.p.groups * g_.tiles_of_group(); }
  const detail::PackedWeights& weights() const override { return weights_; }
  std::int64_t workspace_floats() const override { return image_.workspace_floats(); }

  void run(const ConvPart& part, float* workspace) const override {
    auto* staged = reinterpret_cast<std::int16_t*>(workspace);
    for (std::int64_t first = part.rows.first; first < part.rows.last; first += image_.chunk()) {
      const std::int64_t n = std::min(image_.chunk(), part.rows.last - first), tiles = g_.tiles_of_group();
      for (std::int64_t tile = part.tiles.first; tile < part.tiles.last;) {
        const std::int64_t group = tile / tiles, end = std::min(part.tiles.last, (group + 1) * tiles);
        if (image_.as_blocks())
          image_.stage(part, first, n, 0, image_.planes(), staged);
        else
          image_.stage(part, first, n, group, group + 1, staged);
        for (; tile < end; ++tile) tile_rows(staged, part, tile, first, n);
      }
    }
  }

 private:
  void pack(const ConvNumbers& n) {
    const std::int64_t KH = g_.p.kernel_h, KW = g_.p.kernel_w, S = image_.numbers();
    // A row of the kernel is one tap.
    const bool joined = image_.planes() == 1 && g_.p.dilation_w == 1 && round_up(g_.group_in, 2) == S;
    struct Term {
      std::int64_t channel, h, w;
    };
    std::vector<Term> terms;  // of a pair's first number
    for (std::int64_t plane = 0; plane < image_.planes(); ++plane) {
      const std::int64_t used = round_up(std::min(S, g_.group_in - plane * S), 2);
      for (std::int64_t h = 0; h < KH; ++h)
        for (std::int64_t w = 0; w < KW; ++w) {
          if (joined && w > 0)
            taps_.back().pairs += used / 2;
          else
            taps_.push_back({image_.offset(plane, h, w), used / 2});
          for (std::int64_t c = 0; c < used; c += 2) terms.push_back({plane * S + c, h, w});
        }
    }
    tile_weights_ = static_cast<std::int64_t>(terms.size()) * 2 * tile_channels;
    auto* out =
        reinterpret_cast<std::int16_t*>(weights_.reserve(static_cast<std::size_t>(output_tiles() * tile_weights_ / 2)));
    for (std::int64_t tile = 0; tile < output_tiles(); ++tile)
      for (const Term& t : terms)
        for (std::int64_t m = 0; m < tile_channels; ++m)
          for (std::int64_t k = 0; k < 2; ++k) {
            const std::int64_t channel = g_.channel_at(tile * tile_channels + m), c = t.channel + k;
            const bool there = channel >= 0 && c < g_.group_in;
            *out++ = static_cast<std::int16_t>(
                there ? n.weight(channel, (c * KH + t.h) * KW + t.w, g_.group_in * KH * KW) : 0);
          }
  }

  void tile_rows(const std::int16_t* staged, const ConvPart& part, std::int64_t tile, std::int64_t first,
                 std::int64_t n) const {
    TileTarget target(g_, part, numbers_, tile);
    const Tiles& kernels = tiles(g_.isa);
    const std::int64_t pieces = (part.pixels + tile_pixels - 1) / tile_pixels;
    for (std::int64_t r = 0; r < n; ++r)
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const std::int64_t from = part.pixels * piece / pieces, pixels = part.pixels * (piece + 1) / pieces - from;
        kernels.tile[static_cast<std::size_t>(pixels - 1)](
            {.x = staged + image_.pixel(r, from),
             .x_stride = g_.p.stride_w * image_.numbers(),
             .taps = taps_.data(),
             .taps_end = taps_.data() + taps_.size(),
             .weights = reinterpret_cast<const std::int16_t*>(weights_.data()) + tile * tile_weights_,
             .y = target.place(first + r, from)});
        target.finish(first + r, from, pixels);
      }
  }

  ConvGeometry g_;
  WordImage image_;
  ChannelNumbers numbers_;
  std::int64_t tile_weights_ = 0;
  std::vector<Tap> taps_;
  detail::PackedWeights weights_;
};

}  // namespace weir::quantized
