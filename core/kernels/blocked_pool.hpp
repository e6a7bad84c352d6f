/// Maximum and average over sliding windows of blocked tensors.
#pragma once
#include <weir/core/kernels/pool.hpp>
#include <weir/core/kernels/reorder.hpp>

namespace weir {

namespace detail {

/// Rows first .. last-1 of y of one block of channels: x [H, W, L] -> y [OH, OW, L].
template <class Take>
struct BlockedPoolKernel {
  template <int L>
  [[gnu::always_inline]] static void run(const PoolParams& p, const float* x, std::int64_t H, std::int64_t W, float* y,
                                         std::int64_t OW, std::int64_t first, std::int64_t last) {
    using F = simd::Floats<L>;
    y += first * OW * L;
    for (std::int64_t i = first; i < last; ++i) {
      std::int64_t top, down;
      clip(p.h, i, H, top, down);
      const std::int64_t rows = Take::average ? divisor(p, p.h, i, H) : 1;
      const std::int64_t to_right = p.w.dilation * L, to_below = p.h.dilation * W * L;
      for (std::int64_t j = 0; j < OW; ++j, y += L) {
        std::int64_t left, across;
        clip(p.w, j, W, left, across);
        F best = F{} + Take::empty, v;
        const float* row = x + (top * W + left) * L;
        for (std::int64_t r = 0; r < down; ++r, row += to_below) {
          const float* at = row;
          for (std::int64_t s = 0; s < across; ++s, at += to_right) {
            simd::load(v, at);
            Take::take(best, v);
          }
        }
        if constexpr (Take::average) best = best / static_cast<float>(rows * divisor(p, p.w, j, W));
        simd::store(best, y);
      }
    }
  }

  /// The first place of window j that lies in [0, length), and how many do.
  [[gnu::always_inline]] static void clip(const WindowAxis& axis, std::int64_t j, std::int64_t length,
                                          std::int64_t& first, std::int64_t& count) {
    const std::int64_t start = j * axis.stride - axis.pad_begin;
    first = start >= 0 ? start : start + (-start + axis.dilation - 1) / axis.dilation * axis.dilation;
    count = places(axis, j, 0, length);
  }
};

template <class Take>
void blocked_pool(const Context& context, const PoolParams& params, ConstView x, View y) {
  const std::int64_t in = x.shape[2] * x.shape[3], out = y.shape[2] * y.shape[3], L = lanes(context.isa());
  const std::int64_t row_floats = y.shape[3] * L * params.h.kernel * params.w.kernel / 4;
  for_all_rows(
      context, x.shape, y.shape[2], row_floats, [&](std::int64_t plane, std::int64_t first, std::int64_t last) {
        simd::simd_call<BlockedPoolKernel<Take>>(context.isa(), params, x.data + plane * in * L, x.shape[2], x.shape[3],
                                                 y.data + plane * out * L, y.shape[3], first, last);
      });
}

}  // namespace detail

/// As pool_max() and pool_average() for blocked x and y; no workspace.
inline void blocked_pool_max(const Context& context, const PoolParams& params, ConstView x, View y) {
  detail::blocked_pool<detail::PoolMax>(context, params, x, y);
}
inline void blocked_pool_average(const Context& context, const PoolParams& params, ConstView x, View y) {
  detail::blocked_pool<detail::PoolSum>(context, params, x, y);
}

}  // namespace weir
