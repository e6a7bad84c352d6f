/// How finished tiles leave for memory, and other small kernels: bodies written once for all instruction sets.
#pragma once
#include <weir/core/kernels/micro/table.hpp>

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
[[gnu::always_inline]] inline void transpose_body(const float* from, std::int64_t ldf, std::int64_t rows,
                                                  std::int64_t columns, float* to, std::int64_t ldt) {
  using Float = Vec<4>::type;
  using Loose = Vec<4>::loose;
  std::int64_t r = 0;
  for (; r + 4 <= rows; r += 4, from += 4 * ldf, to += 4) {
    std::int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
      const Float a = *reinterpret_cast<const Loose*>(from + j), b = *reinterpret_cast<const Loose*>(from + ldf + j);
      const Float c = *reinterpret_cast<const Loose*>(from + 2 * ldf + j);
      const Float d = *reinterpret_cast<const Loose*>(from + 3 * ldf + j);
      const Float ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), AB = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const Float cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      float* out = to + j * ldt;
      *reinterpret_cast<Loose*>(out) = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
      *reinterpret_cast<Loose*>(out + ldt) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
      *reinterpret_cast<Loose*>(out + 2 * ldt) = __builtin_shufflevector(AB, CD, 0, 1, 4, 5);
      *reinterpret_cast<Loose*>(out + 3 * ldt) = __builtin_shufflevector(AB, CD, 2, 3, 6, 7);
    }
    for (; j < columns; ++j)
      for (std::int64_t i = 0; i < 4; ++i) to[j * ldt + i] = from[i * ldf + j];
  }
  for (; r < rows; ++r, from += ldf, ++to)
    for (std::int64_t j = 0; j < columns; ++j) to[j * ldt] = from[j];
}

}  // namespace weir::kernels
