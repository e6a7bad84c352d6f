/// The transforms of Winograd's convolutions in one dimension, with few operations.
#pragma once
#include <weir/core/kernels/micro/winograd_matrices.hpp>

namespace weir::kernels::winograd {

/// Of the algorithms with two pairs of points, +-a and +-b.
template <int N>
struct Powers {
  static constexpr double p = points<N>[N - 5], q = points<N>[N - 3];
  static constexpr auto a = static_cast<float>(p), aa = static_cast<float>(p * p), aaa = static_cast<float>(p * p * p);
  static constexpr auto b = static_cast<float>(q), bb = static_cast<float>(q * q), bbb = static_cast<float>(q * q * q);
  static constexpr auto sum = static_cast<float>(p * p + q * q), product = static_cast<float>(p * p * q * q);
};

/// Of the algorithm with three, +-a, +-b and +-c.
template <>
struct Powers<7> {
  static constexpr double p = points<7>[0], q = points<7>[2], r = points<7>[4];
  static constexpr auto a = static_cast<float>(p), aa = static_cast<float>(p * p), aaa = static_cast<float>(p * p * p);
  static constexpr auto b = static_cast<float>(q), bb = static_cast<float>(q * q), bbb = static_cast<float>(q * q * q);
  static constexpr auto c = static_cast<float>(r), cc = static_cast<float>(r * r), ccc = static_cast<float>(r * r * r);
  // Coefficients of (x^2 - p^2) (x^2 - q^2) (x^2 - r^2), and of what is left of it without one of the factors.
  static constexpr auto sum = static_cast<float>(p * p + q * q + r * r),
                        product = static_cast<float>(p * q * r * p * q * r);
  static constexpr auto middle = static_cast<float>(p * p * q * q + p * p * r * r + q * q * r * r);
  static constexpr auto sum_a = static_cast<float>(q * q + r * r), product_a = static_cast<float>(q * q * r * r);
  static constexpr auto sum_b = static_cast<float>(p * p + r * r), product_b = static_cast<float>(p * p * r * r);
  static constexpr auto sum_c = static_cast<float>(p * p + q * q), product_c = static_cast<float>(p * p * q * q);
};

/// d = B^T d, each lane for itself. Pairs of points +-p share what is even and what is odd in p.
template <class V>
[[gnu::always_inline]] inline void transform_input(V (&d)[3]) {
  const V even = d[1], odd = d[0];
  d[2] = d[2] - odd;
  d[0] = even + odd;
  d[1] = even - odd;
}
template <class V>
[[gnu::always_inline]] inline void transform_input(V (&d)[4]) {
  const V odd = d[1], even = d[2];
  d[0] = even - d[0];
  d[1] = even + odd;
  d[2] = even - odd;
  d[3] = d[3] - odd;
}
template <class V>
[[gnu::always_inline]] inline void transform_input(V (&d)[5]) {
  using P = Powers<5>;
  const V even_a = d[3] - P::bb * d[1], odd_a = d[2] - P::bb * d[0];
  const V even_b = d[3] - P::aa * d[1], odd_b = d[2] - P::aa * d[0];
  d[4] = (d[4] - P::sum * d[2]) + P::product * d[0];
  d[0] = even_a + P::a * odd_a;
  d[1] = even_a - P::a * odd_a;
  d[2] = even_b + P::b * odd_b;
  d[3] = even_b - P::b * odd_b;
}
template <class V>
[[gnu::always_inline]] inline void transform_input(V (&d)[6]) {
  using P = Powers<6>;  // of which the product is 1
  const V even_a = d[4] - P::bb * d[2], odd_a = d[3] - P::bb * d[1];
  const V even_b = d[4] - P::aa * d[2], odd_b = d[3] - P::aa * d[1];
  d[0] = (d[0] + d[4]) - P::sum * d[2];
  d[5] = (d[5] + d[1]) - P::sum * d[3];
  d[1] = even_a + P::a * odd_a;
  d[2] = even_a - P::a * odd_a;
  d[3] = even_b + P::b * odd_b;
  d[4] = even_b - P::b * odd_b;
}

template <class V>
[[gnu::always_inline]] inline void transform_input(V (&d)[7]) {
  using P = Powers<7>;
  const V even_a = (d[5] - P::sum_a * d[3]) + P::product_a * d[1],
          odd_a = (d[4] - P::sum_a * d[2]) + P::product_a * d[0];
  const V even_b = (d[5] - P::sum_b * d[3]) + P::product_b * d[1],
          odd_b = (d[4] - P::sum_b * d[2]) + P::product_b * d[0];
  const V even_c = (d[5] - P::sum_c * d[3]) + P::product_c * d[1],
          odd_c = (d[4] - P::sum_c * d[2]) + P::product_c * d[0];
  d[6] = ((d[6] - P::sum * d[4]) + P::middle * d[2]) - P::product * d[0];
  d[0] = even_a + P::a * odd_a;
  d[1] = even_a - P::a * odd_a;
  d[2] = even_b + P::b * odd_b;
  d[3] = even_b - P::b * odd_b;
  d[4] = even_c + P::c * odd_c;
  d[5] = even_c - P::c * odd_c;
}

/// y = A^T m, each lane for itself.
template <class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[3], V (&y)[2]) {
  y[0] = m[0] + m[1];
  y[1] = (m[0] - m[1]) + m[2];
}
template <class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[4], V (&y)[2]) {
  y[0] = m[0] + (m[1] + m[2]);
  y[1] = m[3] + (m[1] - m[2]);
}
/// What two pairs of sums m[0 .. 3], and that of infinity, m[4], give.
template <int N, class V>
[[gnu::always_inline]] inline void transform_pairs(const V* m, V (&y)[4]) {
  using P = Powers<N>;
  const V even_a = m[0] + m[1], odd_a = m[0] - m[1], even_b = m[2] + m[3], odd_b = m[2] - m[3];
  y[0] = even_a + even_b;
  y[1] = P::a * odd_a + P::b * odd_b;
  y[2] = P::aa * even_a + P::bb * even_b;
  y[3] = (m[4] + P::aaa * odd_a) + P::bbb * odd_b;
}
template <class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[5], V (&y)[4]) {
  transform_pairs<5>(m, y);
}
template <class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[6], V (&y)[4]) {
  transform_pairs<6>(m + 1, y);
  y[0] = m[0] + y[0];
}

template <class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[7], V (&y)[4]) {
  using P = Powers<7>;
  const V even_a = m[0] + m[1], odd_a = m[0] - m[1], even_b = m[2] + m[3], odd_b = m[2] - m[3];
  const V even_c = m[4] + m[5], odd_c = m[4] - m[5];
  y[0] = (even_a + even_b) + even_c;
  y[1] = (P::a * odd_a + P::b * odd_b) + P::c * odd_c;
  y[2] = (P::aa * even_a + P::bb * even_b) + P::cc * even_c;
  y[3] = ((m[6] + P::aaa * odd_a) + P::bbb * odd_b) + P::ccc * odd_c;
}

}  // namespace weir::kernels::winograd
