/// The register tile of convolutions on blocked tensors: contract, and its body, written once for all instruction sets.
#pragma once
#include <cstdint>
#include <weir/core/kernels/micro/clamp.hpp>
#include <weir/core/kernels/micro/vector.hpp>

namespace weir::kernels {

/// `count` weights that neighbouring floats of the image belong to, the first of them `offset` behind the pixel.
struct ConvTap {
  std::int32_t offset, count;
};

/// Least terms in each chain of additions of a ConvTile; the last may be shorter.
inline constexpr std::int32_t chain_terms = 256;

/// R pixels by V vectors of L output channels: with k running over the taps and the floats of each,
///
///     y[v*block_stride + r*L + l] = clamp(sum over k of x[k + r*S] * weights[k][v*L + l] + bias[v*L + l] +
///     residual[v*residual_stride + r*L + l])
///
/// S floats lie between neighbouring pixels of the image; with S = 1 every tap is one float. Every sum is made of
/// chains of fused multiply-adds in the order of the taps; a chain ends with the tap that makes it chain_terms long or
/// longer, and what it comes to is added to the chains before. So bits do not depend on R and V, and rounding errors
/// grow with the square root of the chains' length and number rather than of all terms (Higham, "The accuracy of
/// floating point summation", SISC 1993).
struct ConvTile {
  const float* x;
  const ConvTap *taps, *taps_end;
  const float* weights;
  const float* ahead;         ///< weights that are needed soon: for each k one line of them is fetched into the cache,
  std::int64_t ahead_stride;  ///< and this number of floats further on for the next k
  const float* bias;          ///< nullptr: the sums are stored as they are, whatever residual and clamp say
  const float* residual;      ///< may be y, may be nullptr
  float* y;
  std::int64_t block_stride, residual_stride;  ///< floats from one block of channels to the next, of y and of residual
  Clamp clamp;
};
using ConvTileKernel = void (*)(const ConvTile& tile);

/// S by its place in Microkernels::conv: one float, a vector, or two between neighbouring pixels.
enum class PixelStride { one, vector, two_vectors };

/// One k of a ConvTile: sum[r][v] += x[r*S] * weights[v*L ..].
template <int L, int R, int V, int S>
[[gnu::always_inline]] inline void conv_tile_step(typename Vec<L>::type (&sum)[R][V], const float* x,
                                                  const float* weights) {
  typename Vec<L>::type column[V];
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) {
    column[v] = *reinterpret_cast<const typename Vec<L>::loose*>(weights + v * L);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      multiply_add<L>(sum[r][v], column[v], x[r * S]);
    }
  }
}

/// A chain ends: its sums go to `chains`, or are added to what is there.
template <int L, int R, int V>
[[gnu::always_inline]] inline void end_chain(typename Vec<L>::type (&sum)[R][V], float* chains, bool has_chains) {
  using Float = typename Vec<L>::type;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      Float* before = reinterpret_cast<Float*>(chains + (r * V + v) * L);
      *before = has_chains ? *before + sum[r][v] : sum[r][v];
      sum[r][v] = Float{};
    }
  }
}

template <int L, int R, int V, int S>
[[gnu::always_inline]] inline void conv_tile_body(const ConvTile& t) {
  using Float = typename Vec<L>::type;
  using Loose = typename Vec<L>::loose;
  Float sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      sum[r][v] = Float{};
    }
  }
  const float *weights = t.weights, *ahead = t.ahead;
  const std::int64_t also = t.ahead_stride > 16 ? 16 : 0;  // a step of more than a line is one of two lines
  if (t.residual != nullptr) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        __builtin_prefetch(t.residual + v * t.residual_stride + r * L);
      }
    }
  }
  alignas(64) float chains[R * V * L];
  bool has_chains = false;
  const ConvTap* tap = t.taps;
  if constexpr (S == 1) {
    // Pixels of one float: every tap is one, and a loop over its one float would take a fifth of the time.
    while (true) {
      const ConvTap* const stop = t.taps_end - tap > chain_terms ? tap + chain_terms : t.taps_end;
#pragma GCC unroll 1
      for (; tap != stop; ++tap) {
        __builtin_prefetch(ahead);
        __builtin_prefetch(ahead + also);
        ahead += t.ahead_stride;
        conv_tile_step<L, R, V, S>(sum, t.x + tap->offset, weights);
        weights += V * L;
      }
      if (tap == t.taps_end) break;
      end_chain<L, R, V>(sum, chains, has_chains);
      has_chains = true;
    }
  }
  for (std::int32_t terms = 0; S > 1 && tap != t.taps_end; ++tap) {
    if (terms >= chain_terms) {
      end_chain<L, R, V>(sum, chains, has_chains);
      has_chains = true;
      terms = 0;
    }
    terms += tap->count;
    const float* x = t.x + tap->offset;
    const float* const end = x + tap->count;
    // What the next tap reads: its plane may lie far away, where the hardware does not look.
    const float* const next = t.x + tap[tap + 1 != t.taps_end].offset;
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      __builtin_prefetch(next + r * S);
    }
#pragma GCC unroll 1
    for (; x != end; ++x) {
      __builtin_prefetch(ahead);
      __builtin_prefetch(ahead + also);
      ahead += t.ahead_stride;
      conv_tile_step<L, R, V, S>(sum, x, weights);
      weights += V * L;
    }
  }
  if (has_chains) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        sum[r][v] += *reinterpret_cast<const Float*>(chains + (r * V + v) * L);
      }
    }
  }
  float* y = t.y;
  if (t.bias == nullptr) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v, y += t.block_stride) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        *reinterpret_cast<Loose*>(y + r * L) = sum[r][v];
      }
    }
    return;
  }
  const Float lo = t.clamp.lo - Float{}, hi = t.clamp.hi - Float{};
  const float* residual = t.residual;
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v, y += t.block_stride) {
    const Float bias = *reinterpret_cast<const Loose*>(t.bias + v * L);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      sum[r][v] += bias;
    }
    if (residual != nullptr) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        sum[r][v] += *reinterpret_cast<const Loose*>(residual + r * L);
      }
      residual += t.residual_stride;
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      Float out = sum[r][v];
      clamp_lanes(out, lo, hi);
      *reinterpret_cast<Loose*>(y + r * L) = out;
    }
  }
}

}  // namespace weir::kernels
