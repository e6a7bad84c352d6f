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
    std::int64_t row, column;               ///< of the padded image
    std::int64_t top, bottom, first, last;  ///< its rows top..bottom-1 and columns first..last-1 lie in the image
    std::int64_t image;                     ///< where its element (top, 0) is or would be in the image
  };
  std::vector<Phase> phases;
  std::int64_t stride_h = 1, stride_w = 1;

  /// pitch_multiple: the pitch of a staged image is a multiple of it.
  /// Throws ShapeError if x [N, C, H, W] does not fit, or one group's image has 2^31 floats or more.
  Geometry(const Conv2dParams& p, const Shape& x, bool always_staged = false, std::int64_t pitch_multiple = 1)
      : H(x[2]), W(x[3]), channels(p.in_channels / p.groups) {
    const Shape y = p.output_shape(x);
    OH = y[2], OW = y[3];
    stride_h = p.stride_h, stride_w = p.stride_w;
    staged = always_staged || p.padded() || stride_h > 1 || stride_w > 1;
    pitch = staged ? OW + (p.kernel_w - 1) * p.dilation_w / stride_w : W;
    if (staged) pitch = (pitch + pitch_multiple - 1) / pitch_multiple * pitch_multiple;
    rows = staged ? OH + (p.kernel_h - 1) * p.dilation_h / stride_h : H;
    std::vector<std::int64_t> one_channel;
    for (std::int64_t r = 0; r < p.kernel_h; ++r)
      for (std::int64_t s = 0; s < p.kernel_w; ++s) {
        const std::int64_t dr = r * p.dilation_h, ds = s * p.dilation_w;
        const std::int64_t row = dr % stride_h, column = ds % stride_w;
        auto it = std::find_if(phases.begin(), phases.end(),
                               [&](const Phase& q) { return q.row == row && q.column == column; });
        if (it == phases.end()) it = phases.insert(it, make_phase(p, row, column));
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
      const std::int64_t count = phase.bottom - phase.top;
      float* inside = to + phase.top * pitch;
      std::fill(to, inside, 0.0F);
      const float* from = x + phase.image;
      if (stride_w <= 2) {
        micro.pad_rows[static_cast<std::size_t>(stride_w - 1)](from, stride_h * W, inside, count, pitch, phase.first,
                                                               phase.last);
      } else {
        std::fill_n(inside, count * pitch, 0.0F);
        for (std::int64_t i = 0; i < count; ++i)
          for (std::int64_t j = phase.first; j < phase.last; ++j)
            inside[i * pitch + j] = from[i * stride_h * W + j * stride_w];
      }
      to += rows * pitch;
      std::fill(inside + count * pitch, to, 0.0F);
    }
  }

 private:
  Phase make_phase(const Conv2dParams& p, std::int64_t row, std::int64_t column) const {
    // Row i of the phase is row i*stride_h - down of the image, and so for columns.
    const std::int64_t down = p.pad_top - row, right = p.pad_left - column;
    const auto first = [](std::int64_t shift, std::int64_t stride, std::int64_t most) {
      return std::clamp<std::int64_t>((shift + stride - 1) / stride, 0, most);
    };
    Phase phase{row, column, first(down, stride_h, rows), 0, first(right, stride_w, pitch), 0, 0};
    phase.bottom = std::max(phase.top, first(H + down, stride_h, rows));
    phase.last = std::max(phase.first, first(W + right, stride_w, pitch));
    phase.image = (phase.top * stride_h - down) * W - right;
    return phase;
  }
};

}  // namespace weir::kernels
