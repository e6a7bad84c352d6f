/// Transposed convolution over images.
#pragma once
#include <algorithm>
#include <cstdint>
#include <weir/core/context.hpp>
#include <weir/core/kernels/pool/window_axis.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// The window that scatters each pixel of x over y; paddings cut rows and columns of y off (below zero: add them).
struct ConvTransposeParams {
  std::int64_t in_channels = 1, out_channels = 1, groups = 1;
  WindowAxis h, w;
};

/// Computes rows of y. Every stride-th element of a row is a plain convolution of rows of x with some of the window's
/// columns; so these elements are summed next to each other, in `phase`, and put in their places at the end.
class ConvTransposeRows {
 public:
  ConvTransposeRows(const ConvTransposeParams& p, const Shape& x, const Shape& y)
      : p_(p),
        H_(x[2]),
        W_(x[3]),
        OH_(y[2]),
        OW_(y[3]),
        in_(p.in_channels / p.groups),
        out_(p.out_channels / p.groups) {}

  /// Floats of `phase`.
  static std::int64_t phase_floats(const ConvTransposeParams& p, std::int64_t OW) {
    return (OW + p.w.stride - 1) / p.w.stride;
  }

  /// Row r of all rows of y [N, out_channels, OH, OW].
  void run(std::int64_t r, const float* x, const float* weights, const float* bias, float* y, float* phase) const {
    const std::int64_t oy = r % OH_, m = r / OH_ % p_.out_channels, n = r / OH_ / p_.out_channels;
    const std::int64_t first_channel = m / out_ * in_;
    const float* image = x + (n * p_.in_channels + first_channel) * H_ * W_;
    const float* kernels = weights + (first_channel * out_ + m % out_) * p_.h.kernel * p_.w.kernel;
    const std::int64_t stride = p_.w.stride;
    for (std::int64_t f = 0; f < std::min(stride, OW_); ++f) {
      const std::int64_t length = (OW_ - f + stride - 1) / stride;
      std::fill_n(phase, length, bias == nullptr ? 0.0F : bias[m]);
      for (std::int64_t ky = 0; ky < p_.h.kernel; ++ky) {
        const std::int64_t reach = oy + p_.h.pad_begin - ky * p_.h.dilation;
        if (reach < 0 || reach % p_.h.stride != 0 || reach / p_.h.stride >= H_) continue;
        for (std::int64_t c = 0; c < in_; ++c)
          add(f, length, image + (c * H_ + reach / p_.h.stride) * W_,
              kernels + (c * out_ * p_.h.kernel + ky) * p_.w.kernel, phase);
      }
      float* row = y + r * OW_ + f;
      for (std::int64_t t = 0; t < length; ++t) row[t * stride] = phase[t];
    }
  }

 private:
  /// Adds what a row of x and a row of the window give the elements f, f + stride, ... of a row of y.
  void add(std::int64_t f, std::int64_t length, const float* row, const float* window, float* phase) const {
    for (std::int64_t kx = 0; kx < p_.w.kernel; ++kx) {
      const std::int64_t reach = f + p_.w.pad_begin - kx * p_.w.dilation;
      if (reach % p_.w.stride != 0) continue;
      const std::int64_t offset = reach / p_.w.stride;  // element t comes from column t + offset
      const std::int64_t first = std::max<std::int64_t>(0, -offset), last = std::min(length, W_ - offset);
      const float weight = window[kx];
      for (std::int64_t t = first; t < last; ++t) phase[t] += weight * row[t + offset];
    }
  }

  ConvTransposeParams p_;
  std::int64_t H_, W_, OH_, OW_, in_, out_;
};

/// y[n, m, i, j] = bias[m] + sum over c, ky, kx of x[n, c, (i + pad - ky * dilation) / stride, ...] * weights[c, m, ky,
/// kx], over all c of m's group and all ky, kx for which that is a pixel of x. x [N, in, H, W], weights [in, out /
/// groups, KH, KW], bias [out] or nullptr, y [N, out, OH, OW]. The order of each sum does not depend on batch or
/// threads.
inline void conv_transpose(const Context& context, const ConvTransposeParams& p, ConstView x, const float* weights,
                           const float* bias, View y, float* workspace) {
  const ConvTransposeRows rows(p, x.shape, y.shape);
  const std::int64_t apart = workspaces_apart(ConvTransposeRows::phase_floats(p, y.shape[3]));
  const double work = 2.0 * static_cast<double>(x.shape.numel()) * static_cast<double>(p.out_channels / p.groups) *
                          static_cast<double>(p.h.kernel * p.w.kernel) +
                      detail::machine_costs.copy_operations * static_cast<double>(y.shape.numel());
  share(context.pool(), y.shape.product(0, 3), work, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) rows.run(r, x.data, weights, bias, y.data, workspace + piece * apart);
  });
}

/// Floats of workspace that it needs for a y of this shape.
inline std::size_t conv_transpose_workspace_floats(const Context& context, const ConvTransposeParams& p,
                                                   const Shape& y) {
  return workspaces_floats(context.threads(), ConvTransposeRows::phase_floats(p, y[3]));
}

}  // namespace weir::kernels
