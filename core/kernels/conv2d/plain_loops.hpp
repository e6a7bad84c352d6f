/// A convolution by plain loops: what is computed where x is not finite.
#pragma once
#include <algorithm>
#include <weir/core/kernels/conv2d/algorithm.hpp>

namespace weir::kernels {

/// Where x and y lie, as in Conv2dRows. x_pixel_floats, y_pixel_floats: floats of a pixel of one plane, 1 of a plain
/// tensor.
struct PlainLoops {
  const Conv2dParams& params;
  const float* weights;  ///< [M, C/groups, KH, KW]
  const float* bias;
  std::int64_t H, W, x_pixel_floats, y_pixel_floats;

  /// Channels `channels` and columns `columns` of rows `rows` of y, summed in double. Only what a window sees of the
  /// image is multiplied: places in the padding and channels of other groups are not, as 0 times an infinity is no
  /// number.
  void run(const Conv2dRows& r, RowRange channels, RowRange columns) const {
    for (std::int64_t m = channels.first; m < channels.last; ++m)
      for (std::int64_t i = r.rows.first; i < r.rows.last; ++i)
        for (std::int64_t j = columns.first; j < columns.last; ++j) {
          const std::int64_t plane = m / y_pixel_floats, at = j * y_pixel_floats + m % y_pixel_floats;
          float v = static_cast<float>(sum(r.x, m, i, j) + double{bias[m]});
          if (r.residual.data != nullptr) v += r.residual.row(plane, i)[at];
          r.y.row(plane, i)[at] = r.clamp(v);
        }
  }

 private:
  double sum(const RowsView& x, std::int64_t m, std::int64_t i, std::int64_t j) const {
    const std::int64_t C = params.in_channels / params.groups, M = params.out_channels / params.groups;
    const std::int64_t KH = params.kernel_h, KW = params.kernel_w, first = m / M * C;
    double s = 0;
    for (std::int64_t c = 0; c < C; ++c)
      for (std::int64_t k = 0; k < KH * KW; ++k) {
        const std::int64_t row = i * params.stride_h - params.pad_top + k / KW * params.dilation_h;
        const std::int64_t column = j * params.stride_w - params.pad_left + k % KW * params.dilation_w;
        if (row < 0 || row >= H || column < 0 || column >= W) continue;
        const std::int64_t channel = first + c;
        s += double{weights[(m * C + c) * KH * KW + k]} *
             double{x.row(channel / x_pixel_floats, row)[column * x_pixel_floats + channel % x_pixel_floats]};
      }
    return s;
  }
};

}  // namespace weir::kernels
