/// Operations of a blocked tensor with a vector for each block of channels.
#pragma once
#include <weir/core/kernels/elementwise/combine.hpp>
#include <weir/core/kernels/micro/clamp.hpp>
#include <weir/core/kernels/reorder.hpp>

namespace weir::kernels {

/// y = Operation(x, b), or Operation(b, x), for every pixel of a block of channels, b one vector.
template <class Operation>
struct CombinePlane {
  template <int L>
  [[gnu::always_inline]] static void run(const float* x, const float* b, bool b_first, float* y, std::int64_t pixels) {
    using F = simd::Floats<L>;
    F v, w;
    simd::load(w, b);
    for (std::int64_t p = 0; p < pixels * L; p += L) {
      simd::load(v, x + p);
      if constexpr (simd::by_lanes<Operation>) {  // one copy of the function
        F first = b_first ? w : v;
        Operation::template apply<L>(first, b_first ? v : w);
        v = first;
      } else if (b_first) {
        F first = w;
        Operation::template apply<L>(first, v);
        v = first;
      } else {
        Operation::template apply<L>(v, w);
      }
      simd::store(v, y + p);
    }
  }
};

/// y = clamp(x * scale + shift) for every pixel of a block of channels.
struct AffinePlane {
  template <int L>
  [[gnu::always_inline]] static void run(const float* x, const float* scale, const float* shift, const Clamp& clamp,
                                         float* y, std::int64_t pixels) {
    using F = simd::Floats<L>;
    const F lo = F{} + clamp.lo, hi = F{} + clamp.hi;
    F v, a, b;
    simd::load(a, scale);
    simd::load(b, shift);
    for (std::int64_t p = 0; p < pixels * L; p += L) {
      simd::load(v, x + p);
      v = v * a + b;
      clamp_lanes(v, lo, hi);
      simd::store(v, y + p);
    }
  }
};

/// CombinePlane of an operation for an instruction set; &plane_function<Add> stands for Add.
using PlaneFunction = simd::Function<const float*, const float*, bool, float*, std::int64_t>;
template <class Operation>
PlaneFunction plane_function(Isa isa) {
  return simd::function<CombinePlane<Operation>, const float*, const float*, bool, float*, std::int64_t>(isa);
}

/// y = operation(x, b) for blocked x and y [N, C, ...], and b a blocked [N, C, 1, ...] or, if b_shared, [1, C, 1, ...];
/// b_first: operation(b, x). y may be x.
inline void combine_planes(const Context& context, PlaneFunction (*operation)(Isa), ConstView x, const float* b,
                           bool b_shared, bool b_first, float* y) {
  const Shape s = blocked_shape(x.shape, context.isa());
  const PlaneFunction f = operation(context.isa());
  for_all_blocks(context, x.shape, [&](std::int64_t plane, std::int64_t, std::int64_t) {
    f(x.data + plane * s[2] * s[3], b + (b_shared ? plane % s[1] : plane) * s[3], b_first, y + plane * s[2] * s[3],
      s[2]);
  });
}

/// y = clamp(x * scale[c] + shift[c]) for blocked x and y; scale and shift reach to the end of the last block. y may be
/// x.
inline void affine_planes(const Context& context, ConstView x, const float* scale, const float* shift, Clamp clamp,
                          float* y) {
  const Shape s = blocked_shape(x.shape, context.isa());
  for_all_blocks(context, x.shape, [&](std::int64_t plane, std::int64_t, std::int64_t) {
    const std::int64_t channel = plane % s[1] * s[3];
    simd::simd_call<AffinePlane>(context.isa(), x.data + plane * s[2] * s[3], scale + channel, shift + channel, clamp,
                                 y + plane * s[2] * s[3], s[2]);
  });
}

}  // namespace weir::kernels
