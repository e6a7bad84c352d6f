#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <weir/core/kernels/micro/winograd_matrices.hpp>

namespace WEIR_UNIT {

namespace {

/// y = A^T ((G g) * (B^T d)) of unit weights and unit numbers is the correlation, for every pair: it is linear in both.
template <int Y, int T>
void check_correlation() {
  constexpr auto& m = weir::kernels::winograd::matrices<Y, T>;
  constexpr std::size_t N = Y + T - 1;
  for (std::size_t t = 0; t < T; ++t)
    for (std::size_t k = 0; k < N; ++k)
      for (std::size_t y = 0; y < Y; ++y) {
        double got = 0;
        for (std::size_t i = 0; i < N; ++i) got += m.output[y][i] * m.weight[i][t] * m.input[i][k];
        CHECK(std::abs(got - (k == y + t ? 1 : 0)) < 1e-12);
      }
}

}  // namespace

TEST_CASE("winograd: the matrices of every algorithm compute the correlation") {
  check_correlation<2, 2>();
  check_correlation<2, 3>();
  check_correlation<3, 2>();
  check_correlation<3, 3>();
  check_correlation<4, 3>();
  check_correlation<5, 3>();
  check_correlation<6, 2>();
}

TEST_CASE("winograd: a last weight of 0 leaves the point at infinity without a product") {
  constexpr auto& m = weir::kernels::winograd::matrices<4, 3>;
  for (std::size_t t = 0; t < 2; ++t) CHECK(m.weight[5][t] == 0);
  CHECK(m.weight[5][2] == 1);
  for (std::size_t i = 0; i < 5; ++i) CHECK(m.input[i][5] == 0);  // nothing else reads the last number
}

TEST_CASE("winograd: weights are transformed as G g G^T") {
  constexpr auto& m = weir::kernels::winograd::matrices<4, 3>;
  std::array<std::array<float, 3>, 3> g{};
  for (std::size_t i = 0; i < 9; ++i) g[i / 3][i % 3] = static_cast<float>(i * i) - 20;
  const auto u = weir::kernels::winograd::transform_weights<4, 3>(g);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 6; ++j) {
      double right = 0;
      for (std::size_t r = 0; r < 3; ++r)
        for (std::size_t s = 0; s < 3; ++s) right += m.weight[i][r] * double{g[r][s]} * m.weight[j][s];
      CHECK(double{u[6 * i + j]} == doctest::Approx(right).epsilon(1e-6));
    }
}

}  // namespace WEIR_UNIT
