/// The inner product of float vectors that exit heads and projections share.
#pragma once
#include <cstddef>

namespace weir::detail {

/// start + sum_d w_d x_d. Eight partial sums at a time, in a fixed order, so that the compiler may use vectors and bits
/// do not depend on it.
inline float dot_from(float start, const float* w, const float* x, std::size_t n) {
  float part[8] = {};
  std::size_t d = 0;
  for (; d + 8 <= n; d += 8)
    for (std::size_t l = 0; l < 8; ++l) part[l] += w[d + l] * x[d + l];
  float sum = start + ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
  for (; d < n; ++d) sum += w[d] * x[d];
  return sum;
}

}  // namespace weir::detail
