/// Depthwise convolution: one input channel for each output channel.
#pragma once
#include <weir/core/kernels/conv2d/algorithm.hpp>

namespace weir::kernels {

/// groups == in_channels. Each channel is staged (padded, strides split away) into the cache and then convolved as one
/// line of vectors, whatever the kernel's size, stride and dilation.
class Depthwise : public Conv2dAlgorithm {
 public:
  Depthwise(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : params_(p), micro_(&micro), geometry_(p, x, true) {}

  static bool fits(const Conv2dParams& p) { return p.groups == p.in_channels; }

  std::string_view name() const override { return "depthwise"; }
  double cost() const override {
    return static_cast<double>(params_.out_channels * line() * params_.depth()) / micro_->lanes;
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
      float* staged = workspace + piece * piece_floats();
      float* sums = staged + staged_floats();
      for (std::int64_t c = first; c < last; ++c) {
        geometry_.stage(image.x + c * geometry_.H * geometry_.W, staged);
        for (std::int64_t m = c * each; m < (c + 1) * each; ++m) {
          micro_->line(params_.depth(), weights_.data() + m * params_.depth(), staged, geometry_.offset.data(), sums,
                       line());
          const float* residual = image.residual ? image.residual + m * pixels : nullptr;
          for (std::int64_t i = 0; i < geometry_.OH; ++i)
            micro_->store_rows(sums + i * geometry_.pitch, 0, 1, geometry_.OW,
                               {bias + m, residual ? residual + i * geometry_.OW : nullptr,
                                image.y + m * pixels + i * geometry_.OW, 0, image.clamp});
        }
      }
    });
  }

 private:
  /// Positions from the first pixel to the last, up to a whole number of the line kernel's steps.
  std::int64_t line() const {
    const std::int64_t step = 4 * std::int64_t{micro_->lanes};
    return ((geometry_.OH - 1) * geometry_.pitch + geometry_.OW + step - 1) / step * step;
  }
  std::int64_t staged_floats() const { return (geometry_.staged_floats(1, 4 * micro_->lanes) + 15) / 16 * 16; }
  std::int64_t piece_floats() const { return staged_floats() + line(); }

  Conv2dParams params_;
  const Microkernels* micro_;
  Geometry geometry_;
  Buffer weights_;
};

}  // namespace weir::kernels
