/// Geometry: how a convolution's image is staged so that every output pixel sees its inputs at the same offsets.
#pragma once
#include <algorithm>
#include <limits>
#include <vector>
#include <weir/core/kernels/conv2d/params.hpp>
#include <weir/core/kernels/gemm/microkernel.hpp>

namespace weir::kernels {

/// One group's image as the kernels read it. Where there are no pads and no strides it is x itself; else a padded copy,
/// split by stride into phases, so that strides vanish: phase (p, q) holds the pixels (i*stride_h + p, j*stride_w + q)
/// of the padded image. In both cases output pixel (i, j) needs, for weight k = (c, r, s),
///
///     image[offset[k] + i*pitch + j]
///
/// A 1x1 convolution of any stride thereby becomes one dense line (pitch == OW).
struct Geometry {
  std::int64_t H = 0, W = 0, OH = 0, OW = 0, channels = 0;  ///< channels of one group
  std::int64_t pitch = 0, rows = 0;                         ///< of one phase of the staged image
  std::int64_t channel_floats = 0;                          ///< from one channel to the next
  bool staged = false;
  std::vector<std::int32_t> offset;  ///< depth() of them

  struct Phase {
    std::int64_t row, column;  ///< of the padded image
    bool operator==(const Phase&) const = default;
  };
  std::vector<Phase> phases;
  std::int64_t pad_top = 0, pad_left = 0, stride_h = 1, stride_w = 1;

  /// pitch_multiple: the pitch of a staged image is a multiple of it.
  /// Throws ShapeError if x [N, C, H, W] does not fit, or one group's image has 2^31 floats or more.
  Geometry(const Conv2dParams& p, const Shape& x, bool always_staged = false, std::int64_t pitch_multiple = 1)
      : H(x[2]), W(x[3]), channels(p.in_channels / p.groups) {
    const Shape y = p.output_shape(x);
    OH = y[2], OW = y[3];
    pad_top = p.pad_top, pad_left = p.pad_left, stride_h = p.stride_h, stride_w = p.stride_w;
    staged = always_staged || p.padded() || stride_h > 1 || stride_w > 1;
    pitch = staged ? OW + (p.kernel_w - 1) * p.dilation_w / stride_w : W;
    if (staged) pitch = (pitch + pitch_multiple - 1) / pitch_multiple * pitch_multiple;
    rows = staged ? OH + (p.kernel_h - 1) * p.dilation_h / stride_h : H;
    std::vector<std::int64_t> one_channel;
    for (std::int64_t r = 0; r < p.kernel_h; ++r)
      for (std::int64_t s = 0; s < p.kernel_w; ++s) {
        const std::int64_t dr = r * p.dilation_h, ds = s * p.dilation_w;
        const Phase phase{dr % stride_h, ds % stride_w};
        auto it = std::find(phases.begin(), phases.end(), phase);
        if (it == phases.end()) it = phases.insert(it, phase);
        one_channel.push_back((it - phases.begin()) * rows * pitch + dr / stride_h * pitch + ds / stride_w);
      }
    channel_floats = staged ? static_cast<std::int64_t>(phases.size()) * rows * pitch : H * W;
    if (Shape{channels, channel_floats}.numel() > std::numeric_limits<std::int32_t>::max())
      throw ShapeError("convolution: an image of " + x.to_string() + " is too large");
    offset.reserve(static_cast<std::size_t>(p.depth()));
    for (std::int64_t c = 0; c < channels; ++c)
      for (const std::int64_t o : one_channel) offset.push_back(static_cast<std::int32_t>(c * channel_floats + o));
  }

  bool dense() const { return pitch == OW; }
  /// Floats of the staged image of `count` channels, 0 if x is read where it is. Kernels may read up to `slack` floats
  /// behind the last pixel (and ignore what they find).
  std::int64_t staged_floats(std::int64_t count, std::int64_t slack) const {
    return staged ? count * channel_floats + slack : 0;
  }

  /// Copies channel x [H, W] to its place, with zeros around it.
  void stage(const Microkernels& micro, const float* x, float* to) const {
    for (const Phase& phase : phases) {
      // Columns first..last-1 of the phase lie in the image: column j is the image's column j*stride_w - shift.
      const std::int64_t shift = pad_left - phase.column;
      const std::int64_t first = std::clamp<std::int64_t>((shift + stride_w - 1) / stride_w, 0, pitch);
      const std::int64_t last = std::clamp<std::int64_t>((W + shift + stride_w - 1) / stride_w, first, pitch);
      for (std::int64_t i = 0; i < rows; ++i, to += pitch) {
        const std::int64_t row = i * stride_h + phase.row - pad_top;
        if (row < 0 || row >= H) {
          std::fill_n(to, pitch, 0.0F);
        } else if (stride_w <= 2) {
          micro.pad_row[static_cast<std::size_t>(stride_w - 1)](x + row * W - shift, to, first, last, pitch);
        } else {
          std::fill_n(to, pitch, 0.0F);
          for (std::int64_t j = first; j < last; ++j) to[j] = x[row * W + j * stride_w - shift];
        }
      }
    }
  }
};

}  // namespace weir::kernels
