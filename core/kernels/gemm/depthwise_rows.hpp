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

template <int n>
using Indices = std::make_integer_sequence<int, n>;

/// Weight (t - I, T), if there is one, for output row I, whose sum begins with the first.
template <int L, int K, int t, int T, int I>
[[gnu::always_inline]] inline void add_tap(const typename Vec<L>::type& moved, const float* weights,
                                           const typename Vec<L>::type& start, typename Vec<L>::type& sum) {
  if constexpr (t == I && T == 0)
    sum = start + moved * weights[0];
  else if constexpr (t - I >= 0 && t - I < K)
    sum += moved * weights[(t - I) * K + T];
}

/// Tap T of input row t for all output rows I that it reaches.
template <int L, int K, int R, int t, int T, int... I>
[[gnu::always_inline]] inline void add_column(const typename Vec<L>::type& a, const typename Vec<L>::type& b,
                                              const float* weights, const typename Vec<L>::type& start,
                                              typename Vec<L>::type (&sum)[R], std::integer_sequence<int, I...>) {
  typename Vec<L>::type moved;
  shift<L, T>(a, b, moved, Indices<L>{});
  (add_tap<L, K, t, T, I>(moved, weights, start, sum[I]), ...);
}

template <int L, int K, int R, int t, int... T>
[[gnu::always_inline]] inline void add_row(const float* from, const float* weights, const typename Vec<L>::type& start,
                                           typename Vec<L>::type (&sum)[R], std::integer_sequence<int, T...>) {
  using Loose = typename Vec<L>::loose;
  const typename Vec<L>::type a = *reinterpret_cast<const Loose*>(from);
  const typename Vec<L>::type b = *reinterpret_cast<const Loose*>(from + L);
  (add_column<L, K, R, t, T>(a, b, weights, start, sum, Indices<R>{}), ...);
}

/// R rows of y of stride 1 at once: each input row t is loaded and shifted once for all of them. Packs of constants
/// rather than loops, or g++ would leave the sums in memory.
template <int L, int K, int R, int... t>
[[gnu::always_inline]] inline void depthwise_block(const DepthwiseRows& job, const float* weights, const float* from,
                                                   std::int64_t columns, float* to, std::integer_sequence<int, t...>) {
  using Loose = typename Vec<L>::loose;
  const typename Vec<L>::type start = job.bias - typename Vec<L>::type{};
  const std::int64_t pitch = job.pitch;
  for (std::int64_t j = 0; j < columns; j += L) {
    typename Vec<L>::type sum[R];
    (add_row<L, K, R, t>(from + t * pitch + j, weights, start, sum, Indices<K>{}), ...);
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
      *reinterpret_cast<Loose*>(to + i * columns + j) = sum[i];
    }
  }
}

/// Row r of the kernel at stride 2: the even taps are neighbours in the first phase, the odd ones in the second.
template <int L, int K, int r, int... T>
[[gnu::always_inline]] inline void add_row_by_2(const DepthwiseRows& job, const float* from, const float* weights,
                                                typename Vec<L>::type& sum, std::integer_sequence<int, T...>) {
  using Loose = typename Vec<L>::loose;
  const float* even = from + job.offset[r * K];
  const float* odd = from + job.offset[r * K + 1];
  const typename Vec<L>::type a = *reinterpret_cast<const Loose*>(even), b = *reinterpret_cast<const Loose*>(even + L);
  const typename Vec<L>::type c = *reinterpret_cast<const Loose*>(odd), d = *reinterpret_cast<const Loose*>(odd + L);
  typename Vec<L>::type moved;
  ((shift<L, T / 2>(T % 2 == 0 ? a : c, T % 2 == 0 ? b : d, moved, Indices<L>{}), sum += moved * weights[r * K + T]),
   ...);
}

template <int L, int K, int... r>
[[gnu::always_inline]] inline void depthwise_row_by_2(const DepthwiseRows& job, const float* weights, const float* from,
                                                      std::int64_t columns, float* to,
                                                      std::integer_sequence<int, r...>) {
  using Loose = typename Vec<L>::loose;
  const typename Vec<L>::type start = job.bias - typename Vec<L>::type{};
  for (std::int64_t j = 0; j < columns; j += L) {
    typename Vec<L>::type sum = start;
    (add_row_by_2<L, K, r>(job, from + j, weights, sum, Indices<K>{}), ...);
    *reinterpret_cast<Loose*>(to + j) = sum;
  }
}

template <int L, int K, int S>
[[gnu::always_inline]] inline void depthwise_rows_body(const DepthwiseRows& job, std::int64_t rows,
                                                       std::int64_t columns, float* to) {
  float weights[K * K];
#pragma GCC unroll 25
  for (int k = 0; k < K * K; ++k) {
    weights[k] = job.weights[k];
  }
  const float* from = job.image;
  std::int64_t i = 0;
  if constexpr (S == 1) {
    constexpr int R = K == 3 ? 4 : 2;
    for (; i + R <= rows; i += R)
      depthwise_block<L, K, R>(job, weights, from + i * job.pitch, columns, to + i * columns, Indices<R + K - 1>{});
    for (; i < rows; ++i)
      depthwise_block<L, K, 1>(job, weights, from + i * job.pitch, columns, to + i * columns, Indices<K>{});
  } else {
    for (; i < rows; ++i)
      depthwise_row_by_2<L, K>(job, weights, from + i * job.pitch, columns, to + i * columns, Indices<K>{});
  }
}

}  // namespace weir::kernels
