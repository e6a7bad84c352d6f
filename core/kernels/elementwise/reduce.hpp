/// Sums, means and extremes over axes.
#pragma once
#include <algorithm>
#include <limits>
#include <vector>
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/kernels/micro/simd.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// One struct for each reduction: apply(a, b) takes b into a, for vectors and floats.
namespace reductions {

struct Sum {
  static constexpr float empty = 0;
  static constexpr bool mean = false;
  template <class V>
  [[gnu::always_inline]] static void apply(V& a, const V& b) {
    a = a + b;
  }
};
struct Mean : Sum {
  static constexpr bool mean = true;
};
struct Max {
  static constexpr float empty = -std::numeric_limits<float>::infinity();
  static constexpr bool mean = false;
  template <class V>
  [[gnu::always_inline]] static void apply(V& a, const V& b) {
    simd::take_max(a, b);
  }
};
struct Min {
  static constexpr float empty = std::numeric_limits<float>::infinity();
  static constexpr bool mean = false;
  template <class V>
  [[gnu::always_inline]] static void apply(V& a, const V& b) {
    simd::take_min(a, b);
  }
};

struct Product {
  static constexpr float empty = 1;
  static constexpr bool mean = false;
  template <class V>
  [[gnu::always_inline]] static void apply(V& a, const V& b) {
    a = a * b;
  }
};

}  // namespace reductions

/// y[r] = reduction of the `length` floats of row r.
template <class Reduction>
struct ReduceRows {
  template <int W>
  [[gnu::always_inline]] static void run(const float* x, float* y, std::int64_t rows, std::int64_t length) {
    using F = simd::Floats<W>;
    const F empty = F{} + Reduction::empty;
    for (std::int64_t r = 0; r < rows; ++r, x += length) {
      F a = empty, b = empty, c = empty, d = empty, v;
      std::int64_t i = 0;
      for (; i + 4 * W <= length; i += 4 * W) {
        simd::load(v, x + i);
        Reduction::apply(a, v);
        simd::load(v, x + i + W);
        Reduction::apply(b, v);
        simd::load(v, x + i + 2 * W);
        Reduction::apply(c, v);
        simd::load(v, x + i + 3 * W);
        Reduction::apply(d, v);
      }
      for (; i + W <= length; i += W) {
        simd::load(v, x + i);
        Reduction::apply(a, v);
      }
      if (i < length) {
        v = empty;
        std::memcpy(&v, x + i, static_cast<std::size_t>(length - i) * sizeof(float));
        Reduction::apply(b, v);
      }
      Reduction::apply(a, b);
      Reduction::apply(c, d);
      Reduction::apply(a, c);
      float lanes[W];
      simd::store(a, lanes);
      for (int half = W / 2; half > 0; half /= 2)
        for (int k = 0; k < half; ++k) Reduction::apply(lanes[k], lanes[k + half]);
      y[r] = Reduction::mean ? lanes[0] / static_cast<float>(length) : lanes[0];
    }
  }
};

/// y[o, i] = reduction over r of x[o, r, i].
template <class Reduction>
struct ReduceColumns {
  template <int W>
  [[gnu::always_inline]] static void run(const float* x, float* y, std::int64_t outer, std::int64_t length,
                                         std::int64_t inner) {
    using F = simd::Floats<W>;
    for (std::int64_t o = 0; o < outer; ++o, x += length * inner, y += inner)
      for (std::int64_t i = 0; i < inner; i += W) {
        const std::int64_t n = inner - i < W ? inner - i : W;
        const F empty = F{} + Reduction::empty;
        F a = empty, b = empty, c = empty, d = empty;  // four chains: shorter ones round less, and need not wait
        const float* from = x + i;
        std::int64_t r = 0;
        for (; r + 4 <= length; r += 4, from += 4 * inner) {
          take<W>(a, from, n);
          take<W>(b, from + inner, n);
          take<W>(c, from + 2 * inner, n);
          take<W>(d, from + 3 * inner, n);
        }
        for (; r < length; ++r, from += inner) take<W>(a, from, n);
        Reduction::apply(a, b);
        Reduction::apply(c, d);
        Reduction::apply(a, c);
        if (Reduction::mean) a = a / static_cast<float>(length);
        simd::store_part(a, y + i, n);
      }
  }

  template <int W>
  [[gnu::always_inline]] static void take(simd::Floats<W>& chain, const float* from, std::int64_t n) {
    simd::Floats<W> v;
    if (n == W)
      simd::load(v, from);
    else
      simd::load_part(v, from, n);
    Reduction::apply(chain, v);
  }
};

/// A reduction as pointers: what walks over a tensor is compiled once for all of them.
struct ReduceFunctions {
  using Rows = simd::Function<const float*, float*, std::int64_t, std::int64_t>;
  using Columns = simd::Function<const float*, float*, std::int64_t, std::int64_t, std::int64_t>;
  Rows (*rows)(Isa);                                                             ///< a ReduceRows
  Columns (*columns)(Isa);                                                       ///< a ReduceColumns
  void (*take)(float& a, const float* from, std::int64_t n, std::int64_t step);  ///< n floats into a, one by one
  float empty;
  bool mean;
};
template <class Reduction>
inline constexpr ReduceFunctions reduce_functions{
    [](Isa isa) {
      return simd::function<ReduceRows<Reduction>, const float*, float*, std::int64_t, std::int64_t>(isa);
    },
    [](Isa isa) {
      return simd::function<ReduceColumns<Reduction>, const float*, float*, std::int64_t, std::int64_t, std::int64_t>(
          isa);
    },
    [](float& a, const float* from, std::int64_t n, std::int64_t step) {
      for (std::int64_t k = 0; k < n; ++k) Reduction::apply(a, from[k * step]);
    },
    Reduction::empty, Reduction::mean};

/// y = reduction of x over the axes marked in `reduced`; y has x's order of the other axes. An empty sum is 0, an empty
/// mean NaN. The order of a sum depends only on the shape beside the outermost axes.
inline void reduce(const Context& context, const ReduceFunctions& reduction, ConstView x,
                   const std::array<bool, Shape::max_rank>& reduced, float* y) {
  const Shape& s = x.shape;
  std::size_t first = 0, last = s.rank();
  while (first < last && (!reduced[first] || s[first] == 1)) ++first;
  while (last > first && (!reduced[last - 1] || s[last - 1] == 1)) --last;
  bool adjacent = true;
  for (std::size_t i = first; i < last; ++i) adjacent = adjacent && (reduced[i] || s[i] == 1);
  if (adjacent) {
    const std::int64_t outer = s.product(0, first), length = s.product(first, last), inner = s.product(last, s.rank());
    if (outer == 0 || inner == 0) return;
    const std::int64_t grain = (1 << 15) / std::max<std::int64_t>(1, length * inner) + 1;
    context.pool().split(outer, grain, [&](std::int64_t from, std::int64_t to) {
      if (inner == 1)
        reduction.rows(context.isa())(x.data + from * length, y + from, to - from, length);
      else
        reduction.columns(context.isa())(x.data + from * length * inner, y + from * inner, to - from, length, inner);
    });
    return;
  }
  // Groups of axes that lie apart: one walk over what stays, for each element one over what goes.
  Shape kept = s, gone = s;
  for (std::size_t i = 0; i < s.rank(); ++i) (reduced[i] ? kept : gone) = (reduced[i] ? kept : gone).with(i, 1);
  if (kept.numel() == 0) return;
  const LoopNest<1> outer(kept, {dense_strides(s)}), inner(gone, {dense_strides(s)});
  const std::int64_t outer_stride = outer.row_stride(0), inner_stride = inner.row_stride(0);
  const std::int64_t per_row = outer.row_length(), length = gone.numel();
  float* to = y;
  outer.for_rows(0, outer.rows(), [&](const std::array<std::int64_t, 1>& row) {
    for (std::int64_t i = 0; i < per_row; ++i, ++to) {
      const float* from = x.data + row[0] + i * outer_stride;
      float a = reduction.empty;
      if (length > 0)
        inner.for_rows(0, inner.rows(), [&](const std::array<std::int64_t, 1>& at) {
          reduction.take(a, from + at[0], inner.row_length(), inner_stride);
        });
      *to = reduction.mean ? a / static_cast<float>(length) : a;
    }
  });
}
template <class Reduction>
void reduce(const Context& context, ConstView x, const std::array<bool, Shape::max_rank>& reduced, float* y) {
  reduce(context, reduce_functions<Reduction>, x, reduced, y);
}

}  // namespace weir::kernels
