/// Packing a row-major matrix by columns.
#pragma once
#include <weir/core/kernels/gemm/vector.hpp>

namespace weir::kernels {

/// to[k*rows + r] = from[r*ld + k], 0 <= r < rows, 0 <= k < columns. Four rows at a time go through registers.
inline void transpose(const float* from, std::int64_t ld, std::int64_t rows, std::int64_t columns, float* to) {
  using Float = Vec<4>::type;
  using Loose = Vec<4>::loose;
  std::int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float* row = from + r * ld;
    std::int64_t k = 0;
    for (; k + 4 <= columns; k += 4) {
      const Float a = *reinterpret_cast<const Loose*>(row + k), b = *reinterpret_cast<const Loose*>(row + ld + k);
      const Float c = *reinterpret_cast<const Loose*>(row + 2 * ld + k);
      const Float d = *reinterpret_cast<const Loose*>(row + 3 * ld + k);
      const Float ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), AB = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const Float cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      float* out = to + k * rows + r;
      *reinterpret_cast<Loose*>(out) = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
      *reinterpret_cast<Loose*>(out + rows) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
      *reinterpret_cast<Loose*>(out + 2 * rows) = __builtin_shufflevector(AB, CD, 0, 1, 4, 5);
      *reinterpret_cast<Loose*>(out + 3 * rows) = __builtin_shufflevector(AB, CD, 2, 3, 6, 7);
    }
    for (; k < columns; ++k)
      for (std::int64_t i = 0; i < 4; ++i) to[k * rows + r + i] = row[i * ld + k];
  }
  for (; r < rows; ++r)
    for (std::int64_t k = 0; k < columns; ++k) to[k * rows + r] = from[r * ld + k];
}

}  // namespace weir::kernels
