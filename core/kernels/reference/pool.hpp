/// Pooling as its formula reads: slow, for tests.
#pragma once
#include <algorithm>
#include <limits>
#include <weir/core/kernels/pool/plain.hpp>

namespace weir::kernels {

/// pool_max (average false) or pool_average, window by window and place by place.
inline void pool_reference(const PoolParams& p, bool average, ConstView x, View y) {
  const std::int64_t H = x.shape[2], W = x.shape[3], OH = y.shape[2], OW = y.shape[3];
  for (std::int64_t plane = 0; plane < x.shape[0] * x.shape[1]; ++plane)
    for (std::int64_t i = 0; i < OH; ++i)
      for (std::int64_t j = 0; j < OW; ++j) {
        double sum = 0;
        std::int64_t places = 0;
        float largest = -std::numeric_limits<float>::infinity();
        bool any = false;
        for (std::int64_t r = 0; r < p.h.kernel; ++r)
          for (std::int64_t s = 0; s < p.w.kernel; ++s) {
            const std::int64_t row = i * p.h.stride + r * p.h.dilation - p.h.pad_begin;
            const std::int64_t column = j * p.w.stride + s * p.w.dilation - p.w.pad_begin;
            const bool inside = row >= 0 && row < H && column >= 0 && column < W;
            const bool padding = row < H + p.h.pad_end && column < W + p.w.pad_end;
            if (inside || (p.count_include_pad && padding)) ++places;
            if (!inside) continue;
            const float v = x.data[(plane * H + row) * W + column];
            sum += double{v};
            any = true;
            largest = std::max(largest, v);
          }
        y.data[(plane * OH + i) * OW + j] =
            average ? static_cast<float>(sum / static_cast<double>(std::max<std::int64_t>(places, 1)))
            : any   ? largest
                    : std::numeric_limits<float>::lowest();
      }
}

}  // namespace weir::kernels
