/// Winograd's minimal filtering algorithms: interpolation points, the matrices that follow from them, and weights by
/// those matrices.
#pragma once
#include <array>
#include <cstddef>

namespace weir::kernels::winograd {

/// The finite interpolation points of an algorithm with N multiplications; the last point is infinity.
///
/// They decide how large rounding errors become: the closer the powers stay to 1, the smaller. With N = 6 and the
/// points 0, +-1, +-2 of Lavin and Gray ("Fast algorithms for convolutional neural networks", CVPR 2016) the error is
/// twice as large as with these (RMS; the largest, four times). Pairs of +-p let transforms share sums. (Barabasz et
/// al., "Error analysis and improving the accuracy of Winograd convolution for deep neural networks", ACM TOMS 2020.)
template <int N>
inline constexpr std::array<double, 0> points = {};
template <>
inline constexpr std::array<double, 2> points<3> = {1, -1};
template <>
inline constexpr std::array<double, 3> points<4> = {0, 1, -1};
template <>
inline constexpr std::array<double, 4> points<5> = {.375, -.375, 1.125, -1.125};
template <>
inline constexpr std::array<double, 5> points<6> = {0, 0.70710678118654752, -0.70710678118654752, 1.41421356237309505,
                                                    -1.41421356237309505};
template <>
inline constexpr std::array<double, 6> points<7> = {.35, -.35, .85, -.85, 1.5, -1.5};

template <std::size_t Rows, std::size_t Columns>
using Matrix = std::array<std::array<double, Columns>, Rows>;

/// A correlation of N = Y + T - 1 numbers d with T weights g has Y outputs and takes N multiplications instead of Y T:
///
///     y = A^T ((G g) * (B^T d))           in two dimensions  Y = A^T ((G g G^T) * (B^T d B)) A
///
/// by the transposed Toom-Cook algorithm: with the finite points p_i, the rows of B^T hold the coefficients of the
/// product of (x - p_j) over j != i, those of G the powers p_i^t over the product of (p_i - p_j), those of A^T the
/// powers p_i^y. Infinity, the last, has the product over all points, and picks the last weight and adds to the last
/// output; so with a last weight of 0 its product is 0, and nothing else depends on the last number.
template <int Y, int T>
struct Matrices {
  static constexpr std::size_t N = Y + T - 1;
  Matrix<N, N> input{};   ///< B^T
  Matrix<N, T> weight{};  ///< G
  Matrix<Y, N> output{};  ///< A^T

  constexpr Matrices() {
    constexpr auto& p = points<static_cast<int>(N)>;
    for (std::size_t i = 0; i < N; ++i) {
      input[i][0] = 1;
      double scale = 1;
      for (std::size_t j = 0, degree = 0; j + 1 < N; ++j) {
        if (j == i) continue;
        ++degree;
        for (std::size_t k = degree; k > 0; --k) input[i][k] = input[i][k - 1] - p[j] * input[i][k];
        input[i][0] *= -p[j];
        if (i + 1 < N) scale *= p[i] - p[j];
      }
      double power = 1 / scale;
      for (std::size_t t = 0; t < T; ++t) {
        weight[i][t] = i + 1 < N ? power : t + 1 == T ? 1 : 0;
        power *= i + 1 < N ? p[i] : 1;
      }
      power = 1;
      for (std::size_t y = 0; y < Y; ++y) {
        output[y][i] = i + 1 < N ? power : y + 1 == Y ? 1 : 0;
        power *= i + 1 < N ? p[i] : 1;
      }
    }
  }
};
template <int Y, int T>
inline constexpr Matrices<Y, T> matrices = {};

/// u [N, N] = G g G^T of weights g [T, T].
template <int Y, int T>
std::array<float, Matrices<Y, T>::N * Matrices<Y, T>::N> transform_weights(
    const std::array<std::array<float, T>, T>& g) {
  constexpr std::size_t N = Matrices<Y, T>::N;
  constexpr auto& weight = matrices<Y, T>.weight;
  std::array<float, N * N> u{};
  for (std::size_t i = 0; i < N; ++i) {
    double row[T] = {};
    for (std::size_t r = 0; r < T; ++r)
      for (std::size_t s = 0; s < T; ++s) row[s] += weight[i][r] * double{g[r][s]};
    for (std::size_t j = 0; j < N; ++j) {
      double sum = 0;
      for (std::size_t s = 0; s < T; ++s) sum += row[s] * weight[j][s];
      u[N * i + j] = static_cast<float>(sum);
    }
  }
  return u;
}

}  // namespace weir::kernels::winograd
