#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/micro/list.hpp>
#include <weir/core/kernels/micro/winograd_matrices.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

namespace winograd = weir::kernels::winograd;

namespace {

constexpr float untouched = 12345.5F;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// The kernels of N multiplications each way: Y outputs of T weights, stride S, of plain images if N is 7.
template <int y, int t, int s>
struct Form {
  static constexpr int Y = y, T = t, S = s, N = y + t - 1;
  static constexpr bool plain = N == 7;
};

/// A * B * transpose of A.
template <class Matrix>
std::vector<double> sandwich(const Matrix& a, const std::vector<double>& b) {
  const std::size_t n = a[0].size();
  std::vector<double> out;
  for (const auto& left : a)
    for (const auto& right : a) {
      double sum = 0;
      for (std::size_t r = 0; r < n; ++r)
        for (std::size_t s = 0; s < n; ++s) sum += left[r] * b[r * n + s] * right[s];
      out.push_back(sum);
    }
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("micro-kernels: a row of tiles on its way in is what the matrices say, zeros in the padding", Of,
                   Form<2, 2, 2>, Form<2, 3, 1>, Form<4, 2, 2>, Form<4, 3, 1>, Form<4, 4, 2>) {
  constexpr std::int64_t N = Of::N, S = Of::S;
  std::mt19937 random(9);
  struct Image {
    std::int64_t H, W, top, left, across, rows;
  };
  std::vector<Image> images = {{1, 1, 0, 0, 1, 1},      {3, 5, -1, -1, 2, 3},    {20, 40, 3, 2, 3, 20},
                               {20, 40, 15, -3, 6, 20}, {9, 160, -2, -1, 21, 9}, {9, 300, 1, 0, 37, 9},
                               {9, 20, -12, 0, 2, 9},   {40, 30, 11, 1, 3, 17}};
  for (std::int64_t side = 4; side < 17; ++side) {  // whose edges lie in a tile, beside it and at its border
    images.push_back({20, side, 1, 0, 2, 20});
    images.push_back({side, 20, 0, 1, 2, side});
  }
  for (const weir::Isa isa : kernels_test::isas())
    for (const Image& i : images) {
      const std::int64_t L = weir::lanes(isa), pixel = Of::plain ? 1 : L;
      // Only plain images come in rings of rows; what a row of tiles sees of them is there.
      if (i.rows != i.H && !Of::plain) continue;
      const auto whole = kernels_test::noise(i.H * i.W * pixel, random);
      std::vector<float> x(at(i.rows * i.W * pixel));
      for (std::int64_t r = std::max<std::int64_t>(0, i.top);
           r < std::min(i.H, std::max<std::int64_t>(0, i.top) + i.rows); ++r)
        std::copy_n(whole.begin() + r * i.W * pixel, i.W * pixel, x.begin() + r % i.rows * i.W * pixel);
      const std::int64_t phase = i.across * pixel + 5, position = S * S * phase + 3;
      std::vector<float> to(at(N * N * position), untouched);
      weir::kernels::microkernels(isa).winograd_row(N)(
          {x.data(), i.H, i.W, i.rows, i.top, i.left, to.data(), position, phase}, i.across);
      double worst = 0;
      std::vector<bool> written(to.size());
      for (std::int64_t t = 0; t < i.across; ++t)
        for (std::int64_t f = 0; f < S * S; ++f)
          for (std::int64_t u = 0; u < pixel; ++u) {
            std::vector<double> d(at(N * N));
            for (std::int64_t k = 0; k < N * N; ++k) {
              const std::int64_t row = i.top + S * (k / N) + f / S, column = i.left + S * (Of::Y * t + k % N) + f % S;
              if (row >= 0 && row < i.H && column >= 0 && column < i.W)
                d[at(k)] = double{whole[at((row * i.W + column) * pixel + u)]};
            }
            const std::vector<double> wanted = sandwich(winograd::matrices<Of::Y, Of::T>.input, d);
            for (std::int64_t k = 0; k < N * N; ++k) {
              // Odd phases have no part in the last position of their direction.
              if ((f / S == 1 && k / N == N - 1) || (f % S == 1 && k % N == N - 1)) continue;
              const std::size_t place = at(k * position + f * phase + t * pixel + u);
              written[place] = true;
              worst = std::max(worst, std::abs(wanted[at(k)] - double{to[place]}));
            }
          }
      INFO(weir::to_string(isa), ", N = ", N, ", ", i.H, " by ", i.W, " from ", i.top, ", ", i.left);
      CHECK(worst < 2e-5);
      bool intact = true;
      for (std::size_t k = 0; k < to.size(); ++k) intact = intact && (written[k] || to[k] == untouched);
      CHECK(intact);
    }
}

TEST_CASE_TEMPLATE(
    "micro-kernels: a tile on its way out is what the matrices say, clamped; one that overflowed is left", Of,
    Form<2, 2, 2>, Form<2, 3, 1>, Form<4, 2, 2>, Form<4, 3, 1>, Form<4, 4, 2>) {
  constexpr std::int64_t N = Of::N, Y = Of::Y;
  std::mt19937 random(10);
  for (const weir::Isa isa : kernels_test::isas())
    for (std::int64_t rows = 1; rows <= Y; ++rows)
      for (std::int64_t columns = 1; columns <= Y; ++columns)
        for (const bool adds : {false, true}) {
          const std::int64_t L = weir::lanes(isa), position = L + 3, pitch = Y * L + 7;
          auto sums = kernels_test::noise(N * N * position, random);
          const auto bias = kernels_test::noise(L, random), residual = kernels_test::noise(Y * pitch, random);
          const weir::kernels::Clamp clamp{-1.5F, 2};
          std::vector<float> y(at(Y * pitch), untouched);
          const winograd::OutputTile tile{sums.data(), position, bias.data(), adds ? residual.data() : nullptr,
                                          y.data(),    pitch,    rows,        columns,
                                          clamp};
          const auto kernel = weir::kernels::microkernels(isa).winograd_tile(N);
          CHECK(kernel(tile));
          double worst = 0;
          for (std::int64_t u = 0; u < L; ++u) {
            std::vector<double> m(at(N * N));
            for (std::int64_t k = 0; k < N * N; ++k) m[at(k)] = double{sums[at(k * position + u)]};
            const std::vector<double> wanted = sandwich(winograd::matrices<Of::Y, Of::T>.output, m);
            for (std::int64_t k = 0; k < Y * pitch; ++k) {
              const std::int64_t i = k / pitch, j = k % pitch / L;
              if (k % pitch % L != u || i >= rows || j >= columns) continue;
              double v = wanted[at(i * Y + j)] + double{bias[at(u)]};
              if (adds) v += double{residual[at(k)]};
              worst = std::max(worst, std::abs(double{clamp(static_cast<float>(v))} - double{y[at(k)]}));
              y[at(k)] = untouched;
            }
          }
          CHECK(worst < 2e-4);
          const auto clean = [&] { return std::ranges::all_of(y, [](float v) { return v == untouched; }); };
          CHECK(clean());
          for (const float odd : {NAN, INFINITY, -INFINITY, 1e25F}) {
            float& one = sums[random() % sums.size() / at(position) * at(position) + random() % at(L)];
            const float before = one;
            one = odd;
            CHECK_FALSE(kernel(tile));
            CHECK(clean());
            one = before;
          }
        }
}

}  // namespace WEIR_UNIT
