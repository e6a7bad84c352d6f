/// Convolution to a single pixel: dot products of images and weights as they lie.
#pragma once
#include <vector>
#include <weir/core/kernels/conv2d/algorithm.hpp>
#include <weir/core/kernels/gemm/dot_rows.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// A kernel that sees the whole image and nothing else, so that y is one pixel: classifiers written as 1x1 convolutions
/// of what a global pooling left, and fully connected layers written as convolutions of what is in front of them. Bound
/// by reading the weights, which lie in the order of the image's floats, one row for each output channel.
class Dot : public Conv2dAlgorithm {
 public:
  Dot(const Conv2dParams& p, const Shape& x, Layout layout, const Microkernels& micro)
      : params_(p),
        micro_(&micro),
        pixel_floats_(layout == Layout::plain ? 1 : micro.lanes),
        pixels_(x[2] * x[3]),
        image_floats_(round_up(p.in_channels, pixel_floats_) * pixels_),
        y_floats_(round_up(p.out_channels, micro.lanes)) {}

  /// x [N, C, H, W]. Channels that fill no block must not be followed by other pixels.
  static bool fits(const Conv2dParams& p, const Shape& x, Layout layout, const Microkernels& micro) {
    return p.groups == 1 && !p.padded() && p.kernel_h == x[2] && p.kernel_w == x[3] && p.dilation_h == 1 &&
           p.dilation_w == 1 && (layout == Layout::plain || x[2] * x[3] == 1 || p.in_channels % micro.lanes == 0);
  }

  std::string_view name() const override { return "dot"; }

  /// In the units of Direct: a load and a multiplication for each vector of weights, and the sums of their lanes.
  double cost() const override {
    const auto M = static_cast<double>(params_.out_channels), K = static_cast<double>(params_.depth());
    return cycles_with_weights(M * K / static_cast<double>(micro_->lanes) + detail::machine_costs.sum_of_lanes * M,
                               M * K);
  }

  void pack(std::span<const float> weights) override {
    float* to = weights_.reserve(weights.size());
    const std::int64_t K = params_.depth();
    for (std::int64_t m = 0; m < params_.out_channels; ++m)
      for (std::int64_t block = 0; block < params_.in_channels; block += pixel_floats_)
        for (std::int64_t pixel = 0; pixel < pixels_; ++pixel)
          for (std::int64_t c = block; c < std::min(params_.in_channels, block + pixel_floats_); ++c)
            *to++ = weights[static_cast<std::size_t>(m * K + c * pixels_ + pixel)];
  }

  std::size_t workspace_floats(std::int64_t) const override { return 0; }

  /// Threads share the outputs, so that each weight is read once.
  bool takes_images() const override { return false; }
  void run(const detail::ThreadPool& pool, const Conv2dImages& images, const float* bias, float*) const override {
    dot_rows(pool, *micro_,
             {images.count, params_.depth(), params_.out_channels, images.x, image_floats_, weights_.data()},
             [&](std::int64_t n, std::int64_t m, float sum) {
               const std::int64_t at = n * y_floats_ + m;
               sum += bias[m];
               images.y[at] = images.clamp(images.residual ? sum + images.residual[at] : sum);
             });
  }

 private:
  Conv2dParams params_;
  const Microkernels* micro_;
  std::int64_t pixel_floats_, pixels_, image_floats_, y_floats_;
  detail::PackedWeights weights_;
};

}  // namespace weir::kernels
