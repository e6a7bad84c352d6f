/// Rows times rows by dot tiles, shared by threads.
#pragma once
#include <algorithm>
#include <weir/core/kernels/micro/list.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// Rows of x, `in` floats each and ldx apart, and `out` rows of weights, one behind the other.
struct DotRows {
  std::int64_t n, in, out;
  const float* x;
  std::int64_t ldx;
  const float* weights;
};

/// Calls store(i, j, sum over k < in of x[i*ldx + k] * weights[j*in + k]) once for each i < n and j < out, from several
/// threads. A sum depends neither on n nor on the number of threads, to the last bit. Few rows are bound by reading the
/// weights, which happens once, in order; threads share the outputs.
template <class Store>
void dot_rows(const detail::ThreadPool& pool, const Microkernels& micro, const DotRows& p, const Store& store) {
  const std::int64_t C = dot_outputs(p.n);
  const std::int64_t tiles = (p.n + micro.max_dot_rows - 1) / micro.max_dot_rows, groups = (p.out + C - 1) / C;
  // Reading a weight takes longer than a multiplication with it, or than many.
  const double operations =
      std::max(2 * static_cast<double>(p.n), detail::machine_costs.copy_operations) * static_cast<double>(p.in * p.out);
  share(pool, groups, operations, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    float sums[most_dot_rows * most_dot_outputs];
    for (std::int64_t g = first; g < last; ++g) {
      const std::int64_t outputs = std::min(C, p.out - g * C);
      for (std::int64_t t = 0; t < tiles; ++t) {
        const std::int64_t i = p.n * t / tiles, rows = p.n * (t + 1) / tiles - i;
        micro.dot_tile[static_cast<std::size_t>(rows - 1)]({.K = p.in,
                                                            .x = p.x + i * p.ldx,
                                                            .ldx = p.ldx,
                                                            .weights = p.weights + g * C * p.in,
                                                            .ldw = p.in,
                                                            .outputs = outputs,
                                                            .sums = sums});
        // Sums lie dot_outputs(rows) apart.
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t c = 0; c < outputs; ++c) store(i + r, g * C + c, sums[r * dot_outputs(rows) + c]);
      }
    }
  });
}

}  // namespace weir::kernels
