/// Convolution as its formula reads: slow, for tests.
#pragma once
#include <span>
#include <weir/core/kernels/conv2d/params.hpp>
#include <weir/core/kernels/micro/clamp.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// y = clamp(conv(x) + bias + residual), summed in double. bias may be empty, residual nullptr or y itself.
inline void conv2d_reference(const Conv2dParams& p, ConstView x, std::span<const float> weights,
                             std::span<const float> bias, const float* residual, View y, Clamp clamp) {
  const std::int64_t H = x.shape[2], W = x.shape[3], C = p.in_channels / p.groups, M = p.out_channels;
  const std::int64_t OH = y.shape[2], OW = y.shape[3];
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  for (std::int64_t n = 0; n < y.shape[0]; ++n)
    for (std::int64_t m = 0; m < M; ++m)
      for (std::int64_t i = 0; i < OH; ++i)
        for (std::int64_t j = 0; j < OW; ++j) {
          double sum = bias.empty() ? 0 : double{bias[at(m)]};
          for (std::int64_t c = 0; c < C; ++c)
            for (std::int64_t r = 0; r < p.kernel_h; ++r)
              for (std::int64_t s = 0; s < p.kernel_w; ++s) {
                const std::int64_t row = i * p.stride_h + r * p.dilation_h - p.pad_top;
                const std::int64_t column = j * p.stride_w + s * p.dilation_w - p.pad_left;
                if (row < 0 || row >= H || column < 0 || column >= W) continue;
                const std::int64_t channel = m / (M / p.groups) * C + c;
                sum += double{weights[at(((m * C + c) * p.kernel_h + r) * p.kernel_w + s)]} *
                       double{x.data[((n * p.in_channels + channel) * H + row) * W + column]};
              }
          const std::int64_t o = ((n * M + m) * OH + i) * OW + j;
          if (residual) sum += double{residual[o]};
          y.data[o] = clamp(static_cast<float>(sum));
        }
}

}  // namespace weir::kernels
