/// Maximum and average over sliding windows.
#pragma once
#include <algorithm>
#include <limits>
#include <weir/core/context.hpp>
#include <weir/core/kernels/micro/simd.hpp>
#include <weir/core/kernels/pool/window_axis.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// The windows of a pooling, see pool_max and pool_average.
struct PoolParams {
  WindowAxis h, w;
  bool ceil_mode = false;
  bool count_include_pad = false;  ///< of an average: divide by the places of the window that lie in image or padding

  /// Shape of y [N, C, OH, OW] for x [N, C, H, W]. Throws ShapeError if not one window fits.
  Shape output_shape(const Shape& x) const {
    if (x.rank() != 4) throw ShapeError(detail::message({"pooling expects [N, C, H, W], got ", x.to_string()}));
    return {x[0], x[1], h.count(x[2], ceil_mode), w.count(x[3], ceil_mode)};
  }
};

struct PoolMax {
  static constexpr bool average = false;
  static constexpr float empty = -std::numeric_limits<float>::infinity();
  static constexpr float nothing = std::numeric_limits<float>::lowest();  ///< of a window outside, as in ONNX Runtime
  template <class V>
  [[gnu::always_inline]] static void take(V& a, const V& b) {
    simd::take_max(a, b);
  }
  /// Where neither is NaN: three times as fast.
  template <class V>
  [[gnu::always_inline]] static void take_number(V& a, const V& b) {
    a = b > a ? b : a;
  }
};

struct PoolSum {
  static constexpr bool average = true;
  static constexpr float empty = 0, nothing = 0;
  template <class V>
  [[gnu::always_inline]] static void take(V& a, const V& b) {
    a = a + b;
  }
  template <class V>
  [[gnu::always_inline]] static void take_number(V& a, const V& b) {
    take(a, b);
  }
};

/// One thread's share: whole planes, one after the other in x and y.
struct PoolPiece {
  const PoolParams* params;
  const float *x, *x_end;  ///< x_end: end of what may be read
  float *y, *y_end;        ///< y_end: end of what may be written
  std::int64_t planes, H, W, OH, OW;
  std::int64_t row_floats;
  float* rows;     ///< room for pool_rows rows of windows, each: padding, W, padding, slack
  float* columns;  ///< of an average: for each column of y, how many columns of x (and padding) its windows hold
};

/// This many rows are stored before their columns are reduced: loading just-stored data at another offset would
/// stall.
inline constexpr std::int64_t pool_rows = 8;

/// Floats of one row of PoolPiece::rows.
inline std::int64_t pool_row_floats(const PoolParams& p, std::int64_t W, std::int64_t OW) {
  return std::max(p.w.pad_begin + W, (OW - 1) * p.w.stride + p.w.extent()) + 32 * p.w.stride + 64;
}

/// True if a window may lie in the padding: one with gaps, or with padding as long as itself.
[[gnu::always_inline]] inline bool may_see_nothing(const WindowAxis& axis) {
  return axis.dilation > 1 || axis.pad_begin >= axis.kernel || axis.pad_end >= axis.kernel;
}

/// How many of the places of window j lie in [from, to).
[[gnu::always_inline]] inline std::int64_t places(const WindowAxis& axis, std::int64_t j, std::int64_t from,
                                                  std::int64_t to) {
  const std::int64_t start = j * axis.stride - axis.pad_begin;
  // Dividing takes longer than what is done for a pixel.
  const auto steps = [&](std::int64_t length) {
    return axis.dilation == 1 ? length : (length + axis.dilation - 1) / axis.dilation;
  };
  const std::int64_t low = start >= from ? 0 : steps(from - start);
  const std::int64_t high = start >= to ? 0 : steps(to - start);
  const std::int64_t end = high < axis.kernel ? high : axis.kernel;
  return end > low ? end - low : 0;
}

[[gnu::always_inline]] inline std::int64_t divisor(const PoolParams& p, const WindowAxis& axis, std::int64_t j,
                                                   std::int64_t length) {
  const std::int64_t n =
      p.count_include_pad ? places(axis, j, -axis.pad_begin, length + axis.pad_end) : places(axis, j, 0, length);
  return n > 0 ? n : 1;
}

/// Columns first, then rows: the rows of a window are reduced into one row of the image's width, whose columns then are
/// reduced with the stride. Vectors may read and write beyond the end of a row, where more of the piece follows.
template <class Take>
struct PoolKernel {
  /// row = reduction of the window rows of output row i.
  template <int W>
  [[gnu::always_inline]] static void reduce_rows(const PoolPiece& p, const float* plane, std::int64_t i, float* row) {
    using F = simd::Floats<W>;
    const WindowAxis& axis = p.params->h;
    const std::int64_t start = i * axis.stride - axis.pad_begin;
    const std::int64_t low = start >= 0 ? 0 : (-start + axis.dilation - 1) / axis.dilation;
    const std::int64_t n = places(axis, i, 0, p.H), step = axis.dilation * p.W;
    const float* first = plane + (start + low * axis.dilation) * p.W;
    float* to = row + p.params->w.pad_begin;
    for (std::int64_t j = 0; j < p.W; j += W) {
      F best = F{} + Take::empty, v;
      const float* from = first + j;
      for (std::int64_t r = 0; r < n; ++r, from += step) {
        if (p.x_end - from >= W)
          simd::load(v, from);
        else
          simd::load_part(v, from, p.x_end - from);
        Take::take(best, v);
      }
      simd::store(best, to + j);
    }
    const std::int64_t end = (p.OW - 1) * p.params->w.stride + p.params->w.extent();
    for (std::int64_t j = p.params->w.pad_begin + p.W; j < end; ++j) row[j] = Take::empty;
  }

  /// W columns of windows from column j on.
  template <int W>
  [[gnu::always_inline]] static void reduce_columns(const PoolPiece& p, const float* row, std::int64_t j,
                                                    simd::Floats<W>& best) {
    using F = simd::Floats<W>;
    const WindowAxis& axis = p.params->w;
    const float* from = row + j * axis.stride;
    best = F{} + Take::empty;
    F v, next;
    for (std::int64_t k = 0; k < axis.kernel; ++k, from += axis.dilation) {
      simd::load(v, from);
      if (axis.stride == 2) {
        simd::load(next, from + W);
        simd::take_even(v, next);
      } else if (axis.stride > 2) {
        for (int lane = 0; lane < W; ++lane) v[lane] = from[lane * axis.stride];
      }
      Take::take(best, v);
    }
  }

  /// Row i of a plane of y, from the reduced rows of its windows.
  template <int W>
  [[gnu::always_inline]] static void store_row(const PoolPiece& p, const float* row, std::int64_t i, float* y) {
    using F = simd::Floats<W>;
    const WindowAxis& axis = p.params->w;
    F rows{};
    if constexpr (Take::average) rows = F{} + static_cast<float>(divisor(*p.params, p.params->h, i, p.H));
    for (std::int64_t j = 0; j < p.OW; j += W) {
      F best;
      reduce_columns<W>(p, row, j, best);
      if constexpr (Take::average) {
        F columns;
        simd::load(columns, p.columns + j);
        best = best / (columns * rows);
      }
      if (p.y_end - (y + j) >= W)
        simd::store(best, y + j);
      else
        simd::store_part(best, y + j, p.OW - j < W ? p.OW - j : W);
    }
    if (Take::average || !(may_see_nothing(p.params->h) || may_see_nothing(axis))) return;
    for (std::int64_t j = 0; j < p.OW; ++j)
      if (places(p.params->h, i, 0, p.H) == 0 || places(axis, j, 0, p.W) == 0) y[j] = Take::nothing;
  }

  template <int W>
  [[gnu::always_inline]] static void run(const PoolPiece& p) {
    const PoolParams& params = *p.params;
    for (std::int64_t r = 0; r < pool_rows; ++r)
      for (std::int64_t j = 0; j < params.w.pad_begin; ++j) p.rows[r * p.row_floats + j] = Take::empty;
    if constexpr (Take::average)
      for (std::int64_t j = 0; j < p.OW; ++j) p.columns[j] = static_cast<float>(divisor(params, params.w, j, p.W));
    float* y = p.y;
    for (std::int64_t plane = 0; plane < p.planes; ++plane)
      for (std::int64_t i = 0; i < p.OH; i += pool_rows) {
        const std::int64_t n = p.OH - i < pool_rows ? p.OH - i : pool_rows;
        for (std::int64_t r = 0; r < n; ++r)
          reduce_rows<W>(p, p.x + plane * p.H * p.W, i + r, p.rows + r * p.row_floats);
        for (std::int64_t r = 0; r < n; ++r, y += p.OW) store_row<W>(p, p.rows + r * p.row_floats, i + r, y);
      }
  }
};

/// For windows with large gaps, much larger than the image, or beginning beyond its edge: goes window by window over
/// the places that lie in the image, so that neither time nor memory depends on what lies outside.
template <class Take>
void pool_window_by_window(const PoolPiece& p) {
  const auto first_inside = [](const WindowAxis& axis, std::int64_t j) {
    const std::int64_t start = j * axis.stride - axis.pad_begin;
    return start >= 0 ? start : start + (-start + axis.dilation - 1) / axis.dilation * axis.dilation;
  };
  const WindowAxis &h = p.params->h, &w = p.params->w;
  float* y = p.y;
  for (std::int64_t plane = 0; plane < p.planes; ++plane)
    for (std::int64_t i = 0; i < p.OH; ++i)
      for (std::int64_t j = 0; j < p.OW; ++j, ++y) {
        const std::int64_t rows = places(h, i, 0, p.H), columns = places(w, j, 0, p.W);
        const float* from = p.x + (plane * p.H + first_inside(h, i)) * p.W + first_inside(w, j);
        float v = rows > 0 && columns > 0 ? Take::empty : Take::nothing;
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t s = 0; s < columns; ++s) Take::take(v, from[r * h.dilation * p.W + s * w.dilation]);
        if constexpr (Take::average)
          v = v /
              (static_cast<float>(divisor(*p.params, w, j, p.W)) * static_cast<float>(divisor(*p.params, h, i, p.H)));
        *y = v;
      }
}

/// True where rows of windows with all their padding would be much longer than those of the image.
inline bool goes_window_by_window(const PoolParams& p, std::int64_t W, std::int64_t OW) {
  return p.h.pad_begin < 0 || p.w.pad_begin < 0 || pool_row_floats(p, W, OW) > 4 * W + 4096;
}

/// Slack behind PoolPiece::columns and between pieces.
inline constexpr std::int64_t pool_slack = 32;

inline std::size_t pool_piece_floats(const PoolParams& p, const Shape& x) {
  const std::int64_t OW = p.w.count(x[3], p.ceil_mode);
  if (goes_window_by_window(p, x[3], OW)) return 0;
  return static_cast<std::size_t>((pool_rows * pool_row_floats(p, x[3], OW) + OW + pool_slack + 15) / 16 * 16);
}

using PoolFunction = simd::Function<PoolPiece>;

/// kernel: a PoolKernel; window_by_window: what else computes a piece.
inline void pool(const Context& context, const PoolParams& params, ConstView x, View y, float* workspace,
                 PoolFunction kernel, PoolFunction window_by_window) {
  const std::int64_t planes = x.shape[0] * x.shape[1], in = x.shape[2] * x.shape[3], out = y.shape[2] * y.shape[3];
  if (planes == 0) return;
  const std::int64_t worth = planes * (in + out) / (1 << 14) + 1;  // threads that the work is worth
  const std::int64_t pieces = std::min({std::int64_t{context.threads()}, planes, worth});
  const std::size_t floats = pool_piece_floats(params, x.shape);
  const std::int64_t row_floats = pool_row_floats(params, x.shape[3], y.shape[3]);
  context.pool().split(pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t first = planes * t / pieces, last = planes * (t + 1) / pieces;
      float* rows = workspace + static_cast<std::size_t>(t) * floats;
      const PoolPiece piece{.params = &params,
                            .x = x.data + first * in,
                            .x_end = x.data + planes * in,
                            .y = y.data + first * out,
                            .y_end = y.data + last * out,
                            .planes = last - first,
                            .H = x.shape[2],
                            .W = x.shape[3],
                            .OH = y.shape[2],
                            .OW = y.shape[3],
                            .row_floats = row_floats,
                            .rows = rows,
                            .columns = rows + pool_rows * row_floats};
      (floats == 0 ? window_by_window : kernel)(piece);
    }
  });
}

/// Workspace of pool_max and pool_average.
inline std::size_t pool_workspace_floats(const Context& context, const PoolParams& params, const Shape& x) {
  return pool_piece_floats(params, x) * static_cast<std::size_t>(context.threads());
}

/// y[n, c, i, j] = max over r, s of x[n, c, i*stride_h + r*dilation_h - pad_top, j*stride_w + s*dilation_w - pad_left],
/// where places outside the image do not count; NaN where one of them is. The lowest finite number where all of them
/// lie outside, as in ONNX Runtime.
inline void pool_max(const Context& context, const PoolParams& params, ConstView x, View y, float* workspace) {
  pool(context, params, x, y, workspace, simd::function<PoolKernel<PoolMax>, PoolPiece>(context.isa()),
       &pool_window_by_window<PoolMax>);
}

/// As pool_max with the mean over the places inside the image, or over those in the image and its padding (which holds
/// zeros) if count_include_pad; what a ceil_mode window has beyond the padding never counts, as in PyTorch.
inline void pool_average(const Context& context, const PoolParams& params, ConstView x, View y, float* workspace) {
  pool(context, params, x, y, workspace, simd::function<PoolKernel<PoolSum>, PoolPiece>(context.isa()),
       &pool_window_by_window<PoolSum>);
}

}  // namespace weir::kernels
