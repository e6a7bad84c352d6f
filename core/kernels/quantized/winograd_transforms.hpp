/// The transforms of Winograd's F(4x4, 3x3) on integers, for any width of vectors.
#pragma once
#include <array>
#include <cstdint>

namespace weir::quantized::winograd {

/// Pixels of a tile of y and of what it sees of x, in each direction.
inline constexpr int Y = 4, N = 6, positions = N * N;

/// x -> V by BT in each direction, weights -> U by G, S -> 576 y by AT:
///
///          4  0 -5  0  1  0           6  0  0
///          0 -4 -4  1  1  0          -4 -4 -4            1  1  1  1  1  0
///     BT = 0  4 -4 -1  1  0      G = -4  4 -4       AT = 0  1 -1  2 -2  0
///          0 -2 -1  2  1  0           1  2  4            0  1  1  4  4  0
///          0  2 -1 -2  1  0           1 -2  4            0  1 -1  8 -8  2
///          0  4  0 -5  0  1           0  0 12
///
/// These are the matrices of Lavin and Gray (CVPR 2016) with the rows of G times 24 and so free of fractions, but for
/// the last, which is times 12 and has its 2 in AT. |x - zero| <= 255, so |V| <= 10 * 10 * 255; |U| <= 12 * 12 |w|:
/// both fit into 16 bits.
inline constexpr std::int32_t largest_weight = 32767 / (12 * 12);

/// u = G w.
inline std::array<std::int32_t, N> weights(std::int32_t a, std::int32_t b, std::int32_t c) {
  return {6 * a, -4 * (a + b + c), -4 * (a - b + c), a + 2 * b + 4 * c, a - 2 * b + 4 * c, 12 * c};
}
/// U of one kernel.
inline std::array<std::int32_t, positions> weights(const std::array<std::int32_t, 9>& w) {
  std::array<std::array<std::int32_t, N>, 3> rows{};
  for (std::size_t r = 0; r < 3; ++r) rows[r] = weights(w[3 * r], w[3 * r + 1], w[3 * r + 2]);
  std::array<std::int32_t, positions> u{};
  for (std::size_t j = 0; j < N; ++j) {
    const auto column = weights(rows[0][j], rows[1][j], rows[2][j]);
    for (std::size_t i = 0; i < N; ++i) u[N * i + j] = column[i];
  }
  return u;
}

/// v = BT x, of vectors of 16 bits.
template <class V>
[[gnu::always_inline]] inline void input(const V (&x)[N], V (&v)[N]) {
  const V even = x[4] - x[2] * 4, odd = x[3] - x[1] * 4, small = x[4] - x[2], twice = (x[3] - x[1]) * 2;
  v[0] = (x[0] * 4 - x[2] * 5) + x[4];
  v[1] = even + odd;
  v[2] = even - odd;
  v[3] = small + twice;
  v[4] = small - twice;
  v[5] = (x[1] * 4 - x[3] * 5) + x[5];
}

/// y = AT s, of vectors of 32 bits.
template <class V>
[[gnu::always_inline]] inline void output(const V (&s)[N], V (&y)[Y]) {
  const V sum = s[1] + s[2], difference = s[1] - s[2], sum2 = s[3] + s[4], difference2 = s[3] - s[4];
  y[0] = s[0] + sum + sum2;
  y[1] = difference + difference2 * 2;
  y[2] = sum + sum2 * 4;
  y[3] = difference + difference2 * 8 + s[5] * 2;
}

/// 576 y = 2^6 * 9 y in 32 bits to y, which fits into 26: the factor undoes that of 9.
inline constexpr std::uint32_t ninth = 954437177;
static_assert(ninth * 9 == 1U);
inline constexpr std::int64_t largest = (1 << 25) - 1;

}  // namespace weir::quantized::winograd
