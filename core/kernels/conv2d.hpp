/// Convolution with weights packed once.
#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <weir/core/kernels/conv2d/im2col.hpp>
#include <weir/core/kernels/conv2d/list.hpp>
#include <weir/core/kernels/conv2d/plain_loops.hpp>
#include <weir/core/kernels/elementwise/finite_scan.hpp>
#include <weir/core/memory/shared_floats.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// y = clamp(conv(x) + bias + residual) for images of one size; see Conv2dParams for the formula. y and residual are
/// blocked (core/layout.hpp), x in the layout that is asked for; a Context that chose OpenBLAS has all three plain, and
/// gets im2col and one product for each image.
///
/// Which algorithm computes it (core/kernels/conv2d/list.hpp) is decided when it is made, from the parameters, H, W,
/// the layout of x, the instruction set and Context::winograd() only; so an image's result does not depend on its
/// batch-mates, on the batch size or on the number of threads, to the last bit. (OpenBLAS promises nothing about the
/// bits when its number of threads changes.)
///
/// NaN and infinities pass as the formula says, to the outputs that see them: an algorithm that would spread them
/// further leaves images that hold some to plain loops (Conv2dAlgorithm::wants_finite()), or single tiles (Winograd).
///
/// Immutable and shared by any number of threads; keeps a packed copy of the weights.
class PackedConv2d {
 public:
  /// weights [M, C/groups, kernel_h, kernel_w]; bias M floats, or none; x [N, C, H, W], of which N does not matter.
  /// Throws ShapeError where the sizes do not fit each other.
  PackedConv2d(const Conv2dParams& params, SharedFloats weights, std::span<const float> bias, const Context& context,
               const Shape& x, Layout layout = Layout::blocked)
      : params_(params), openblas_(context.openblas()) {
    const Shape y = params.output_shape(x);
    const auto M = static_cast<std::size_t>(params.out_channels);
    if (weights.size() != M * static_cast<std::size_t>(params.depth()))
      throw ShapeError(detail::message(
          {"convolution: ", weights.size(), " weights, expected ", M * static_cast<std::size_t>(params.depth())}));
    if (!bias.empty() && bias.size() != M)
      throw ShapeError(detail::message({"convolution: ", bias.size(), " biases for ", M, " output channels"}));
    layout_ = openblas_ ? Layout::plain : layout;
    H_ = x[2], W_ = x[3], OH_ = y[2], OW_ = y[3];
    x_floats_ = floats_of(x.with(0, 1), layout_, context.isa());
    y_floats_ = floats_of(y.with(0, 1), output_layout(), context.isa());
    const Microkernels& micro = microkernels(context.isa());
    const auto padded = static_cast<std::size_t>(round_up(params.out_channels, micro.width()));
    std::fill_n(bias_.reserve(padded), padded, 0.0F);
    std::copy(bias.begin(), bias.end(), bias_.data());
    if (openblas_)
      algorithm_ = std::make_unique<Im2col>(params, x, micro);
    else
      algorithm_ = choose_conv2d(params, x, layout_, micro, context.winograd());
    if (algorithm_->transforms() && !all_finite(micro.isa, weights.data(), static_cast<std::int64_t>(weights.size())))
      algorithm_ = choose_conv2d(params, x, layout_, micro, false);
    algorithm_->pack(std::span(weights.data(), weights.size()));
    isa_ = micro.isa;
    x_pixel_floats_ = layout_ == Layout::plain ? 1 : micro.lanes, y_pixel_floats_ = micro.lanes;
    if (algorithm_->wants_finite() || algorithm_->transforms()) weights_ = std::move(weights);
  }
  /// As above, keeping a copy of the weights.
  PackedConv2d(const Conv2dParams& params, std::span<const float> weights, std::span<const float> bias,
               const Context& context, const Shape& x, Layout layout = Layout::blocked)
      : PackedConv2d(params, SharedFloats(std::vector<float>(weights.begin(), weights.end())), bias, context, x,
                     layout) {}

  Layout input_layout() const { return layout_; }
  Layout output_layout() const { return openblas_ ? Layout::plain : Layout::blocked; }

  /// Scratch memory that run() needs for a batch of x.
  std::size_t workspace_floats(const Context& context, const Shape& x) const {
    const std::int64_t threads = context.threads();
    if (!whole_images(context, x[0])) return algorithm_->workspace_floats(threads);
    return workspaces_floats(threads, image_workspace());
  }

  /// x [N, C, H, W] -> y [N, M, OH, OW]. residual has y's shape and may be y.data, or is nullptr.
  void run(const Context& context, ConstView x, const float* residual, View y, Clamp clamp, float* workspace) const {
    const std::int64_t N = x.shape[0];
    const auto images = [&](std::int64_t first, std::int64_t last) {
      return Conv2dImages{x.data + first * x_floats_, residual ? residual + first * y_floats_ : nullptr,
                          y.data + first * y_floats_, last - first, clamp};
    };
    if (algorithm_->wants_finite() && !finite(context, x.data, N)) {
      for (std::int64_t n = 0; n < N; ++n)
        if (finite(context, x.data + n * x_floats_, 1))
          algorithm_->run(context.pool(), images(n, n + 1), bias_.data(), workspace);
        else
          run_plainly(images(n, n + 1));
      return;
    }
    if (!whole_images(context, N)) {
      algorithm_->run(context.pool(), images(0, N), bias_.data(), workspace);
      return;
    }
    const detail::ThreadPool alone(1);
    share(context.pool(), N, params_.flops(x.shape), [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
      algorithm_->run(alone, images(first, last), bias_.data(),
                      workspace + piece * workspaces_apart(image_workspace()));
    });
  }

  /// Which rows of x a row of y depends on, if run_rows() works.
  std::optional<RowWindow> row_window() const {
    if (!algorithm_->by_rows()) return std::nullopt;
    return RowWindow{params_.stride_h, params_.extent_h(), params_.pad_top, algorithm_->row_multiple()};
  }

  /// A part of one image, with workspace_floats() of a context of one thread; to the same bits as run().
  void run_rows(const Conv2dRows& rows, float* workspace) const { algorithm_->run_rows(rows, bias_.data(), workspace); }

  std::string_view algorithm() const { return algorithm_->name(); }
  std::string tile() const { return algorithm_->tile(); }

 private:
  /// Threads take whole images where there are enough of them, else they share each image. (OpenBLAS has threads of its
  /// own.)
  bool whole_images(const Context& context, std::int64_t N) const {
    return context.threads() > 1 && N >= 2 * context.threads() && !openblas_ && algorithm_->takes_images();
  }
  /// One image that is not finite.
  void run_plainly(const Conv2dImages& image) const {
    const auto view = [&](const float* data, std::int64_t H, std::int64_t row) {
      return RowsView{const_cast<float*>(data), H, row, H * row};
    };
    PlainLoops{params_, weights_.data(), bias_.data(), H_, W_, x_pixel_floats_, y_pixel_floats_}.run(
        {view(image.x, H_, W_ * x_pixel_floats_), view(image.residual, OH_, OW_ * y_pixel_floats_),
         view(image.y, OH_, OW_ * y_pixel_floats_), RowRange{0, OH_}, image.clamp},
        {0, params_.out_channels}, {0, OW_});
  }

  /// True if N images hold finite numbers only.
  bool finite(const Context& context, const float* x, std::int64_t N) const {
    const std::int64_t planes = round_up(params_.in_channels, x_pixel_floats_) / x_pixel_floats_,
                       plane = H_ * W_ * x_pixel_floats_;
    const std::int64_t used = params_.in_channels % x_pixel_floats_;
    std::atomic<bool> all{true};
    share(context.pool(), N * planes, static_cast<double>(N * planes * plane),
          [&](std::int64_t, std::int64_t first, std::int64_t last) {
            for (std::int64_t p = first; p < last;) {
              const std::int64_t n = std::min(last - p, planes - p % planes);
              const bool last_lanes = p % planes + n == planes && used > 0;
              bool is_finite = true;
              simd::simd_call<FiniteScan>(isa_, x + p * plane, n, plane, plane, last_lanes ? used : y_pixel_floats_,
                                          &is_finite);
              if (!is_finite) all = false;
              p += n;
            }
          });
    return all;
  }

  std::int64_t image_workspace() const { return static_cast<std::int64_t>(algorithm_->workspace_floats(1)); }

  Conv2dParams params_;
  bool openblas_;
  Layout layout_ = Layout::blocked;
  Isa isa_ = Isa::portable;
  std::int64_t x_floats_ = 0, y_floats_ = 0;
  std::int64_t H_ = 0, W_ = 0, OH_ = 0, OW_ = 0, x_pixel_floats_ = 1, y_pixel_floats_ = 1;
  SharedFloats weights_;  ///< for plain loops; none where there are none
  Buffer bias_;
  std::unique_ptr<Conv2dAlgorithm> algorithm_;
};

}  // namespace weir::kernels
