/// The convolution of integers as its formula says, slowly.
#pragma once
#include <cmath>
#include <weir/core/kernels/quantized/conv.hpp>

namespace weir::reference {

/// x [N, C, H, W] -> y [N, M, OH, OW], both plain, one number for each integer.
inline std::vector<std::int32_t> quantized_conv2d(const kernels::Conv2dParams& p, const quantized::ConvNumbers& n,
                                                  const Shape& x_shape, const std::vector<std::int32_t>& x) {
  const Shape y = p.output_shape(x_shape);
  const std::int64_t C = p.in_channels / p.groups, H = x_shape[2], W = x_shape[3];
  std::vector<std::int32_t> all;
  for (std::int64_t b = 0; b < y[0]; ++b)
    for (std::int64_t m = 0; m < y[1]; ++m)
      for (std::int64_t i = 0; i < y[2]; ++i)
        for (std::int64_t j = 0; j < y[3]; ++j) {
          std::int64_t sum = n.bias_of(m);
          for (std::int64_t c = 0; c < C; ++c)
            for (std::int64_t r = 0; r < p.kernel_h; ++r)
              for (std::int64_t s = 0; s < p.kernel_w; ++s) {
                const std::int64_t h = i * p.stride_h + r * p.dilation_h - p.pad_top;
                const std::int64_t w = j * p.stride_w + s * p.dilation_w - p.pad_left;
                if (h < 0 || h >= H || w < 0 || w >= W) continue;
                const std::int64_t channel = m / (p.out_channels / p.groups) * C + c;
                const std::int64_t at = ((b * p.in_channels + channel) * H + h) * W + w;
                sum += std::int64_t{n.weight(m, (c * p.kernel_h + r) * p.kernel_w + s, p.depth())} *
                       (x[static_cast<std::size_t>(at)] - n.x.zero);
              }
          const float z = static_cast<float>(sum) * n.scale(m);
          const double q = std::nearbyint(static_cast<double>(z)) + n.y.zero;
          const auto low = static_cast<double>(std::max(quantized::lowest(n.y.element), n.low));
          all.push_back(
              static_cast<std::int32_t>(std::clamp(q, low, static_cast<double>(quantized::highest(n.y.element)))));
        }
  return all;
}

}  // namespace weir::reference
