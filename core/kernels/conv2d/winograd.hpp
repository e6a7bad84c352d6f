/// Winograd's convolution F(4x4, 3x3): a quarter of the multiplications of a 3x3 convolution of stride 1.
#pragma once
#include <weir/core/kernels/conv2d/algorithm.hpp>
#include <weir/core/kernels/conv2d/winograd_transforms.hpp>

namespace weir::kernels {

/// y is cut into tiles of 4x4 pixels. Each sees 6x6 pixels of x, which are transformed to 36 numbers per channel, V;
/// the weights likewise when they are packed, U. Then for each position p of the 36 one matrix product over the
/// channels c
///
///     S[p][tile][m] = sum over c of V[p][c][tile] * U[p][c][m]
///
/// and the transform of S back is the 4x4 pixels. Output channels lie in the vector lanes as in ChannelTiles and leave
/// the same way. Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
///
/// Strips of whole rows of tiles are computed one after the other, so that a strip's V stays in the second-level cache.
/// The transforms cost the more the fewer channels there are, and U is four times as large as the weights: cost()
/// weighs that.
///
/// RMS error of y in units of its RMS, for x and weights uniform in [-1, 1], against a sum in double (the direct
/// algorithms in brackets): 64 channels 7.8e-7 (4.3e-7), 128 1.1e-6 (6.1e-7), 256 1.6e-6 (8.4e-7), 512 2.0e-6 (1.1e-6);
/// the largest error of any output 1.2e-5 (8.0e-6). A NaN or infinity in x reaches all pixels of the tiles that see it.
class Winograd : public Conv2dAlgorithm {
 public:
  Winograd(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : params_(p),
        micro_(&micro),
        H_(x[2]),
        W_(x[3]),
        OH_(p.output_shape(x)[2]),
        OW_(p.output_shape(x)[3]),
        C_(p.in_channels / p.groups),
        M_(p.out_channels / p.groups),
        blocks_((M_ + micro.width() - 1) / micro.width()),
        across_((OW_ + 3) / 4),
        strips_((OH_ + 3) / 4, std::max<std::int64_t>(1, cached_floats / (36 * C_ * across_))) {
    most_rows_ = (strips_.n + strips_.count - 1) / strips_.count;
    tiles_pitch_ = (most_rows_ * across_ + 3) / 4 * 4;
    if (Shape{C_, tiles_pitch_}.numel() > std::numeric_limits<std::int32_t>::max())
      throw ShapeError("convolution: an image of " + x.to_string() + " is too large");
    for (std::int64_t c = 0; c < C_; ++c) offset_.push_back(static_cast<std::int32_t>(c * tiles_pitch_));
  }

  static bool fits(const Conv2dParams& p) {
    return p.kernel_h == 3 && p.kernel_w == 3 && p.stride_h == 1 && p.stride_w == 1 && p.dilation_h == 1 &&
           p.dilation_w == 1;
  }

  std::string_view name() const override { return "winograd"; }

  /// In the units of ChannelTiles.
  double cost() const override {
    double cycles = 0;
    for (std::int64_t s = 0; s < strips_.count; ++s) {
      const std::int64_t tiles = strips_.size(s) * across_;
      const EvenParts parts(tiles, micro_->max_rows);
      for (std::int64_t i = 0; i < parts.count; ++i)
        for (std::int64_t b = 0; b < blocks_; ++b) {
          const auto rows = static_cast<double>(parts.size(i)), v = static_cast<double>(vectors(b));
          cycles += 36 * (static_cast<double>(C_) * std::max(4.0, v == 1 ? 0.58 * rows : rows) + 20);
          cycles += rows * v * (100 + 16.0 * micro_->lanes / 3);
        }
      cycles += static_cast<double>(C_) * (150 * static_cast<double>((tiles + micro_->lanes - 1) / micro_->lanes) +
                                           8 * static_cast<double>(tiles));
    }
    const auto floats = static_cast<double>(36 * C_ * M_);
    return static_cast<double>(params_.groups) * (cycles + (floats > third_level_floats ? 0.26 : 0.12) * floats);
  }

  void pack(std::span<const float> weights) override {
    const std::int64_t width = micro_->width();
    const auto floats = static_cast<std::size_t>(params_.groups * blocks_ * 36 * C_ * width);
    std::fill_n(weights_.reserve(floats), floats, 0.0F);
    for (std::int64_t m = 0; m < params_.out_channels; ++m) {
      const std::int64_t g = m / M_, b = m % M_ / width, lanes = vectors(b) * micro_->lanes;
      for (std::int64_t c = 0; c < C_; ++c) {
        const auto u = winograd::transform_weights(weights.data() + (m * C_ + c) * 9);
        for (std::int64_t p = 0; p < 36; ++p)
          packed(g, b, p)[c * lanes + m % M_ % width] = u[static_cast<std::size_t>(p)];
      }
    }
  }

  std::size_t workspace_floats(std::int64_t threads) const override {
    return static_cast<std::size_t>(36 * input_step() + threads * scratch_floats());
  }

  void run(const ThreadPool& pool, const Conv2dImage& image, const float* bias, float* workspace) const override {
    float* scratch = workspace + 36 * input_step();
    for (std::int64_t g = 0; g < params_.groups; ++g)
      for (std::int64_t s = 0; s < strips_.count; ++s) {
        const std::int64_t tiles = strips_.size(s) * across_;
        share(pool, C_, 100 * static_cast<double>(C_ * tiles),
              [&](std::int64_t piece, std::int64_t c, std::int64_t last) {
                for (; c < last; ++c)
                  transform_channel(image.x + (g * C_ + c) * H_ * W_, s, scratch + piece * scratch_floats(),
                                    workspace + c * tiles_pitch_);
              });
        const EvenParts parts(tiles, micro_->max_rows);
        const double flops = 72 * static_cast<double>(C_ * M_) * static_cast<double>(tiles);
        share(pool, blocks_ * parts.count, flops, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
          while (first < last) {
            const std::int64_t b = first / parts.count, stop = std::min(last, (b + 1) * parts.count);
            multiply(g, b, s, parts, first - b * parts.count, stop - b * parts.count, workspace,
                     scratch + piece * scratch_floats(), image, bias);
            first = stop;
          }
        });
      }
  }

 private:
  /// Half of a second-level cache of 1 MiB.
  static constexpr std::int64_t cached_floats = std::int64_t{1} << 17;
  /// Half of a third-level cache of 32 MiB: a larger U streams from memory for every image of a batch.
  static constexpr double third_level_floats = 1 << 22;

  std::int64_t channels(std::int64_t b) const { return std::min(M_ - b * micro_->width(), micro_->width()); }
  std::int64_t vectors(std::int64_t b) const { return channels(b) > micro_->lanes ? 2 : 1; }
  float* packed(std::int64_t g, std::int64_t b, std::int64_t p) { return weights_.data() + packed_at(g, b, p); }
  std::int64_t packed_at(std::int64_t g, std::int64_t b, std::int64_t p) const {
    return ((g * blocks_ + b) * 36 + p) * C_ * micro_->width();
  }

  // From one of the 36 positions to the next; 16 more than needed, lest all of them fall on one set of the cache.
  std::int64_t input_step() const { return C_ * tiles_pitch_ + 16; }
  std::int64_t sums_step() const { return tiles_pitch_ * micro_->width() + 16; }
  std::int64_t padded_pitch() const { return 4 * across_ + 4; }
  std::int64_t padded_floats() const { return ((4 * most_rows_ + 2) * padded_pitch() + 31) / 16 * 16; }
  std::int64_t plane() const { return (most_rows_ + 1) * across_ + 4; }
  /// For the two steps, one after the other: padded rows and planes, then sums.
  std::int64_t scratch_floats() const {
    return (std::max(padded_floats() + 24 * plane(), 36 * sums_step()) + 15) / 16 * 16;
  }

  /// V of strip s of one channel x [H, W].
  void transform_channel(const float* x, std::int64_t s, float* scratch, float* to) const {
    const std::int64_t y0 = 4 * strips_.first(s) - params_.pad_top, rows = 4 * strips_.size(s) + 2;
    const std::int64_t pitch = padded_pitch(), left = params_.pad_left;
    const std::int64_t top = std::clamp<std::int64_t>(-y0, 0, rows), bottom = std::clamp(H_ - y0, top, rows);
    const std::int64_t first = std::min(left, pitch), last = std::clamp(W_ + left, first, pitch);
    std::fill_n(scratch, top * pitch, 0.0F);
    micro_->pad_rows[0](x + (y0 + top) * W_ - left, W_, scratch + top * pitch, bottom - top, pitch, first, last);
    std::fill_n(scratch + bottom * pitch, (rows - bottom) * pitch, 0.0F);
    float* planes = scratch + padded_floats();
    simd::simd_call<winograd::SplitImage>(micro_->isa, scratch, pitch, rows, across_, planes, plane());
    simd::simd_call<winograd::TransformInput>(micro_->isa, planes, plane(), across_, strips_.size(s) * across_, to,
                                              input_step());
  }

  /// The pixels of channel block b for tiles in parts first_part .. last_part - 1 of strip s.
  void multiply(std::int64_t g, std::int64_t b, std::int64_t s, const EvenParts& parts, std::int64_t first_part,
                std::int64_t last_part, const float* input, float* sums, const Conv2dImage& image,
                const float* bias) const {
    const std::int64_t width = vectors(b) * micro_->lanes, begin = parts.first(first_part);
    for (std::int64_t p = 0; p < 36; ++p)
      for (std::int64_t i = first_part; i < last_part; ++i)
        micro_->tile(Walk::image_a, parts.size(i), vectors(b))(
            C_, input + p * input_step() + parts.first(i), weights_.data() + packed_at(g, b, p), offset_.data(),
            sums + p * sums_step() + (parts.first(i) - begin) * width, false);

    // Four neighbouring tiles at a time: 16 pixels of a row.
    alignas(64) float pixels[4 * 16 * max_tile_width];
    const std::int64_t end = parts.first(last_part), m = g * M_ + b * micro_->width(), area = OH_ * OW_;
    for (std::int64_t t = begin, n = 0; t < end; t += n) {
      const std::int64_t i = 4 * (strips_.first(s) + t / across_), j = 4 * (t % across_);
      n = std::min({std::int64_t{4}, across_ - t % across_, end - t});
      simd::simd_call<winograd::TransformOutput>(micro_->isa, sums + (t - begin) * width, sums_step(), n, vectors(b),
                                                 static_cast<float*>(pixels), std::int64_t{16});
      for (std::int64_t r = 0; r < std::min<std::int64_t>(4, OH_ - i); ++r) {
        const std::int64_t at = m * area + (i + r) * OW_ + j;
        micro_->store_columns(
            pixels + r * 16 * width, width, std::min(4 * n, OW_ - j), channels(b),
            {bias + m, image.residual ? image.residual + at : nullptr, image.y + at, area, image.clamp});
      }
    }
  }

  Conv2dParams params_;
  const Microkernels* micro_;
  std::int64_t H_, W_, OH_, OW_, C_, M_, blocks_;
  std::int64_t across_;                       ///< tiles in a row
  EvenParts strips_;                          ///< of the rows of tiles
  std::int64_t most_rows_, tiles_pitch_ = 0;  ///< rows of tiles in the largest strip; its tiles, a multiple of 4
  std::vector<std::int32_t> offset_;          ///< c*tiles_pitch_
  Buffer weights_;
};

}  // namespace weir::kernels
