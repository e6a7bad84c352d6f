/// The register tile of depthwise convolutions on staged images: contract, and its body, written once for all
/// instruction sets.
#pragma once
#include <cstdint>
#include <weir/core/kernels/micro/clamp.hpp>
#include <weir/core/kernels/micro/vector.hpp>

namespace weir::kernels {

/// A depthwise convolution of R neighbouring pixels of one block of channels:
///
///     y[r*L + l] = clamp(bias[l] + sum over t of x[offset[t] + r*S*L + l] * weights[t*L + l] + residual[r*L + l])
struct DepthwiseTile {
  const float* x;
  const std::int32_t *offset, *offset_end;
  const float *weights, *bias;
  const float* residual;  ///< may be y, may be nullptr
  float* y;
  Clamp clamp;
};
using DepthwiseTileKernel = void (*)(const DepthwiseTile& tile);

template <int L, int R, int S>
[[gnu::always_inline]] inline void depthwise_tile_body(const DepthwiseTile& t) {
  using Float = typename Vec<L>::type;
  using Loose = typename Vec<L>::loose;
  const Float bias = *reinterpret_cast<const Loose*>(t.bias);
  Float sum[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    sum[r] = bias;
  }
  const float* weights = t.weights;
  for (const std::int32_t* o = t.offset; o != t.offset_end; ++o, weights += L) {
    const float* x = t.x + *o;
    const Float weight = *reinterpret_cast<const Loose*>(weights);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      sum[r] += *reinterpret_cast<const Loose*>(x + r * S * L) * weight;
    }
  }
  const Float lo = t.clamp.lo - Float{}, hi = t.clamp.hi - Float{};
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    Float out = sum[r];
    if (t.residual != nullptr) out += *reinterpret_cast<const Loose*>(t.residual + r * L);
    clamp_lanes(out, lo, hi);
    *reinterpret_cast<Loose*>(t.y + r * L) = out;
  }
}

}  // namespace weir::kernels
