/// Depthwise convolution: one input channel for each output channel.
#pragma once
#include <weir/core/kernels/conv2d/algorithm.hpp>

namespace weir::kernels {

/// groups == in_channels. Each channel is staged (padded, strides split away) into the cache and then convolved as one
/// line of vectors, whatever the kernel's size, stride and dilation.
class Depthwise : public Conv2dAlgorithm {
 public:
  Depthwise(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : params_(p), micro_(&micro), geometry_(p, x, true) {
    rows_ = std::clamp<std::int64_t>(2048 / geometry_.pitch, 1, most_rows);
  }

  static bool fits(const Conv2dParams& p) { return p.groups == p.in_channels; }

  std::string_view name() const override { return "depthwise"; }
  double cost() const override {
    const std::int64_t taps = params_.out_channels * positions(geometry_.OH) * params_.depth();
    return static_cast<double>(taps) / micro_->lanes +
           static_cast<double>(params_.in_channels * geometry_.channel_floats +
                               params_.out_channels * geometry_.OH * 20);
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
      std::fill_n(staged, staged_floats(), 0.0F);  // the zeros around the image serve all channels
      for (std::int64_t c = first; c < last; ++c) {
        geometry_.stage(*micro_, image.x + c * geometry_.H * geometry_.W, staged, false);
        for (std::int64_t m = c * each; m < (c + 1) * each; ++m)
          for (std::int64_t i = 0; i < geometry_.OH; i += rows_) {
            const std::int64_t rows = std::min(rows_, geometry_.OH - i), at = m * pixels + i * geometry_.OW;
            micro_->line(params_.depth(), weights_.data() + m * params_.depth(), staged + i * geometry_.pitch,
                         geometry_.offset.data(), bias[m], sums, positions(rows));
            micro_->store_rows(
                sums, geometry_.pitch, rows, geometry_.OW,
                {zeros, image.residual ? image.residual + at : nullptr, image.y + at, geometry_.OW, image.clamp});
          }
      }
    });
  }

 private:
  static constexpr std::int64_t most_rows = 32;

  /// Positions from the first pixel of so many rows to their last, in whole vectors.
  std::int64_t positions(std::int64_t rows) const {
    return ((rows - 1) * geometry_.pitch + geometry_.OW + micro_->lanes - 1) / micro_->lanes * micro_->lanes;
  }
  std::int64_t staged_floats() const { return (geometry_.staged_floats(1, micro_->lanes) + 15) / 16 * 16; }
  std::int64_t piece_floats() const { return staged_floats() + (positions(rows_) + 15) / 16 * 16; }

  Conv2dParams params_;
  const Microkernels* micro_;
  Geometry geometry_;
  std::int64_t rows_;  ///< of y at a time, so that their sums stay in the first-level cache
  Buffer weights_;
};

}  // namespace weir::kernels
