/// Direct convolution with output pixels in the vector lanes: best where images are wide or channels few.
#pragma once
#include <cstring>
#include <weir/core/kernels/conv2d/algorithm.hpp>

namespace weir::kernels {

/// A tile is up to max_rows output channels by two vectors of consecutive positions on the staged image, which is read
/// as one long line: its rows of `pitch` positions hold OW pixels and then a few that no output needs, computed and
/// dropped. Each vector of pixels is loaded once for all channels of the tile, the weights, packed
/// [tile of channels][k][channel], are broadcast.
///
/// A 1x1 convolution copies the tile's pixels into a panel [k][position] that stays in the cache for all channels; the
/// others read the staged image itself.
class PixelTiles : public Conv2dAlgorithm {
 public:
  PixelTiles(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : params_(p),
        micro_(&micro),
        geometry_(p, x, !is_dense(p)),
        M_(p.out_channels / p.groups),
        K_(p.depth()),
        rows_(M_, micro.max_rows) {
    const std::int64_t width = micro.width(), OW = geometry_.OW, end = (geometry_.OH - 1) * geometry_.pitch + OW;
    for (std::int64_t q = 0; q < end;) {
      Tile tile{q, std::min(width, end - q), segments_.size(), 0};
      for (std::int64_t at = q; at < q + tile.width;) {
        const std::int64_t row = at / geometry_.pitch, column = at % geometry_.pitch;
        const std::int64_t size = std::min(OW - column, q + tile.width - at);
        if (size > 0) segments_.push_back({at - q, row * OW + column, size});
        at = std::min((row + 1) * geometry_.pitch, q + tile.width);
      }
      // Not a position further than the last pixel; and the next tile begins with a pixel.
      tile.width = segments_.back().tile + segments_.back().size;
      tile.last_segment = segments_.size();
      tiles_.push_back(tile);
      q += width;
      if (q % geometry_.pitch >= OW) q += geometry_.pitch - q % geometry_.pitch;
    }
  }

  std::string_view name() const override { return "pixel tiles"; }
  std::string tile() const override {
    return std::to_string((rows_.n + rows_.count - 1) / rows_.count) + "x" + std::to_string(micro_->width());
  }

  double cost() const override {
    double cycles = 0;
    for (const Tile& t : tiles_) {
      const double v = vectors(t) == 2 ? 1 : 0.58;
      for (std::int64_t i = 0; i < rows_.count; ++i) {
        const auto R = static_cast<double>(rows_.size(i));
        cycles += static_cast<double>(K_) * std::max(4.0, v * R) + 100 + 4 * R;
      }
      if (!geometry_.staged) cycles += static_cast<double>(11 * K_);
    }
    const auto floats = static_cast<double>(geometry_.staged_floats(geometry_.channels, 0));
    return static_cast<double>(params_.groups) * (cycles + floats / 8);
  }

  void pack(std::span<const float> weights) override {
    weights_.reserve(static_cast<std::size_t>(params_.out_channels * K_));
    float* to = weights_.data();
    for (std::int64_t g = 0; g < params_.groups; ++g)
      for (std::int64_t i = 0; i < rows_.count; ++i)
        for (std::int64_t k = 0; k < K_; ++k)
          for (std::int64_t m = g * M_ + rows_.first(i); m < g * M_ + rows_.first(i + 1); ++m)
            *to++ = weights[static_cast<std::size_t>(m * K_ + k)];
  }

  std::size_t workspace_floats(std::int64_t threads) const override {
    return static_cast<std::size_t>(image_floats() + (geometry_.staged ? 0 : threads * K_ * micro_->width()));
  }

  void run(const ThreadPool& pool, const Conv2dImage& image, const float* bias, float* workspace) const override {
    const std::int64_t pixels = geometry_.OH * geometry_.OW;
    const double flops = 2 * static_cast<double>(M_ * K_) * static_cast<double>(pixels);
    for (std::int64_t g = 0; g < params_.groups; ++g) {
      const float* x = stage_group(pool, *micro_, geometry_, image.x, g, workspace);
      share(pool, static_cast<std::int64_t>(tiles_.size()), flops,
            [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
              float* panel = workspace + image_floats() + piece * K_ * micro_->width();
              for (std::int64_t t = first; t < last; ++t) {
                const Tile& tile = tiles_[static_cast<std::size_t>(t)];
                if (geometry_.staged) {
                  compute(Walk::image_b, x + tile.image, g, tile, image, bias);
                } else {
                  fill_panel(x + tile.image, tile, panel);
                  compute(Walk::packed, panel, g, tile, image, bias);
                }
              }
            });
    }
  }

 private:
  struct Tile {
    std::int64_t image, width;  ///< first position, and how many up to the last pixel
    std::size_t first_segment, last_segment;
  };
  struct Segment {
    std::int64_t tile, y, size;  ///< first column in the tile, first pixel of y, pixels
  };

  static bool is_dense(const Conv2dParams& p) {
    return p.kernel_h == 1 && p.kernel_w == 1 && p.stride_h == 1 && p.stride_w == 1 && !p.padded();
  }

  std::int64_t vectors(const Tile& t) const { return t.width > micro_->lanes ? 2 : 1; }

  /// The last tile's vectors may reach behind the last pixel.
  std::int64_t image_floats() const { return geometry_.staged_floats(geometry_.channels, micro_->width()); }

  void fill_panel(const float* x, const Tile& tile, float* panel) const {
    const std::int64_t columns = vectors(tile) * micro_->lanes;
    for (std::int64_t k = 0; k < K_; ++k, panel += columns) {
      const float* from = x + geometry_.offset[static_cast<std::size_t>(k)];
      // The next tile's pixels: rows of different channels are too far apart for the hardware to see a pattern.
      __builtin_prefetch(from + micro_->width());
      __builtin_prefetch(from + micro_->width() + 16);
      if (tile.width == max_tile_width) {
        std::memcpy(panel, from, max_tile_width * sizeof(float));  // of a size that the compiler knows
      } else {
        std::copy_n(from, tile.width, panel);
        std::fill(panel + tile.width, panel + columns, 0.0F);
      }
    }
  }

  void compute(Walk walk, const float* b, std::int64_t g, const Tile& tile, const Conv2dImage& image,
               const float* bias) const {
    alignas(64) float sums[max_tile_floats];
    const std::int64_t pixels = geometry_.OH * geometry_.OW, ldt = vectors(tile) * micro_->lanes;
    for (std::int64_t i = 0; i < rows_.count; ++i) {
      const std::int64_t R = rows_.size(i), m = g * M_ + rows_.first(i);
      micro_->tile(walk, R, vectors(tile))(K_, weights_.data() + m * K_, b, geometry_.offset.data(), sums, false);
      for (std::size_t s = tile.first_segment; s < tile.last_segment; ++s) {
        const Segment& part = segments_[s];
        const std::int64_t at = m * pixels + part.y;
        micro_->store_rows(
            sums + part.tile, ldt, R, part.size,
            {bias + m, image.residual ? image.residual + at : nullptr, image.y + at, pixels, image.clamp});
      }
    }
  }

  Conv2dParams params_;
  const Microkernels* micro_;
  Geometry geometry_;
  std::int64_t M_, K_;
  EvenParts rows_;
  std::vector<Tile> tiles_;
  std::vector<Segment> segments_;
  Buffer weights_;
};

}  // namespace weir::kernels
