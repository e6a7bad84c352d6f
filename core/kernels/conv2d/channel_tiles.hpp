/// Direct convolution with output channels in the vector lanes: best where rows of pixels are short.
#pragma once
#include <weir/core/kernels/conv2d/algorithm.hpp>

namespace weir::kernels {

/// A tile is up to max_rows neighbouring output pixels by two vectors of output channels. Each weight vector is loaded
/// once for all pixels, the pixels are broadcast straight from the (staged) image: no im2col. Weights are packed
/// [block of channels][k][lane]. The tile is transposed on its way to y.
///
/// Tiles lie within one row of y, or, where the image is one dense line, anywhere on it; 7, 14, 28, 56 pixels leave no
/// waste. Where rows are too short for that the tile's pixels are gathered from several rows into a panel [k][pixel].
/// The channel-blocked direct convolution follows Georganas et al., "Anatomy of high-performance deep learning
/// convolutions on SIMD architectures", SC 2018; there tensors are blocked too, here only weights are.
class ChannelTiles : public Conv2dAlgorithm {
 public:
  ChannelTiles(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : params_(p), micro_(&micro), geometry_(p, x), M_(p.out_channels / p.groups), K_(p.depth()) {
    const std::int64_t width = micro.width();
    blocks_ = (M_ + width - 1) / width;
    const auto cut = [&](std::int64_t lines, std::int64_t length) {
      std::vector<Tile> tiles;
      const EvenParts parts(length, micro.max_rows);
      for (std::int64_t i = 0; i < lines; ++i)
        for (std::int64_t part = 0; part < parts.count; ++part)
          tiles.push_back({i * geometry_.pitch + parts.first(part), i * length + parts.first(part), parts.size(part)});
      return tiles;
    };
    const std::int64_t pixels = geometry_.OH * geometry_.OW;
    const bool dense = geometry_.dense();
    tiles_ = dense ? cut(1, pixels) : cut(geometry_.OH, geometry_.OW);
    if (!dense) {
      std::vector<Tile> flat = cut(1, pixels);
      if (tile_cost(flat, true) < tile_cost(tiles_, false)) {
        tiles_ = std::move(flat);
        gathers_ = true;
      }
    }
    for (std::int64_t i = 0; gathers_ && i < pixels; ++i)
      pixel_offset_.push_back(i / geometry_.OW * geometry_.pitch + i % geometry_.OW);
  }

  std::string_view name() const override { return gathers_ ? "channel tiles, gathered" : "channel tiles"; }
  std::string tile() const override {
    std::int64_t pixels = 0;
    for (const Tile& t : tiles_) pixels = std::max(pixels, t.pixels);
    return std::to_string(pixels) + "x" + std::to_string(micro_->width());
  }

  double cost() const override {
    return static_cast<double>(params_.groups) *
           (tile_cost(tiles_, gathers_) + static_cast<double>(geometry_.staged_floats(geometry_.channels, 0)) / 8);
  }

  void pack(std::span<const float> weights) override {
    weights_.reserve(static_cast<std::size_t>(params_.groups * blocks_ * K_ * micro_->width()));
    for (std::int64_t g = 0; g < params_.groups; ++g)
      for (std::int64_t b = 0; b < blocks_; ++b) {
        float* to = weights_.data() + (g * blocks_ + b) * K_ * micro_->width();
        const std::int64_t lanes = vectors(b) * micro_->lanes, used = channels(b);
        const float* from = weights.data() + (g * M_ + b * micro_->width()) * K_;
        for (std::int64_t k = 0; k < K_; ++k)
          for (std::int64_t j = 0; j < lanes; ++j) *to++ = j < used ? from[j * K_ + k] : 0.0F;
      }
  }

  std::size_t workspace_floats(std::int64_t threads) const override {
    return static_cast<std::size_t>(geometry_.staged_floats(geometry_.channels, 0) +
                                    (gathers_ ? threads * K_ * max_tile_rows : 0));
  }

  void run(const ThreadPool& pool, const Conv2dImage& image, const float* bias, float* workspace) const override {
    const std::int64_t pixels = geometry_.OH * geometry_.OW, tiles = static_cast<std::int64_t>(tiles_.size());
    const double flops = 2 * static_cast<double>(M_ * K_) * static_cast<double>(pixels);
    float* panels = workspace + geometry_.staged_floats(geometry_.channels, 0);
    for (std::int64_t g = 0; g < params_.groups; ++g) {
      const float* x = stage_group(pool, *micro_, geometry_, image.x, g, workspace);
      const auto out = [&](std::int64_t b, std::int64_t t) {
        const std::int64_t m = g * M_ + b * micro_->width(), at = m * pixels + tiles_[static_cast<std::size_t>(t)].y;
        return Epilogue{bias + m, image.residual ? image.residual + at : nullptr, image.y + at, pixels, image.clamp};
      };
      if (gathers_) {
        share(pool, tiles, flops, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
          float* panel = panels + piece * K_ * max_tile_rows;
          for (std::int64_t t = first; t < last; ++t) {
            gather(x, tiles_[static_cast<std::size_t>(t)], panel);
            for (std::int64_t b = 0; b < blocks_; ++b) compute(Walk::packed, panel, g, b, t, out(b, t));
          }
        });
        continue;
      }
      // Whichever is smaller, weights or image, is read again and again; the other once.
      const bool image_once = M_ < geometry_.channel_floats / (params_.kernel_h * params_.kernel_w);
      const std::int64_t chunk = image_once ? 4 : tiles, chunks = (tiles + chunk - 1) / chunk;
      share(pool, chunks * blocks_ * chunk, flops, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (std::int64_t u = first; u < last; ++u) {
          const std::int64_t t = u / (blocks_ * chunk) * chunk + u % chunk, b = u / chunk % blocks_;
          if (t < tiles) compute(Walk::image_a, x + tiles_[static_cast<std::size_t>(t)].image, g, b, t, out(b, t));
        }
      });
    }
  }

 private:
  struct Tile {
    std::int64_t image, y, pixels;  ///< of its first pixel: where in a channel of the image, where in one of y
  };

  std::int64_t channels(std::int64_t b) const { return std::min(M_ - b * micro_->width(), micro_->width()); }
  std::int64_t vectors(std::int64_t b) const { return channels(b) > micro_->lanes ? 2 : 1; }

  void gather(const float* x, const Tile& tile, float* panel) const {
    const std::int64_t* at = pixel_offset_.data() + tile.y;
    for (std::int64_t k = 0; k < K_; ++k)
      for (std::int64_t p = 0; p < tile.pixels; ++p)
        *panel++ = x[geometry_.offset[static_cast<std::size_t>(k)] + at[p]];
  }

  void compute(Walk walk, const float* a, std::int64_t g, std::int64_t b, std::int64_t t, const Epilogue& out) const {
    alignas(64) float tile[max_tile_floats];
    const std::int64_t pixels = tiles_[static_cast<std::size_t>(t)].pixels;
    micro_->tile(walk, pixels, vectors(b))(K_, a, weights_.data() + (g * blocks_ + b) * K_ * micro_->width(),
                                           geometry_.offset.data(), tile, false);
    micro_->store_columns(tile, vectors(b) * micro_->lanes, pixels, channels(b), out);
  }

  /// A multiply-add a vector takes half a cycle, but no chain is shorter than its latency of 4; the epilogue takes
  /// about a third of a cycle for each element.
  double tile_cost(const std::vector<Tile>& tiles, bool gathers) const {
    double cycles = 0;
    for (std::int64_t b = 0; b < blocks_; ++b)
      for (const Tile& t : tiles) {
        const auto rows = static_cast<double>(t.pixels), v = static_cast<double>(vectors(b));
        cycles += static_cast<double>(K_) * std::max(4.0, v == 1 ? 0.58 * rows : rows) + 20;
        cycles += rows * v * micro_->lanes / 3;
      }
    if (gathers) cycles += static_cast<double>(geometry_.OH * geometry_.OW * K_);
    return cycles;
  }

  Conv2dParams params_;
  const Microkernels* micro_;
  Geometry geometry_;
  std::int64_t M_, K_, blocks_ = 0;
  std::vector<Tile> tiles_;
  bool gathers_ = false;
  std::vector<std::int64_t> pixel_offset_;
  Buffer weights_;
};

}  // namespace weir::kernels
