/// Maximum and average over sliding windows of blocked tensors.
#pragma once
#include <weir/core/kernels/elementwise/finite_scan.hpp>
#include <weir/core/kernels/pool/plain.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/rows.hpp>

namespace weir::kernels {

/// Rows of y of one block of channels, plane `plane` of both: x [H, W, L] -> y [OH, OW, L]. Each row of x is looked at
/// once for numbers that are not finite: where there are none, a maximum need not look for NaN.
template <class Take>
struct BlockedPoolKernel {
  template <int L>
  [[gnu::always_inline]] static void run(const PoolParams& p, std::int64_t plane, const RowsView& x, std::int64_t H,
                                         std::int64_t W, const RowsView& to, std::int64_t OW,
                                         const RowRange& rows_of_y) {
    using F = simd::Floats<L>;
    std::int64_t looked_at = 0, last_odd = -1;  // rows of x: the first not looked at, the last that is not finite
    for (std::int64_t i = rows_of_y.first; i < rows_of_y.last; ++i) {
      float* y = to.row(plane, i);
      std::int64_t top, down;
      clip(p.h, i, H, top, down);
      if constexpr (!Take::average) {
        const std::int64_t end = down > 0 ? top + (down - 1) * p.h.dilation + 1 : 0;
        for (std::int64_t r = looked_at > top ? looked_at : top; r < end; ++r) {
          bool finite = true;
          FiniteScan::run<L>(x.row(plane, r), 1, 0, W * L, L, &finite);
          if (!finite) last_odd = r;
        }
        looked_at = end > looked_at ? end : looked_at;
      }
      const bool numbers = Take::average || last_odd < top;
      const std::int64_t rows = Take::average ? divisor(p, p.h, i, H) : 1;
      const std::int64_t to_right = p.w.dilation * L, to_below = p.h.dilation * x.row_floats;
      const std::int64_t start = top % x.rows * x.row_floats, ring = x.rows * x.row_floats;
      // Windows of 3 or 2 columns that lie in x, first .. last - 1.
      std::int64_t first = OW, last = OW;
      const std::int64_t side = p.w.kernel, fits = W + p.w.pad_begin - side;
      if (numbers && (side == 2 || side == 3) && p.w.dilation == 1 && (down == 2 || down == 3) && fits >= 0) {
        first = std::min(OW, (p.w.pad_begin + p.w.stride - 1) / p.w.stride);
        last = std::clamp(fits / p.w.stride + 1, first, OW);
      }
      for (std::int64_t j = 0; j < OW; ++j) {
        if (j == first && j < last) {
          const float* at = x.row(plane, 0) + (j * p.w.stride - p.w.pad_begin) * L;
          const float* lines[3];
          std::int64_t row = start;
          for (std::int64_t r = 0; r < down; ++r, row += to_below) {
            if (row >= ring) row -= ring;
            lines[r] = at + row;
          }
          const float scale = Take::average ? static_cast<float>(rows * divisor(p, p.w, j, W)) : 1;
          const std::int64_t next = p.h.stride * x.row_floats;
          const std::int64_t step = p.w.stride * L;
          if (side == 3 && down == 3) inside<L, 3, 3>(lines, step, next, scale, y + j * L, last - first);
          if (side == 3 && down == 2) inside<L, 2, 3>(lines, step, next, scale, y + j * L, last - first);
          if (side == 2 && down == 3) inside<L, 3, 2>(lines, step, next, scale, y + j * L, last - first);
          if (side == 2 && down == 2) inside<L, 2, 2>(lines, step, next, scale, y + j * L, last - first);
          j = last - 1;
          continue;
        }
        std::int64_t left, across;
        clip(p.w, j, W, left, across);
        F best = F{} + (down > 0 && across > 0 ? Take::empty : Take::nothing), v;
        std::int64_t row = start;
        for (std::int64_t r = 0; r < down; ++r, row += to_below) {
          if (row >= ring) row -= ring;
          const float* at = x.row(plane, 0) + row + left * L;
          for (std::int64_t s = 0; s < across; ++s, at += to_right) {
            simd::load(v, at);
            Take::take(best, v);
          }
        }
        if constexpr (Take::average) best = best / static_cast<float>(rows * divisor(p, p.w, j, W));
        simd::store(best, y + j * L);
      }
    }
  }

 private:
  /// n windows of rows x columns, `step` floats apart, the first of them at lines[0 ..]; by the same operations as the
  /// others. The rows that windows `next` floats further on see are asked for.
  template <int L, int rows, int columns>
  [[gnu::always_inline]] static void inside(const float* const (&lines)[3], std::int64_t step, std::int64_t next,
                                            float scale, float* y, std::int64_t n) {
    using F = simd::Floats<L>;
    for (std::int64_t j = 0, at = 0; j < n; ++j, at += step) {
      F best = F{} + Take::empty, v;
#pragma GCC unroll 3
      for (int r = 0; r < rows; ++r) {
        __builtin_prefetch(lines[r] + at + next);
#pragma GCC unroll 3
        for (int s = 0; s < columns; ++s) {
          simd::load(v, lines[r] + at + s * L);
          Take::take_number(best, v);
        }
      }
      if constexpr (Take::average) best = best / scale;
      simd::store(best, y + j * L);
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

using BlockedPoolFunction =
    simd::Function<PoolParams, std::int64_t, RowsView, std::int64_t, std::int64_t, RowsView, std::int64_t, RowRange>;
template <class Take>
BlockedPoolFunction blocked_pool_function(Isa isa) {
  return simd::function<BlockedPoolKernel<Take>, PoolParams, std::int64_t, RowsView, std::int64_t, std::int64_t,
                        RowsView, std::int64_t, RowRange>(isa);
}

inline void blocked_pool(const Context& context, const PoolParams& params, ConstView x, View y,
                         BlockedPoolFunction kernel) {
  const std::int64_t in = x.shape[2] * x.shape[3], out = y.shape[2] * y.shape[3], L = lanes(context.isa());
  const std::int64_t row_floats = y.shape[3] * L * params.h.kernel * params.w.kernel / 4;
  for_all_rows(context, x.shape, y.shape[2], row_floats,
               [&](std::int64_t plane, std::int64_t first, std::int64_t last) {
                 const RowsView from{const_cast<float*>(x.data), x.shape[2], x.shape[3] * L, in * L};
                 const RowsView to{y.data, y.shape[2], y.shape[3] * L, out * L};
                 kernel(params, plane, from, x.shape[2], x.shape[3], to, y.shape[3], RowRange{first, last});
               });
}

inline void blocked_pool_rows(Isa isa, const PoolParams& params, const Shape& x, const RowsView& from,
                              const RowsView& to, RowRange rows, BlockedPoolFunction kernel) {
  const std::int64_t planes = round_up(x[1], lanes(isa)) / lanes(isa), OW = params.output_shape(x)[3];
  for (std::int64_t p = 0; p < planes; ++p) kernel(params, p, from, x[2], x[3], to, OW, rows);
}

/// As pool_max() and pool_average() for blocked x and y; no workspace.
inline void blocked_pool_max(const Context& context, const PoolParams& params, ConstView x, View y) {
  blocked_pool(context, params, x, y, blocked_pool_function<PoolMax>(context.isa()));
}
inline void blocked_pool_average(const Context& context, const PoolParams& params, ConstView x, View y) {
  blocked_pool(context, params, x, y, blocked_pool_function<PoolSum>(context.isa()));
}

/// Rows `rows` of y for one blocked image x [1, C, H, W], of which at least the rows that their windows see are there.
inline void blocked_pool_max_rows(Isa isa, const PoolParams& params, const Shape& x, const RowsView& from,
                                  const RowsView& to, RowRange rows) {
  blocked_pool_rows(isa, params, x, from, to, rows, blocked_pool_function<PoolMax>(isa));
}
inline void blocked_pool_average_rows(Isa isa, const PoolParams& params, const Shape& x, const RowsView& from,
                                      const RowsView& to, RowRange rows) {
  blocked_pool_rows(isa, params, x, from, to, rows, blocked_pool_function<PoolSum>(isa));
}

}  // namespace weir::kernels
