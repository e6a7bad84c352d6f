#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>
#include <weir/core/kernels/micro/winograd_matrices.hpp>
#include <weir/core/kernels/micro/winograd_transforms.hpp>

namespace WEIR_UNIT {

namespace winograd = weir::kernels::winograd;

namespace {

std::mt19937 random_bits(1);

template <class T>
T uniform() {
  return std::uniform_real_distribution<T>(-1, 1)(random_bits);
}

template <class Matrix, class V>
std::vector<double> times(const Matrix& matrix, const V& v) {
  std::vector<double> out;
  for (const auto& row : matrix) {
    double sum = 0;
    for (std::size_t j = 0; j < row.size(); ++j) sum += row[j] * static_cast<double>(v[j]);
    out.push_back(sum);
  }
  return out;
}

/// Y outputs by T weights.
template <int y, int t>
struct Sizes {
  static constexpr int Y = y, T = t, N = y + t - 1;
};
#define ALL_SIZES Sizes<4, 3>, Sizes<2, 3>, Sizes<4, 2>, Sizes<2, 2>, Sizes<4, 4>

}  // namespace

TEST_CASE_TEMPLATE("Winograd: the matrices make a correlation", Of, ALL_SIZES) {
  constexpr auto& m = winograd::matrices<Of::Y, Of::T>;
  std::array<double, Of::N> d;
  std::array<double, Of::T> g;
  for (double& v : d) v = uniform<double>();
  for (double& v : g) v = uniform<double>();
  std::vector<double> product = times(m.input, d);
  const std::vector<double> u = times(m.weight, g);
  for (std::size_t i = 0; i < d.size(); ++i) product[i] *= u[i];
  const std::vector<double> y = times(m.output, product);
  for (std::size_t i = 0; i < Of::Y; ++i) {
    double sum = 0;
    for (std::size_t t = 0; t < Of::T; ++t) sum += d[i + t] * g[t];
    CHECK(y[i] == doctest::Approx(sum).epsilon(1e-12));
  }
}

TEST_CASE_TEMPLATE("Winograd: the fast transforms are the matrices", Of, ALL_SIZES) {
  constexpr auto& matrices = winograd::matrices<Of::Y, Of::T>;
  constexpr std::size_t Y = Of::Y, N = Of::N, T = Of::T;
  for (int round = 0; round < 100; ++round) {
    float d[N], m[N], y[Y];
    for (std::size_t i = 0; i < N; ++i) d[i] = m[i] = uniform<float>();
    const std::vector<double> input = times(matrices.input, d), output = times(matrices.output, m);
    winograd::transform_input(d);
    winograd::transform_output(m, y);
    for (std::size_t i = 0; i < N; ++i) CHECK(std::abs(double{d[i]} - input[i]) < 2e-6);
    for (std::size_t i = 0; i < Y; ++i) CHECK(std::abs(double{y[i]} - output[i]) < 2e-6);
    std::array<std::array<float, T>, T> g;
    for (auto& row : g)
      for (float& v : row) v = uniform<float>();
    const auto u = winograd::transform_weights<Of::Y, Of::T>(g);
    for (std::size_t i = 0; i < N; ++i)
      for (std::size_t j = 0; j < N; ++j) {
        double sum = 0;
        for (std::size_t r = 0; r < T; ++r)
          for (std::size_t s = 0; s < T; ++s) sum += matrices.weight[i][r] * matrices.weight[j][s] * double{g[r][s]};
        CHECK(std::abs(double{u[N * i + j]} - sum) < 2e-6);
      }
  }
}

TEST_CASE_TEMPLATE("Winograd: what is not finite shows in the first or the last number of a transform", Of, ALL_SIZES) {
  for (std::size_t i = 0; i < Of::N; ++i)
    for (const float odd : {NAN, INFINITY, -INFINITY}) {
      float d[Of::N];
      for (float& v : d) v = uniform<float>();
      d[i] = odd;
      winograd::transform_input(d);
      CHECK((!std::isfinite(d[0]) || !std::isfinite(d[Of::N - 1])));
      // Of odd phases, whose last pixel has no part, in the first.
      if (i + 1 < Of::N && Of::N % 2 == 1) CHECK(!std::isfinite(d[0]));
    }
}

}  // namespace WEIR_UNIT
