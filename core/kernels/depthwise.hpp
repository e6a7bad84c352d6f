/// Depthwise convolution: one input channel for each output channel.
#pragma once
#include <weir/core/kernels/conv2d/algorithm.hpp>

namespace weir::kernels {

/// groups == in_channels. Each channel is staged (padded, strides split away) into the cache and then convolved: square
/// kernels of 3 or 5 row by row, with few loads; other kernels, strides and dilations as one line of vectors.
class Depthwise : public Conv2dAlgorithm {
 public:
  Depthwise(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : params_(p), micro_(&micro), by_rows_(has_rows_kernel(p)), geometry_(p, x, true, by_rows_ ? micro.lanes : 1) {
    rows_ = std::clamp<std::int64_t>(2048 / geometry_.pitch, 1, most_rows);
  }

  static bool fits(const Conv2dParams& p) { return p.groups == p.in_channels; }

  std::string_view name() const override { return "depthwise"; }
  double cost() const override {
    const double vectors = static_cast<double>(sums_floats(geometry_.OH)) / micro_->lanes;
    const double tap = by_rows_ ? (params_.kernel_h == 3 ? 0.7 : 1.3) : 2;
    const double each = vectors * (static_cast<double>(params_.depth()) * tap + 5) + 100;
    const double staging = static_cast<double>(geometry_.channel_floats) / 4;
    return static_cast<double>(params_.out_channels) * each + static_cast<double>(params_.in_channels) * staging;
  }
  void pack(std::span<const float> weights) override {
    std::copy(weights.begin(), weights.end(), weights_.reserve(weights.size()));
  }
  std::size_t workspace_floats(std::int64_t threads) const override {
    return static_cast<std::size_t>(threads * piece_floats());
  }

  void run(const ThreadPool& pool, const Conv2dImage& image, const float* bias, float* workspace) const override {
    const std::int64_t pixels = geometry_.OH * geometry_.OW, each = params_.out_channels / params_.in_channels;
    const double flops = 2 * static_cast<double>(params_.out_channels * params_.depth()) * static_cast<double>(pixels);
    share(pool, params_.in_channels, flops, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
      constexpr float zeros[most_rows] = {};
      float* staged = workspace + piece * piece_floats();
      float* sums = staged + staged_floats();
      for (std::int64_t c = first; c < last; ++c) {
        geometry_.stage(*micro_, image.x + c * geometry_.H * geometry_.W, staged);
        for (std::int64_t m = c * each; m < (c + 1) * each; ++m)
          for (std::int64_t i = 0; i < geometry_.OH; i += rows_) {
            const std::int64_t rows = std::min(rows_, geometry_.OH - i), at = m * pixels + i * geometry_.OW;
            convolve(m, staged + i * geometry_.pitch, bias[m], rows, sums);
            micro_->store_rows(
                sums, sums_pitch(), rows, geometry_.OW,
                {zeros, image.residual ? image.residual + at : nullptr, image.y + at, geometry_.OW, image.clamp});
          }
      }
    });
  }

 private:
  static constexpr std::int64_t most_rows = 32;

  static bool has_rows_kernel(const Conv2dParams& p) {
    return p.kernel_h == p.kernel_w && (p.kernel_h == 3 || p.kernel_h == 5) && p.stride_h == p.stride_w &&
           p.stride_h <= 2 && p.dilation_h == 1 && p.dilation_w == 1;
  }

  void convolve(std::int64_t m, const float* staged, float bias, std::int64_t rows, float* sums) const {
    const float* weights = weights_.data() + m * params_.depth();
    if (by_rows_) {
      const auto kernel = micro_->depthwise[static_cast<std::size_t>(params_.kernel_h - 3) / 2]
                                           [static_cast<std::size_t>(params_.stride_h - 1)];
      kernel({weights, staged, geometry_.offset.data(), geometry_.pitch, bias}, rows, sums_pitch(), sums);
    } else {
      micro_->line(params_.depth(), weights, staged, geometry_.offset.data(), bias, sums, sums_floats(rows));
    }
  }

  std::int64_t whole_vectors(std::int64_t n) const { return (n + micro_->lanes - 1) / micro_->lanes * micro_->lanes; }
  std::int64_t sums_pitch() const { return by_rows_ ? whole_vectors(geometry_.OW) : geometry_.pitch; }
  std::int64_t sums_floats(std::int64_t rows) const {
    return by_rows_ ? rows * sums_pitch() : whole_vectors((rows - 1) * geometry_.pitch + geometry_.OW);
  }
  std::int64_t staged_floats() const { return (geometry_.staged_floats(1, 2 * micro_->lanes) + 15) / 16 * 16; }
  std::int64_t piece_floats() const { return staged_floats() + (sums_floats(rows_) + 15) / 16 * 16; }

  Conv2dParams params_;
  const Microkernels* micro_;
  bool by_rows_;
  Geometry geometry_;
  std::int64_t rows_;  ///< of y at a time, so that their sums stay in the first-level cache
  Buffer weights_;
};

}  // namespace weir::kernels
