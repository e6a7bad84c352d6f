/// Functions of each element on its own.
#pragma once
#include <algorithm>
#include <cmath>
#include <weir/core/context.hpp>
#include <weir/core/kernels/elementwise/exp.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// Parameters of a map; what they mean is said at the map.
struct MapParams {
  float a = 0, b = 0;
};

/// One struct for each function: apply<W>(v, p) replaces the vector v. All keep NaN but for those of `<cmath>` that do
/// not.
namespace maps {

/// True of functions of many instructions, which say so in a member `many`.
template <class Function>
inline constexpr bool is_long = requires {
  requires Function::many;
};

/// min(max(x, a), b); ReLU is Clip with a = 0, b = infinity.
struct Clip {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams& p) {
    const simd::Floats<W> low = simd::Floats<W>{} + p.a, high = simd::Floats<W>{} + p.b;
    x = low > x ? low : x;
    x = high < x ? high : x;
  }
};

/// x if x >= 0, else a * x.
struct LeakyRelu {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams& p) {
    x = x < 0.0F ? x * p.a : x;
  }
};

/// 1 / (1 + exp(-x)).
struct Sigmoid {
  static constexpr bool many = true;
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams&) {
    x = -x;
    simd::exp<W>(x);
    x = 1.0F / (1.0F + x);
  }
};

/// min(max(a * x + b, 0), 1).
struct HardSigmoid {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams& p) {
    const simd::Floats<W> zero{}, one = zero + 1.0F;
    x = x * p.a + p.b;
    x = zero > x ? zero : x;
    x = one < x ? one : x;
  }
};

/// x * HardSigmoid(x).
struct HardSwish {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams& p) {
    simd::Floats<W> gate = x;
    HardSigmoid::apply<W>(gate, p);
    x = x * gate;
  }
};

struct Tanh {
  static constexpr bool many = true;
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams&) {
    simd::tanh<W>(x);
  }
};

/// x if x >= 0, else a * (exp(x) - 1).
struct Elu {
  static constexpr bool many = true;
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams& p) {
    // exp(x) - 1 = tanh(x/2) * (exp(x) + 1), which keeps its digits near 0.
    simd::Floats<W> e = x, t = x * 0.5F;
    simd::exp<W>(e);
    simd::tanh<W>(t);
    x = x < 0.0F ? t * (e + 1.0F) * p.a : x;
  }
};

/// b * x if x >= 0, else b * a * (exp(x) - 1).
struct Selu {
  static constexpr bool many = true;
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams& p) {
    Elu::apply<W>(x, p);
    x = x * p.b;
  }
};

struct Exp {
  static constexpr bool many = true;
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams&) {
    simd::exp<W>(x);
  }
};

struct Neg {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams&) {
    x = -x;
  }
};

struct Abs {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams&) {
    x = x < 0.0F ? -x : x;
  }
};

struct Reciprocal {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams&) {
    x = 1.0F / x;
  }
};

/// A function of `<cmath>` in each lane: for operators that classifiers use rarely.
template <float (*f)(float)>
struct Scalar {
  static constexpr bool by_lanes = true;
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams&) {
    float lanes[W];
    simd::store(x, lanes);
#pragma GCC unroll 1
    for (int i = 0; i < W; ++i) lanes[i] = f(lanes[i]);
    simd::load(x, lanes);
  }
};

/// As Scalar, with parameters.
template <float (*f)(float, const MapParams&)>
struct Parametric {
  static constexpr bool by_lanes = true;
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams& p) {
    float lanes[W];
    simd::store(x, lanes);
#pragma GCC unroll 1
    for (int i = 0; i < W; ++i) lanes[i] = f(lanes[i], p);
    simd::load(x, lanes);
  }
};
struct Square {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, const MapParams&) {
    x = x * x;
  }
};

}  // namespace maps

template <class Function>
struct MapKernel {
  static constexpr bool by_lanes = simd::by_lanes<Function>;
  template <int W>
  [[gnu::always_inline]] static void run(const float* x, float* y, std::int64_t n, const MapParams& p) {
    simd::Floats<W> v;
    std::int64_t i = 0;
    if constexpr (!simd::by_lanes<Function> && !maps::is_long<Function>) {
      for (; i + W <= n; i += W) {
        simd::load(v, x + i);
        Function::template apply<W>(v, p);
        simd::store(v, y + i);
      }
    }
    for (; i < n; i += W) {  // one copy of a long function, for whole vectors and the last
      const std::int64_t left = n - i;
      if (left >= W)
        simd::load(v, x + i);
      else
        simd::load_part(v, x + i, left);
      Function::template apply<W>(v, p);
      if (left >= W)
        simd::store(v, y + i);
      else
        simd::store_part(v, y + i, left);
    }
  }
};

/// Elements that are worth another thread.
inline constexpr std::int64_t map_grain = 1 << 15;

/// The function of a map for an instruction set; &map_function<Clip> stands for Clip.
using MapFunction = simd::Function<const float*, float*, std::int64_t, MapParams>;
template <class Function>
MapFunction map_function(Isa isa) {
  return simd::function<MapKernel<Function>, const float*, float*, std::int64_t, MapParams>(isa);
}

/// y[i] = function(x[i]) for n elements; y may be x.
inline void map(const Context& context, MapFunction (*function)(Isa), const float* x, float* y, std::int64_t n,
                const MapParams& p) {
  const MapFunction f = function(context.isa());
  context.pool().split(n, map_grain,
                       [&](std::int64_t first, std::int64_t last) { f(x + first, y + first, last - first, p); });
}
template <class Function>
void map(const Context& context, const float* x, float* y, std::int64_t n, const MapParams& p) {
  map(context, &map_function<Function>, x, y, n, p);
}

}  // namespace weir::kernels
