/// How finished tiles leave for memory, and kernels of one row: bodies written once for all instruction sets.
#pragma once
#include <weir/core/kernels/gemm/microkernel.hpp>

namespace weir::kernels {

template <int L>
[[gnu::always_inline]] inline void store_rows_body(const float* tile, std::int64_t ldt, std::int64_t rows,
                                                   std::int64_t columns, const Epilogue& e) {
  using Float = typename Vec<L>::type;
  using Loose = typename Vec<L>::loose;
  using Four = Vec<4>::loose;
  const float low = e.clamp.lo, high = e.clamp.hi;
  const Float lo = low - Float{}, hi = high - Float{};
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* from = tile + r * ldt;
    const float* also = e.residual ? e.residual + r * e.ldy : nullptr;
    float* to = e.y + r * e.ldy;
    const float bias = e.bias[r];
    std::int64_t j = 0;
    for (; j + L <= columns; j += L) {
      Float v = *reinterpret_cast<const Loose*>(from + j) + bias;
      if (also) v += *reinterpret_cast<const Loose*>(also + j);
      v = v < lo ? lo : v;
      v = v > hi ? hi : v;
      *reinterpret_cast<Loose*>(to + j) = v;
    }
    for (; j + 4 <= columns; j += 4) {
      Vec<4>::type v = *reinterpret_cast<const Four*>(from + j) + bias;
      if (also) v += *reinterpret_cast<const Four*>(also + j);
      v = v < low ? low - Vec<4>::type{} : v;
      v = v > high ? high - Vec<4>::type{} : v;
      *reinterpret_cast<Four*>(to + j) = v;
    }
    for (; j < columns; ++j) {
      float v = from[j] + bias;
      if (also) v += also[j];
      v = v < low ? low : v;
      to[j] = v > high ? high : v;
    }
  }
}

/// Blocks of 4 x 4 go through registers; what is left of the rows, one by one.
[[gnu::always_inline]] inline void store_columns_body(const float* tile, std::int64_t ldt, std::int64_t rows,
                                                      std::int64_t columns, const Epilogue& e) {
  using Float = Vec<4>::type;
  using Loose = Vec<4>::loose;
  const float low = e.clamp.lo, high = e.clamp.hi;
  const Float lo = low - Float{}, hi = high - Float{};
  std::int64_t j = 0;
  for (; j + 4 <= columns; j += 4) {
    std::int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
      const float* from = tile + r * ldt + j;
      const Float a = *reinterpret_cast<const Loose*>(from), b = *reinterpret_cast<const Loose*>(from + ldt);
      const Float c = *reinterpret_cast<const Loose*>(from + 2 * ldt);
      const Float d = *reinterpret_cast<const Loose*>(from + 3 * ldt);
      const Float ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), AB = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const Float cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      Float out[4] = {__builtin_shufflevector(ab, cd, 0, 1, 4, 5), __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
                      __builtin_shufflevector(AB, CD, 0, 1, 4, 5), __builtin_shufflevector(AB, CD, 2, 3, 6, 7)};
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        Float v = out[i] + e.bias[j + i];
        if (e.residual) v += *reinterpret_cast<const Loose*>(e.residual + (j + i) * e.ldy + r);
        v = v < lo ? lo : v;
        v = v > hi ? hi : v;
        *reinterpret_cast<Loose*>(e.y + (j + i) * e.ldy + r) = v;
      }
    }
    for (; r < rows; ++r) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        float v = tile[r * ldt + j + i] + e.bias[j + i];
        if (e.residual) v += e.residual[(j + i) * e.ldy + r];
        v = v < low ? low : v;
        e.y[(j + i) * e.ldy + r] = v > high ? high : v;
      }
    }
  }
  for (; j < columns; ++j)
    for (std::int64_t r = 0; r < rows; ++r) {
      float v = tile[r * ldt + j] + e.bias[j];
      if (e.residual) v += e.residual[j * e.ldy + r];
      v = v < low ? low : v;
      e.y[j * e.ldy + r] = v > high ? high : v;
    }
}

// g++ 12 at -O3 takes the parts of sum[v] that one store writes after another for uninitialised.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
template <int L, int V>
[[gnu::always_inline]] inline void line_step(std::int64_t K, const float* weights, const float* from,
                                             const std::int32_t* offset, float start, float* to) {
  using Float = typename Vec<L>::type;
  using Loose = typename Vec<L>::loose;
  const Float first = start - Float{};
  Float sum[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    sum[v] = first;
  }
#pragma GCC unroll 1
  for (std::int64_t k = 0; k < K; ++k) {
    const float* at = from + offset[k];
    const float weight = weights[k];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      sum[v] += *reinterpret_cast<const Loose*>(at + v * L) * weight;
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    *reinterpret_cast<Loose*>(to + v * L) = sum[v];
  }
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

template <int L>
[[gnu::always_inline]] inline void line_body(std::int64_t K, const float* weights, const float* from,
                                             const std::int32_t* offset, float start, float* to, std::int64_t n) {
  std::int64_t j = 0;
  for (; j + 4 * L <= n; j += 4 * L) line_step<L, 4>(K, weights, from + j, offset, start, to + j);
  for (; j < n; j += L) line_step<L, 1>(K, weights, from + j, offset, start, to + j);
}

template <int L, int stride>
[[gnu::always_inline]] inline void pad_rows_body(const float* from, std::int64_t from_step, float* to,
                                                 std::int64_t rows, std::int64_t n, std::int64_t first,
                                                 std::int64_t last) {
  using Loose = typename Vec<L>::loose;
  using Four = Vec<4>::loose;
  for (std::int64_t r = 0; r < rows; ++r, from += from_step, to += n) {
    std::int64_t j = 0;
    for (; j < first; ++j) to[j] = 0;
    if constexpr (stride == 1) {
      for (; j + L <= last; j += L) *reinterpret_cast<Loose*>(to + j) = *reinterpret_cast<const Loose*>(from + j);
      for (; j + 4 <= last; j += 4) *reinterpret_cast<Four*>(to + j) = *reinterpret_cast<const Four*>(from + j);
    } else {
      // Not the last four: their second vector would reach behind the last float.
      for (; j + 4 < last; j += 4) {
        const Vec<4>::type v = *reinterpret_cast<const Four*>(from + 2 * j);
        const Vec<4>::type w = *reinterpret_cast<const Four*>(from + 2 * j + 4);
        *reinterpret_cast<Four*>(to + j) = __builtin_shufflevector(v, w, 0, 2, 4, 6);
      }
    }
    for (; j < last; ++j) to[j] = from[stride * j];
    for (; j < n; ++j) to[j] = 0;
  }
}

template <int L>
[[gnu::always_inline]] inline float dot_body(std::int64_t K, const float* a, const float* b) {
  using Float = typename Vec<L>::type;
  using Loose = typename Vec<L>::loose;
  Float sum[4] = {};
  std::int64_t k = 0;
  for (; k + 4 * L <= K; k += 4 * L) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      sum[v] += *reinterpret_cast<const Loose*>(a + k + v * L) * *reinterpret_cast<const Loose*>(b + k + v * L);
    }
  }
  const Float all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  float total = 0;
  for (int i = 0; i < L; ++i) total += all[i];
  for (; k < K; ++k) total += a[k] * b[k];
  return total;
}

}  // namespace weir::kernels
