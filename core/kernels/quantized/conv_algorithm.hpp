/// ConvAlgorithm: a way to compute a convolution of 8-bit integers, and what all ways share.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/params.hpp>
#include <weir/core/kernels/quantized/conv_numbers.hpp>
#include <weir/core/kernels/quantized/tile.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/memory/packed_weights.hpp>
#include <weir/core/rows.hpp>

namespace weir::quantized {

/// How the input lies: an image, plain or blocked, or rows of channels, one for each pixel (a matrix [pixels, C]).
enum class Source { plain, blocked, rows };

/// Where the rows of an image of bytes lie.
struct Image {
  const std::uint8_t* data = nullptr;
  std::int64_t rows = 1, row_bytes = 0, plane_bytes = 0;

  const std::uint8_t* row(std::int64_t plane, std::int64_t r) const {
    return data + plane * plane_bytes + r % rows * row_bytes;
  }
  /// Of a RowsView, whose data counts as bytes, its distances as floats.
  static Image of(const RowsView& v) {
    constexpr auto size = static_cast<std::int64_t>(sizeof(float));
    return {reinterpret_cast<const std::uint8_t*>(v.data), v.rows, v.row_floats * size, v.plane_floats * size};
  }
};

/// A convolution's sizes and how its tensors lie.
struct ConvGeometry {
  kernels::Conv2dParams p;
  Element x_element;
  Source source;
  Isa isa;
  Rounding rounding;
  bool is_signed;
  std::optional<PairNumbers> sum;  ///< what the result is then added to (QLinearAdd): y is a
  std::int64_t H, W, OH, OW, L, group_in, group_out;

  ConvGeometry(const kernels::Conv2dParams& params, const ConvNumbers& n, Isa set, const Shape& x, Source from,
               const std::optional<PairNumbers>& added)
      : p(params),
        x_element(n.x.element),
        source(from),
        isa(set),
        rounding(n.y),
        is_signed(n.y.element == Element::int8),
        sum(added),
        H(x[2]),
        W(x[3]),
        OH(params.output_shape(x)[2]),
        OW(params.output_shape(x)[3]),
        L(lanes(set)),
        group_in(p.in_channels / p.groups),
        group_out(p.out_channels / p.groups) {
    rounding.low = std::max(rounding.low, static_cast<float>(std::max(n.low, -1024) - n.y.zero));
  }

  /// Tiles of output channels of one group.
  std::int64_t tiles_of_group() const { return (group_out + tile_channels - 1) / tile_channels; }
  /// Output channel i when those of each group are rounded up to whole tiles; -1 where there is none.
  std::int64_t channel_at(std::int64_t i) const {
    const std::int64_t tile = i / tile_channels, group = tile / tiles_of_group();
    const std::int64_t m = tile % tiles_of_group() * tile_channels + i % tile_channels;
    return m < group_out ? group * group_out + m : -1;
  }

  /// Example n of whole tensors.
  Image input(const void* x, std::int64_t n) const {
    const std::int64_t row = source == Source::blocked ? W * L : source == Source::plain ? W : W * p.in_channels;
    const std::int64_t all = source == Source::blocked ? round_up(p.in_channels, L) / L
                             : source == Source::plain ? p.in_channels
                                                       : 1;
    return {static_cast<const std::uint8_t*>(x) + n * all * H * row, H, row, H * row};
  }
  Image output(const void* y, std::int64_t n) const {
    if (y == nullptr) return {};
    const bool rows = source == Source::rows;
    const std::int64_t row = rows ? OW * p.out_channels : OW * L;
    const std::int64_t all = rows ? 1 : round_up(p.out_channels, L) / L;
    return {static_cast<const std::uint8_t*>(y) + n * all * OH * row, OH, row, OH * row};
  }
};

/// One thread's piece of work: some rows of one image, for some tiles of output channels.
struct ConvPart {
  Image x, other, y;   ///< other: the second summand, where the geometry has a sum; it lies as y does, perhaps as y
  std::int32_t* sums;  ///< where set, sums + bias go there, [M, OH, OW] or [pixels, M], and nothing to y
  RowRange rows, tiles;
  std::int64_t pixels;  ///< of a row
  std::int32_t x_zero;
};

class ConvAlgorithm {
 public:
  virtual ~ConvAlgorithm() = default;
  virtual const char* name() const = 0;
  /// What may be shared among threads: tiles of output channels, or blocks of depthwise ones.
  virtual std::int64_t output_tiles() const = 0;
  /// Of one thread, in floats.
  virtual std::int64_t workspace_floats() const = 0;
  virtual std::int64_t row_multiple() const { return 1; }
  virtual const detail::PackedWeights& weights() const = 0;
  virtual void run(const ConvPart& part, float* workspace) const = 0;
};

/// Biases and scales of output channels in the order of the packed weights.
struct ChannelNumbers {
  std::vector<std::int32_t> bias;
  std::vector<float> scale;

  /// channel_at(i): which channel comes at place i, -1 for none.
  template <class F>
  ChannelNumbers(const ConvNumbers& n, std::int64_t places, const F& channel_at)
      : bias(static_cast<std::size_t>(places), 0), scale(static_cast<std::size_t>(places), 0.0F) {
    for (std::int64_t i = 0; i < places; ++i)
      if (const std::int64_t m = channel_at(i); m >= 0) {
        bias[static_cast<std::size_t>(i)] = n.bias_of(m);
        scale[static_cast<std::size_t>(i)] = n.scale(m);
      }
  }
};

/// Where the results for one tile of output channels go: straight to y if its channels fill whole blocks there, or are
/// 16 side by side; else by a copy.
class TileTarget {
 public:
  TileTarget(const ConvGeometry& g, const ConvPart& part, const ChannelNumbers& numbers, std::int64_t tile)
      : g_(g), part_(part) {
    const std::int64_t in_group = tile % g.tiles_of_group() * tile_channels;
    channel_ = tile / g.tiles_of_group() * g.group_out + in_group;
    used_ = std::min<std::int64_t>(tile_channels, g.group_out - in_group);
    blocked_ = g.source != Source::rows;
    // Behind the last channel blocks may hold anything, but what belongs to another group, or to nothing, may not.
    direct_ = part.sums == nullptr &&
              (blocked_ ? g.L >= 8 && channel_ % g.L == 0 && (g.p.groups == 1 || used_ == tile_channels)
                        : used_ == tile_channels);
    const auto at = static_cast<std::size_t>(tile * tile_channels);
    bias_ = numbers.bias.data() + at;
    scale_ = numbers.scale.data() + at;
  }

  /// The place of the pixels from `from` on of row r. It is valid until the next call.
  TileResult place(std::int64_t r, std::int64_t from) {
    TileResult t{bias_, scale_, g_.rounding, g_.is_signed, bytes_.data(), bytes_.data() + 8, tile_channels, nullptr};
    if (part_.sums != nullptr) t.sums = totals_.data();
    if (!direct_) return t;
    if (blocked_) {
      const std::int64_t low = channel_ / g_.L, high = g_.L >= 16 ? low : low + 1, behind = g_.L >= 16 ? 8 : 0;
      t.low = to(low, r) + from * g_.L;
      t.y_stride = g_.L;
      const bool both = used_ > 8 || g_.L >= 16;  // else what would come behind y is dropped
      t.high = both ? to(high, r) + from * g_.L + behind : bytes_.data();
      if (!g_.sum) return t;
      t.sum = &*g_.sum;
      t.other_low = part_.other.row(low, r) + from * g_.L;
      t.other_high = both ? part_.other.row(high, r) + from * g_.L + behind : bytes_.data();
    } else {
      t.low = to(0, r) + from * g_.p.out_channels + channel_;
      t.high = t.low + 8;
      t.y_stride = g_.p.out_channels;
    }
    return t;
  }
  /// After the tile's kernel has run.
  void finish(std::int64_t r, std::int64_t from, std::int64_t pixels) const {
    if (direct_) return;
    for (std::int64_t i = 0; i < pixels; ++i)
      for (std::int64_t m = 0; m < used_; ++m) {
        const std::int64_t c = channel_ + m, w = from + i;
        const auto k = static_cast<std::size_t>(i * tile_channels + m);
        if (part_.sums != nullptr)
          part_.sums[blocked_ ? (c * g_.OH + r) * g_.OW + w : w * g_.p.out_channels + c] = totals_[k];
        else if (blocked_)
          to(c / g_.L, r)[w * g_.L + c % g_.L] = added(bytes_[k], c, r, w);
        else
          to(0, r)[w * g_.p.out_channels + c] = bytes_[k];
      }
  }

 private:
  std::uint8_t added(std::uint8_t y, std::int64_t c, std::int64_t r, std::int64_t w) const {
    if (!g_.sum) return y;
    const auto element = [](bool is_signed) { return is_signed ? Element::int8 : Element::uint8; };
    return static_cast<std::uint8_t>(
        (*g_.sum)(byte_at(&y, 0, element(g_.sum->a_signed)),
                  byte_at(part_.other.row(c / g_.L, r), w * g_.L + c % g_.L, element(g_.sum->b_signed))));
  }
  std::uint8_t* to(std::int64_t plane, std::int64_t r) const {
    return const_cast<std::uint8_t*>(part_.y.row(plane, r));
  }

  const ConvGeometry& g_;
  const ConvPart& part_;
  std::int64_t channel_, used_;
  bool blocked_, direct_;
  const std::int32_t* bias_;
  const float* scale_;
  std::array<std::uint8_t, most_byte_tile_pixels * tile_channels> bytes_{};
  std::array<std::int32_t, most_byte_tile_pixels * tile_channels> totals_{};
};

}  // namespace weir::quantized
