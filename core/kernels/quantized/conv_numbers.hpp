/// ConvNumbers: what a convolution of 8-bit integers is beside its sizes.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <vector>
#include <weir/core/kernels/quantized/rounding.hpp>

namespace weir::quantized {

/// With x and weights as stored, x[..] being x.zero in the padding:
///
///     sum = bias[m] + sum over c, r, s of (weights[m, c, r, s] - weights_zero[m]) * (x[..] - x.zero)
///     y   = saturate(round(sum * (x.scale * weights_scale[m] / y.scale)) + y.zero)
///
/// with the indices of Conv2dParams; after ONNX, QLinearConv. `low`: y is at least that (a ReLU: y.zero).
struct ConvNumbers {
  Quantization x, y;
  std::vector<std::int32_t> weights;             ///< [M, C/groups, kernel_h, kernel_w]
  std::vector<std::int32_t> weights_zero, bias;  ///< one or M; none or M
  std::vector<float> weights_scale;              ///< one or M
  std::int32_t low = std::numeric_limits<std::int32_t>::min();

  std::int32_t weight(std::int64_t m, std::int64_t i, std::int64_t depth) const {
    const std::int32_t zero = weights_zero.empty()       ? 0
                              : weights_zero.size() == 1 ? weights_zero[0]
                                                         : weights_zero[static_cast<std::size_t>(m)];
    return weights[static_cast<std::size_t>(m * depth + i)] - zero;
  }
  /// The least and the largest sum of products, without bias, that any x gives; `depth` terms.
  struct Ends {
    std::int64_t least = 0, most = 0;
  };
  Ends ends(std::int64_t m, std::int64_t depth) const {
    const std::int64_t low_x = lowest(x.element) - x.zero, high_x = highest(x.element) - x.zero;
    Ends e;
    for (std::int64_t i = 0; i < depth; ++i) {
      const std::int64_t w = weight(m, i, depth);
      e.least += std::min(w * low_x, w * high_x);
      e.most += std::max(w * low_x, w * high_x);
    }
    return e;
  }
  /// An output channel whose sum may not fit into 32 bits, for the worst x; `depth` terms each, after M channels.
  std::optional<std::int64_t> overflowing(std::int64_t M, std::int64_t depth) const {
    const std::int64_t most = std::max(std::abs(lowest(x.element) - x.zero), std::abs(highest(x.element) - x.zero));
    for (std::int64_t m = 0; m < M; ++m) {
      std::int64_t sum = std::abs(std::int64_t{bias_of(m)});
      for (std::int64_t i = 0; i < depth; ++i) sum += most * std::abs(weight(m, i, depth));
      if (sum > std::numeric_limits<std::int32_t>::max()) return m;
    }
    return std::nullopt;
  }
  std::int32_t bias_of(std::int64_t m) const { return bias.empty() ? 0 : bias[static_cast<std::size_t>(m)]; }
  float scale(std::int64_t m) const {
    const float w = weights_scale[weights_scale.size() == 1 ? 0 : static_cast<std::size_t>(m)];
    float product = x.scale * w;
    rounded(product);
    return product / y.scale;
  }
};

}  // namespace weir::quantized
