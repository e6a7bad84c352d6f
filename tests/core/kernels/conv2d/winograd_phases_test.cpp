#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>
#include <weir/core/kernels/conv2d/winograd_phases.hpp>
#include <weir/core/kernels/micro/winograd_matrices.hpp>

namespace WEIR_UNIT {

namespace winograd = weir::kernels::winograd;

namespace {

std::mt19937 random_bits(1);

double uniform() { return std::uniform_real_distribution<double>(-1, 1)(random_bits); }

/// A * B * transpose of A, for a square B in the order of rows.
template <class Matrix>
std::vector<double> sandwich(const Matrix& a, const std::vector<double>& b) {
  const std::size_t rows = a.size(), n = a[0].size();
  std::vector<double> out;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < rows; ++j) {
      double sum = 0;
      for (std::size_t r = 0; r < n; ++r)
        for (std::size_t s = 0; s < n; ++s) sum += a[i][r] * b[r * n + s] * a[j][s];
      out.push_back(sum);
    }
  return out;
}

/// A K x K convolution of stride S, Y x Y outputs at a time.
template <int y, int s, int k>
struct Form {
  static constexpr int Y = y, S = s, K = k;
  using P = winograd::Phases<Y, S, K>;
};

}  // namespace

TEST_CASE_TEMPLATE("Winograd: the products of all positions and phases add up", Of, winograd::Phases<4, 1, 3>,
                   winograd::Phases<2, 2, 3>, winograd::Phases<4, 2, 3>, winograd::Phases<4, 2, 7>) {
  std::int64_t before = 0;
  for (std::int64_t p = 0; p < Of::positions; ++p) {
    CHECK(Of::products_before(p) == before);
    const int kind = Of::kind_of(p);
    std::int64_t with_part = 0;
    for (int f = 0; f < Of::phases; ++f) with_part += Of::has_part(f, kind);
    CHECK(Of::products_at(kind) == with_part);
    before += with_part;
  }
  CHECK(before == Of::products);
  // At infinity, the last position, stands the last weight of each phase: none where it has no part.
  constexpr auto taps = static_cast<std::size_t>(Of::T);
  std::vector<float> weights(taps * taps * 4, 0.0F);
  for (float& w : weights) w = static_cast<float>(uniform());
  for (int f = 0; f < Of::phases; ++f) {
    const auto u = Of::transform(weights.data(), f);
    if (Of::has_part(f, Of::kind_of(Of::positions - 1)))
      CHECK(u.back() != 0);
    else
      CHECK(u.back() == 0);
  }
}

TEST_CASE_TEMPLATE("Winograd: the weights of a phase are every second one, transformed by the matrix", Of,
                   Form<4, 1, 3>, Form<2, 1, 3>, Form<2, 2, 3>, Form<4, 2, 3>, Form<4, 2, 7>) {
  using P = typename Of::P;
  constexpr std::size_t T = P::T, K = Of::K, S = Of::S;
  std::vector<float> weights(K * K);
  for (float& w : weights) w = static_cast<float>(uniform());
  for (std::size_t f = 0; f < P::phases; ++f) {
    std::vector<double> part(T * T);
    for (std::size_t i = f / S; i < K; i += S)
      for (std::size_t j = f % S; j < K; j += S) part[i / S * T + j / S] = double{weights[i * K + j]};
    const std::vector<double> wanted = sandwich(winograd::matrices<Of::Y, P::T>.weight, part);
    const auto u = P::transform(weights.data(), static_cast<int>(f));
    REQUIRE(u.size() == wanted.size());
    for (std::size_t p = 0; p < wanted.size(); ++p) CHECK(std::abs(double{u[p]} - wanted[p]) < 2e-6);
  }
}

TEST_CASE_TEMPLATE("Winograd: the phases that have a part in each position make the strided convolution", Of,
                   Form<4, 1, 3>, Form<2, 1, 3>, Form<2, 2, 3>, Form<4, 2, 3>, Form<4, 2, 7>) {
  using P = typename Of::P;
  constexpr std::size_t N = P::N, K = Of::K, S = Of::S, Y = Of::Y, side = S * N;
  constexpr auto& matrices = winograd::matrices<Of::Y, P::T>;
  std::vector<double> x(side * side);
  std::vector<float> weights(K * K);
  for (double& v : x) v = uniform();
  for (float& w : weights) w = static_cast<float>(uniform());
  std::vector<double> sums(P::positions);
  std::int64_t products = 0;
  for (std::size_t f = 0; f < P::phases; ++f) {
    std::vector<double> phase(N * N);
    for (std::size_t i = 0; i < N; ++i)
      for (std::size_t j = 0; j < N; ++j) phase[i * N + j] = x[(S * i + f / S) * side + S * j + f % S];
    const std::vector<double> v = sandwich(matrices.input, phase);
    const auto u = P::transform(weights.data(), static_cast<int>(f));
    for (std::size_t p = 0; p < P::positions; ++p)
      if (P::has_part(static_cast<int>(f), P::kind_of(static_cast<std::int64_t>(p)))) {
        sums[p] += v[p] * double{u[p]};
        ++products;
      }
  }
  CHECK(products == P::products);
  const std::vector<double> y = sandwich(matrices.output, sums);
  for (std::size_t i = 0; i < Y; ++i)
    for (std::size_t j = 0; j < Y; ++j) {
      double wanted = 0;
      for (std::size_t r = 0; r < K; ++r)
        for (std::size_t s = 0; s < K; ++s) wanted += x[(S * i + r) * side + S * j + s] * double{weights[r * K + s]};
      CHECK(std::abs(y[i * Y + j] - wanted) < 1e-4);
    }
}

}  // namespace WEIR_UNIT
