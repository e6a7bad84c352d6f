/// Arithmetic on two tensors, element by element, with broadcasting.
#pragma once
#include <cmath>
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/kernels/micro/simd.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// One struct for each operation: apply<W>(a, b) leaves the result in a.
namespace combines {

struct Add {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& a, const simd::Floats<W>& b) {
    a = a + b;
  }
};
struct Sub {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& a, const simd::Floats<W>& b) {
    a = a - b;
  }
};
struct Mul {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& a, const simd::Floats<W>& b) {
    a = a * b;
  }
};
struct Div {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& a, const simd::Floats<W>& b) {
    a = a / b;
  }
};
struct Max {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& a, const simd::Floats<W>& b) {
    simd::take_max(a, b);
  }
};
struct Min {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& a, const simd::Floats<W>& b) {
    simd::take_min(a, b);
  }
};
struct Pow {
  static constexpr bool by_lanes = true;
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& a, const simd::Floats<W>& b) {
    float base[W], power[W];
    simd::store(a, base);
    simd::store(b, power);
#pragma GCC unroll 1
    for (int i = 0; i < W; ++i) base[i] = power[i] == 2.0F ? base[i] * base[i] : std::pow(base[i], power[i]);
    simd::load(a, base);
  }
};
/// a if a >= 0, else b * a.
struct PRelu {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& a, const simd::Floats<W>& b) {
    a = a < 0.0F ? a * b : a;
  }
};

}  // namespace combines

/// y[i] = Operation(a[i * sa], b[i * sb]).
template <class Operation>
struct CombineRow {
  static constexpr bool by_lanes = simd::by_lanes<Operation>;
  template <int W>
  [[gnu::always_inline]] static void run(const float* a, std::int64_t sa, const float* b, std::int64_t sb, float* y,
                                         std::int64_t n) {
    using F = simd::Floats<W>;
    F v, w;
    std::int64_t i = 0;
    if constexpr (by_lanes) {
      // One copy of the function is enough: the loop below.
    } else if (sa == 1 && sb == 1) {
      for (; i + W <= n; i += W) {
        simd::load(v, a + i);
        simd::load(w, b + i);
        Operation::template apply<W>(v, w);
        simd::store(v, y + i);
      }
    } else if (sa == 1 && sb == 0) {
      simd::fill(w, *b);
      for (; i + W <= n; i += W) {
        simd::load(v, a + i);
        Operation::template apply<W>(v, w);
        simd::store(v, y + i);
      }
    } else if (sa == 0 && sb == 1) {
      for (; i + W <= n; i += W) {
        simd::fill(v, *a);
        simd::load(w, b + i);
        Operation::template apply<W>(v, w);
        simd::store(v, y + i);
      }
    }
    for (; i < n; i += W) {
      const std::int64_t left = n - i < W ? n - i : W;
      take<W>(v, a + i * sa, sa, left);
      take<W>(w, b + i * sb, sb, left);
      Operation::template apply<W>(v, w);
      if (left == W)
        simd::store(v, y + i);
      else
        simd::store_part(v, y + i, left);
    }
  }

 private:
  /// The first n lanes, `step` floats apart; the others become 0.
  template <int W>
  [[gnu::always_inline]] static void take(simd::Floats<W>& v, const float* from, std::int64_t step, std::int64_t n) {
    if (n == W && step == 1) return simd::load(v, from);
    v = simd::Floats<W>{};
    for (std::int64_t k = 0; k < n; ++k) v[k] = from[k * step];
  }
};

/// A row of an operation for an instruction set; &combine_function<Add> stands for Add.
using CombineFunction = simd::Function<const float*, std::int64_t, const float*, std::int64_t, float*, std::int64_t>;
template <class Operation>
CombineFunction combine_function(Isa isa) {
  return simd::function<CombineRow<Operation>, const float*, std::int64_t, const float*, std::int64_t, float*,
                        std::int64_t>(isa);
}

/// y = operation(a, b); a and b are stretched to y's shape where they have length 1. y may be a where a has y's shape.
inline void combine(const Context& context, CombineFunction (*operation)(Isa), ConstView a, ConstView b, View y) {
  if (y.size() == 0) return;
  const CombineFunction row = operation(context.isa());
  constexpr std::int64_t grain = 1 << 14;
  if (a.shape == y.shape && b.shape == y.shape) {  // one row, cut anywhere
    context.pool().split(y.shape.numel(), grain, [&](std::int64_t first, std::int64_t last) {
      row(a.data + first, 1, b.data + first, 1, y.data + first, last - first);
    });
    return;
  }
  const LoopNest<3> nest(
      y.shape, {broadcast_strides(a.shape, y.shape), broadcast_strides(b.shape, y.shape), dense_strides(y.shape)});
  const std::int64_t n = nest.row_length(), sa = nest.row_stride(0), sb = nest.row_stride(1);
  nest.for_all_rows(context, [&](const std::array<std::int64_t, 3>& at) {
    row(a.data + at[0], sa, b.data + at[1], sb, y.data + at[2], n);
  });
}
template <class Operation>
void combine(const Context& context, ConstView a, ConstView b, View y) {
  combine(context, &combine_function<Operation>, a, b, y);
}

}  // namespace weir::kernels
