/// Weighted sums along one axis: what interpolation is made of.
#pragma once
#include <algorithm>
#include <cstdint>
#include <weir/core/context.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// Where the elements of an axis of `to` elements come from on one of `from`: element j is the sum over t < taps of
/// weight[j * taps + t] times element index[j * taps + t]. Indices are whole numbers below 2^24, kept as floats.
struct AxisTaps {
  std::int64_t from = 0, to = 0, taps = 1;
  const float* index = nullptr;
  const float* weight = nullptr;
  bool copies = false;  ///< taps is 1 and every weight 1

  std::int64_t at(std::int64_t j, std::int64_t t) const { return static_cast<std::int64_t>(index[j * taps + t]); }
};

/// One row of y: the sum of rows of x, each `inner` long.
inline void resample_row(const AxisTaps& a, std::int64_t j, std::int64_t inner, const float* x, float* y) {
  if (a.copies) {
    std::copy_n(x + a.at(j, 0) * inner, inner, y);
    return;
  }
  const float* row = x + a.at(j, 0) * inner;
  const float first = a.weight[j * a.taps];
  for (std::int64_t i = 0; i < inner; ++i) y[i] = first * row[i];
  for (std::int64_t t = 1; t < a.taps; ++t) {
    const float* next = x + a.at(j, t) * inner;
    const float weight = a.weight[j * a.taps + t];
    for (std::int64_t i = 0; i < inner; ++i) y[i] += weight * next[i];
  }
}

/// All of y, whose elements along the axis are neighbours in memory.
inline void resample_line(const AxisTaps& a, const float* x, float* y) {
  for (std::int64_t j = 0; j < a.to; ++j) {
    if (a.copies) {
      y[j] = x[a.at(j, 0)];
      continue;
    }
    float sum = a.weight[j * a.taps] * x[a.at(j, 0)];
    for (std::int64_t t = 1; t < a.taps; ++t) sum += a.weight[j * a.taps + t] * x[a.at(j, t)];
    y[j] = sum;
  }
}

/// y [outer, a.to, inner] from x [outer, a.from, inner], not the same memory. Each sum is taken in the order of its
/// taps, whatever the number of threads.
inline void resample_axis(const Context& context, const AxisTaps& a, std::int64_t outer, std::int64_t inner,
                          const float* x, float* y) {
  const double work = static_cast<double>(outer * a.to) * static_cast<double>(inner * a.taps) * 4;
  if (inner == 1)
    return share(context.pool(), outer, work, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      for (std::int64_t o = first; o < last; ++o) resample_line(a, x + o * a.from, y + o * a.to);
    });
  share(context.pool(), outer * a.to, work, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r)
      resample_row(a, r % a.to, inner, x + r / a.to * a.from * inner, y + r * inner);
  });
}

}  // namespace weir::kernels
