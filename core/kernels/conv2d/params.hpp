/// Conv2dParams: what a two-dimensional convolution is, apart from its weights.
#pragma once
#include <cstdint>
#include <string>
#include <weir/core/shape.hpp>

namespace weir::kernels {

/// Sizes of a convolution of x [N, C, H, W] with weights [M, C/groups, kernel_h, kernel_w], in ONNX's terms:
///   y[n, m, i, j] = bias[m] + sum over c, r, s of
///       weights[m, c, r, s] * x[n, m / (M/groups) * C/groups + c, i*stride_h + r*dilation_h - pad_top,
///                                                               j*stride_w + s*dilation_w - pad_left]
/// where x is zero outside the image. A depthwise convolution has groups == C.
struct Conv2dParams {
  std::int64_t in_channels = 0, out_channels = 0, groups = 1;
  std::int64_t kernel_h = 1, kernel_w = 1;
  std::int64_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;

  /// Shape of y [N, M, OH, OW] for x [N, C, H, W], OH = (H + pad_top + pad_bottom - (kernel_h-1)*dilation_h - 1) /
  /// stride_h + 1 rounded down. Throws ShapeError if the parameters are out of range, x has other channels, or the
  /// kernel is larger than the padded image.
  Shape output_shape(const Shape& x) const {
    check();
    if (x.rank() != 4 || x[1] != in_channels)
      throw ShapeError(detail::message({"convolution expects [N, ", in_channels, ", H, W], got ", x.to_string()}));
    const std::int64_t h = x[2] + pad_top + pad_bottom - extent_h(), w = x[3] + pad_left + pad_right - extent_w();
    if (x[2] < 1 || x[3] < 1 || h < 0 || w < 0)
      throw ShapeError(detail::message({"convolution: a kernel that spans ", extent_h(), "x", extent_w(),
                                        " does not fit the padded image of ", x.to_string()}));
    const Shape y{x[0], out_channels, h / stride_h + 1, w / stride_w + 1};
    (void)y.numel();
    (void)Shape{in_channels, x[2] + pad_top + pad_bottom, x[3] + pad_left + pad_right}.numel();
    return y;
  }

  /// 2 for each multiply-add, as if the padding were computed too.
  double flops(const Shape& x) const {
    return 2 * static_cast<double>(output_shape(x).numel()) * static_cast<double>(depth());
  }

  /// Terms of the sum of one output: C/groups * kernel_h * kernel_w.
  std::int64_t depth() const { return in_channels / groups * kernel_h * kernel_w; }
  /// Rows and columns of the image that the kernel spans.
  std::int64_t extent_h() const { return (kernel_h - 1) * dilation_h + 1; }
  std::int64_t extent_w() const { return (kernel_w - 1) * dilation_w + 1; }
  bool padded() const { return pad_top > 0 || pad_left > 0 || pad_bottom > 0 || pad_right > 0; }

  /// Throws ShapeError unless all sizes are positive and at most 2^24, pads not negative, and both channel counts
  /// divisible by groups.
  void check() const {
    constexpr std::int64_t limit = std::int64_t{1} << 24;
    for (const std::int64_t v : {in_channels, out_channels, groups, kernel_h, kernel_w, stride_h, stride_w, dilation_h,
                                 dilation_w, pad_top + 1, pad_left + 1, pad_bottom + 1, pad_right + 1})
      if (v < 1 || v > limit) throw ShapeError("convolution: a size, stride, dilation or pad is out of range");
    if (in_channels % groups != 0 || out_channels % groups != 0)
      throw ShapeError(detail::message({"convolution: ", in_channels, " input and ", out_channels,
                                        " output channels do not divide into ", groups, " groups"}));
    (void)Shape{out_channels, in_channels / groups, kernel_h, kernel_w}.numel();
  }
};

}  // namespace weir::kernels
