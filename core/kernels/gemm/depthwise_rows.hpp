/// Rows of a depthwise convolution with a square kernel: body written once for all instruction sets.
#pragma once
#include <utility>
#include <weir/core/kernels/gemm/microkernel.hpp>

namespace weir::kernels {

/// out = the L floats from position T of a and b laid side by side.
template <int L, int T, int... I>
[[gnu::always_inline]] inline void shift(const typename Vec<L>::type& a, const typename Vec<L>::type& b,
                                         typename Vec<L>::type& out, std::integer_sequence<int, I...>) {
  out = __builtin_shufflevector(a, b, (I + T)...);
}

/// The taps s = Q, Q + S, ... of one kernel row: their columns are neighbours in phase Q.
template <int L, int K, int S, int Q, int T>
[[gnu::always_inline]] inline void add_taps(const typename Vec<L>::type& a, const typename Vec<L>::type& b,
                                            const float* weights, typename Vec<L>::type& sum) {
  if constexpr (Q + S * T < K) {
    typename Vec<L>::type moved;
    shift<L, T>(a, b, moved, std::make_integer_sequence<int, L>{});
    sum += moved * weights[Q + S * T];
    add_taps<L, K, S, Q, T + 1>(a, b, weights, sum);
  }
}

template <int L, int K, int S>
[[gnu::always_inline]] inline void depthwise_rows_body(const DepthwiseRows& job, std::int64_t rows,
                                                       std::int64_t columns, float* to) {
  using Float = typename Vec<L>::type;
  using Loose = typename Vec<L>::loose;
  float weights[K * K];
  const float* row[K][S];
#pragma GCC unroll 25
  for (int k = 0; k < K * K; ++k) {
    weights[k] = job.weights[k];
  }
#pragma GCC unroll 5
  for (int r = 0; r < K; ++r) {
#pragma GCC unroll 2
    for (int q = 0; q < S; ++q) {
      row[r][q] = job.image + job.offset[r * K + q];
    }
  }
  const float bias = job.bias;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; j += L) {
      const std::int64_t at = i * job.pitch + j;
      Float sum = bias - Float{};
#pragma GCC unroll 5
      for (int r = 0; r < K; ++r) {
        const Float a = *reinterpret_cast<const Loose*>(row[r][0] + at);
        const Float b = *reinterpret_cast<const Loose*>(row[r][0] + at + L);
        add_taps<L, K, S, 0, 0>(a, b, weights + r * K, sum);
        if constexpr (S == 2) {
          const Float c = *reinterpret_cast<const Loose*>(row[r][1] + at);
          const Float d = *reinterpret_cast<const Loose*>(row[r][1] + at + L);
          add_taps<L, K, S, 1, 0>(c, d, weights + r * K, sum);
        }
      }
      *reinterpret_cast<Loose*>(to + i * columns + j) = sum;
    }
  }
}

}  // namespace weir::kernels
