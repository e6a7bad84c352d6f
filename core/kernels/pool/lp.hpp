/// Norms over sliding windows.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <weir/core/context.hpp>
#include <weir/core/kernels/pool/plain.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// |x|^p, and the norm that a sum of them gives.
inline float lp_term(float x, std::int64_t p) {
  return p == 1 ? std::abs(x) : p == 2 ? x * x : std::pow(std::abs(x), static_cast<float>(p));
}
inline float lp_norm(float sum, std::int64_t p) {
  return p == 1 ? sum : p == 2 ? std::sqrt(sum) : std::pow(sum, 1 / static_cast<float>(p));
}

/// First and past the last place of a window at `start` that lies on an axis of this length.
struct LpPlaces {
  std::int64_t first, last;
  LpPlaces(const WindowAxis& a, std::int64_t start, std::int64_t length)
      : first(start < 0 ? (-start + a.dilation - 1) / a.dilation : 0),
        last(std::min(a.kernel, start >= length ? 0 : (length - 1 - start) / a.dilation + 1)) {}
};

/// y[n, c, i, j] = (sum of |x|^p over the window's places that lie in x)^(1/p); x [N, C, H, W], y as
/// params.output_shape().
inline void pool_lp(const Context& context, const PoolParams& params, std::int64_t p, ConstView x, View y) {
  const std::int64_t H = x.shape[2], W = x.shape[3], OH = y.shape[2], OW = y.shape[3];
  const WindowAxis &h = params.h, &w = params.w;
  const double work = static_cast<double>(y.shape.numel()) *
                      static_cast<double>(std::min(h.kernel, H) * std::min(w.kernel, W)) * (p <= 2 ? 4 : 60);
  share(context.pool(), y.shape.product(0, 3), work, [&](std::int64_t, std::int64_t first, std::int64_t end) {
    for (std::int64_t r = first; r < end; ++r) {
      const float* plane = x.data + r / OH * H * W;
      const std::int64_t top = r % OH * h.stride - h.pad_begin;
      const LpPlaces rows(h, top, H);
      for (std::int64_t j = 0; j < OW; ++j) {
        const std::int64_t left = j * w.stride - w.pad_begin;
        const LpPlaces columns(w, left, W);
        float sum = 0;
        for (std::int64_t ky = rows.first; ky < rows.last; ++ky)
          for (std::int64_t kx = columns.first; kx < columns.last; ++kx)
            sum += lp_term(plane[(top + ky * h.dilation) * W + left + kx * w.dilation], p);
        y.data[r * OW + j] = lp_norm(sum, p);
      }
    }
  });
}

}  // namespace weir::kernels
