/// ByteConv: convolutions and matrix products of 8-bit integers by products of bytes.
#pragma once
#include <vector>
#include <weir/core/kernels/quantized/byte_image.hpp>
#include <weir/core/kernels/quantized/tiles.hpp>
#include <weir/core/memory/packed_weights.hpp>

namespace weir::quantized {

/// Weights stay bytes; those of a tile of 16 output channels lie in the order of its steps, of eight input channels
/// each:
///
///     step 0: | m0: w0 w1 w2 w3 | m1: w0 .. w3 | ... | m15: w0 .. w3 |     64 bytes
///             | m0: w4 w5 w6 w7 | ...                                |     64 bytes, then step 1, ...
///
/// Where four weights that are added in 16 bits come to more than they may (ByteTile), what is too much of them becomes
/// another step of that tile, which reads the same x: so every sum is exact, whatever the weights are. Weights of seven
/// bits need few such steps, and none where only pairs are added in 16 bits; weights of eight bits need about as many
/// again, and are faster by words: see steps().
///
/// With the zero points as x.zero, sum of (x - zero) * w = sum of x * w - zero * sum of w, the latter a part of the
/// bias.
class ByteConv final : public ConvAlgorithm {
 public:
  ByteConv(const ConvGeometry& g, const ConvNumbers& n)
      : g_(g),
        image_(g, n.x.zero),
        numbers_(n, output_tiles() * tile_channels, [&](std::int64_t i) { return g.channel_at(i); }) {
    std::vector<std::int8_t> all = packed(n, false);
    if (const double fours = steps(); tiles(g.isa).adds_words && fours > pair_steps) {
      all = packed(n, true);
      if (steps() > fours) all = packed(n, false);
    }
    std::copy(all.begin(), all.end(), reinterpret_cast<std::int8_t*>(weights_.reserve(all.size() / sizeof(float))));
    for (std::int64_t i = 0; i < output_tiles() * tile_channels; ++i) {
      const std::int64_t m = g.channel_at(i), depth = g.p.depth();
      if (m < 0) continue;
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < depth; ++k) sum += n.weight(m, k, depth);
      auto& bias = numbers_.bias[static_cast<std::size_t>(i)];
      const std::int64_t shifted = bias - zero_point(n) * sum;  // its lowest 32 bits count
      bias = static_cast<std::int32_t>(static_cast<std::uint32_t>(shifted));
    }
  }

  static bool fits(const ConvGeometry& g) { return g.L >= 8 && g.p.groups == 1 && ByteImage::fits(g); }

  /// Cost of all steps relative to that of the regular steps: 1 if none had to be added; times pair_steps where only
  /// pairs are added in 16 bits.
  double steps() const {
    const double all = 1 + static_cast<double>(more_.size()) / static_cast<double>(output_tiles() * regular_);
    return pairs_ ? pair_steps * all : all;
  }

  const char* name() const override { return "int8 bytes"; }
  std::int64_t output_tiles() const override { return g_.tiles_of_group(); }
  const detail::PackedWeights& weights() const override { return weights_; }
  std::int64_t workspace_floats() const override { return image_.workspace_floats(); }

  void run(const ConvPart& part, float* workspace) const override {
    for (std::int64_t first = part.rows.first; first < part.rows.last; first += image_.chunk()) {
      const std::int64_t n = std::min(image_.chunk(), part.rows.last - first);
      const ByteImage::View view = image_.view(part, first, n, workspace);
      for (std::int64_t tile = part.tiles.first; tile < part.tiles.last; ++tile) tile_rows(view, part, tile, first, n);
    }
  }

 private:
  std::int64_t zero_point(const ConvNumbers& n) const {
    return g_.x_element == Element::int8 ? n.x.zero + 128 : n.x.zero;
  }

  static constexpr double pair_steps = 1.2;  ///< 12 instructions that compute, for 10

  using Eight = std::array<std::int32_t, 8 * tile_channels>;  ///< what is left of a step's weights, [channel][8]

  /// pairs: for kernels that add only pairs in 16 bits.
  std::vector<std::int8_t> packed(const ConvNumbers& n, bool pairs) {
    pairs_ = pairs;
    taps_.clear(), starts_.clear(), more_.clear(), more_starts_.clear();
    const std::int64_t KH = g_.p.kernel_h, columns = image_.columns();
    for (std::int64_t h = 0; h < KH; ++h)
      for (std::int64_t w = 0; w < columns; ++w)
        for (std::int64_t e = 0; e < image_.eights(); ++e) taps_.push_back(image_.tap(h, w, e));
    regular_ = static_cast<std::int64_t>(taps_.size()) * image_.blocks();
    std::vector<std::int8_t> all;
    for (std::int64_t tile = 0; tile < output_tiles(); ++tile) {
      std::vector<std::int8_t> behind;
      starts_.push_back(static_cast<std::int64_t>(all.size()));
      more_starts_.push_back(more_.size());
      for (std::int64_t tap = 0; tap < static_cast<std::int64_t>(taps_.size()); ++tap)
        for (std::int64_t block = 0; block < image_.blocks(); ++block) {
          const std::int64_t at = tap / image_.eights();
          Eight left{};
          for (std::int64_t m = 0; m < tile_channels; ++m)
            for (std::int64_t i = 0; i < 8; ++i) {
              const std::int64_t channel = g_.channel_at(tile * tile_channels + m);
              const std::int64_t k = image_.weight_at(at / columns, at % columns, block, tap % image_.eights(), i);
              if (channel >= 0 && k >= 0)
                left[static_cast<std::size_t>(8 * m + i)] = n.weight(channel, k, g_.p.depth());
            }
          take_step(left, all);
          while (std::any_of(left.begin(), left.end(), [](std::int32_t v) { return v != 0; })) {
            take_step(left, behind);
            more_.push_back({tap, block});
          }
        }
      all.insert(all.end(), behind.begin(), behind.end());
    }
    more_starts_.push_back(more_.size());
    return all;
  }

  /// Appends a step to `to`: as much of the remaining weights as one step may hold.
  void take_step(Eight& left, std::vector<std::int8_t>& to) const {
    const bool limited = tiles(g_.isa).adds_words;
    const std::size_t begin = to.size();
    to.resize(begin + left.size());
    for (std::size_t m = 0; m < tile_channels; ++m)
      for (std::size_t half = 0; half < 2; ++half) {  // of a quad, which pmaddubsw adds on
        std::int32_t positive = most_of_four_weights, negative = -most_of_four_weights;
        for (const std::size_t i : {2 * half, 2 * half + 1, 4 + 2 * half, 5 + 2 * half}) {
          if (pairs_ && i == 4 + 2 * half) positive = most_of_four_weights, negative = -most_of_four_weights;
          std::int32_t& w = left[8 * m + i];
          std::int32_t taken = std::clamp(w, -128, 127);
          if (limited) {
            taken = std::clamp(taken, negative, positive);
            (taken > 0 ? positive : negative) -= taken;
          }
          w -= taken;
          to[begin + i / 4 * 64 + 4 * m + i % 4] = static_cast<std::int8_t>(taken);
        }
      }
  }

  void tile_rows(const ByteImage::View& view, const ConvPart& part, std::int64_t tile, std::int64_t first,
                 std::int64_t n) const {
    const std::int64_t rows = view.rows > 1 ? 1 : n, width = view.rows > 1 ? n * g_.OW : part.pixels;
    const auto at = static_cast<std::size_t>(tile);
    TileTarget target(g_, part, numbers_, tile);
    const Tiles& kernels = tiles(g_.isa);
    const std::int64_t pieces = (width + kernels.byte_pixels - 1) / kernels.byte_pixels;
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const std::int64_t from = width * piece / pieces, pixels = width * (piece + 1) / pieces - from;
        (pairs_ ? kernels.byte_pairs : kernels.bytes)[static_cast<std::size_t>(pixels - 1)](
            {.x = image_.pixel(view, part, first, r, from),
             .x_stride = g_.p.stride_w * image_.pixel_bytes(),
             .block_stride = view.plane,
             .blocks = image_.blocks(),
             .taps = taps_.data(),
             .taps_end = taps_.data() + taps_.size(),
             .more = more_.data() + more_starts_[at],
             .more_end = more_.data() + more_starts_[at + 1],
             .weights = reinterpret_cast<const std::int8_t*>(weights_.data()) + starts_[at],
             .y = target.place(first + r, from)});
        target.finish(first + r, from, pixels);
      }
  }

  ConvGeometry g_;
  ByteImage image_;
  ChannelNumbers numbers_;
  bool pairs_ = false;
  std::int64_t regular_ = 0;                 ///< steps of a tile
  std::vector<std::int64_t> taps_, starts_;  ///< where a tile's weights start
  std::vector<ByteStep> more_;
  std::vector<std::size_t> more_starts_;
  detail::PackedWeights weights_;
};

}  // namespace weir::quantized
