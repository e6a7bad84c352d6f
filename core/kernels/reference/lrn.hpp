/// Local response normalisation as its formula reads: slow, for tests.
#pragma once
#include <cmath>
#include <weir/core/kernels/lrn/plain.hpp>

namespace weir::kernels {

inline void lrn_reference(const LrnParams& p, ConstView x, View y) {
  const std::int64_t C = x.shape[1], pixels = x.shape.product(2, x.shape.rank());
  for (std::int64_t n = 0; n < x.shape[0]; ++n)
    for (std::int64_t c = 0; c < C; ++c)
      for (std::int64_t i = 0; i < pixels; ++i) {
        double sum = 0;
        for (std::int64_t k = c - (p.size - 1) / 2; k <= c + p.size / 2; ++k)
          if (k >= 0 && k < C) sum += std::pow(double{x.data[(n * C + k) * pixels + i]}, 2);
        const double scale = std::pow(double{p.bias} + double{p.scale} * sum, double{p.beta});
        y.data[(n * C + c) * pixels + i] = static_cast<float>(double{x.data[(n * C + c) * pixels + i]} / scale);
      }
}

}  // namespace weir::kernels
