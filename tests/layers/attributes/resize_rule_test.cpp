#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>
#include <weir/layers/attributes/resize_rule.hpp>

namespace WEIR_UNIT {

using weir::detail::ResizedAxis, weir::detail::ResizeRule;
using Coordinates = ResizeRule::Coordinates;
using Mode = ResizeRule::Mode;

namespace {

/// Row j: how much each element of the input counts in position j.
std::vector<std::vector<double>> matrix(const ResizeRule& rule, const ResizedAxis& a) {
  const auto n = static_cast<std::size_t>(rule.taps(a)), to = static_cast<std::size_t>(a.to);
  std::vector<float> index(n * to), weight(n * to);
  rule.fill(a, index.data(), weight.data());
  std::vector<std::vector<double>> rows(to, std::vector<double>(static_cast<std::size_t>(a.from)));
  for (std::size_t i = 0; i < n * to; ++i) {
    CHECK(index[i] >= 0);
    CHECK(index[i] < static_cast<float>(a.from));
    CHECK(index[i] == std::floor(index[i]));
    rows[i / n][static_cast<std::size_t>(index[i])] += double{weight[i]};
  }
  return rows;
}

ResizedAxis axis(std::int64_t from, std::int64_t to) {
  return {.from = from, .to = to, .scale = static_cast<float>(to) / static_cast<float>(from)};
}

}  // namespace

TEST_CASE("resize rules: weights of each position add up to 1, and one size to itself is a copy") {
  for (const Mode mode : {Mode::nearest, Mode::linear, Mode::cubic})
    for (const Coordinates c : {Coordinates::half_pixel, Coordinates::half_pixel_symmetric, Coordinates::pytorch,
                                Coordinates::align_corners, Coordinates::asymmetric, Coordinates::tf_crop})
      for (const bool antialias : {false, true})
        for (const bool exclude : {false, true})
          for (const std::int64_t from : {1, 2, 5, 16})
            for (const std::int64_t to : {1, 2, 3, 5, 16, 40}) {
              ResizeRule rule;
              rule.mode = mode, rule.coordinates = c, rule.antialias = antialias, rule.exclude_outside = exclude;
              const auto rows = matrix(rule, axis(from, to));
              INFO(static_cast<int>(mode), ", ", static_cast<int>(c), ", ", from, " to ", to);
              for (std::size_t j = 0; j < rows.size(); ++j) {
                double sum = 0;
                for (const double w : rows[j]) sum += w;
                CHECK(sum == doctest::Approx(1).epsilon(1e-4));
                // Of a single position some rules show the middle.
                if (from == to && from > 1) CHECK(rows[j][j] == doctest::Approx(1).epsilon(1e-4));
              }
            }
}

TEST_CASE("resize rules: linear ones give a ramp back, corners where they are aligned, and see all when smoothed") {
  ResizeRule rule;
  rule.mode = Mode::linear, rule.coordinates = Coordinates::align_corners;
  for (const std::int64_t to : {2, 3, 7, 20}) {
    const auto rows = matrix(rule, axis(6, to));
    for (std::size_t j = 0; j < rows.size(); ++j) {
      double value = 0;
      for (std::size_t i = 0; i < 6; ++i) value += rows[j][i] * static_cast<double>(i);
      CHECK(value == doctest::Approx(5.0 * static_cast<double>(j) / static_cast<double>(to - 1)).epsilon(1e-5));
    }
  }
  rule.coordinates = Coordinates::half_pixel;
  const auto thinned = matrix(rule, axis(12, 3));  // two neighbours of each centre only
  CHECK(thinned[0][0] == 0);
  rule.antialias = true;
  const auto smooth = matrix(rule, axis(12, 3));
  for (std::size_t i = 0; i < 12; ++i) CHECK(smooth[0][i] + smooth[1][i] + smooth[2][i] > 0);
  for (std::size_t i = 0; i < 12; ++i) CHECK(smooth[0][i] == doctest::Approx(smooth[2][11 - i]));
}

TEST_CASE("resize rules: which of two equally near elements is the nearest one") {
  using Nearest = ResizeRule::Nearest;
  ResizeRule rule;
  rule.coordinates = Coordinates::asymmetric;
  const auto nearest = [&](Nearest how, std::int64_t from, std::int64_t to) {
    rule.nearest = how;
    std::vector<std::int64_t> all;
    for (const auto& row : matrix(rule, axis(from, to)))
      for (std::size_t i = 0; i < row.size(); ++i)
        if (row[i] == 1) all.push_back(static_cast<std::int64_t>(i));
    return all;
  };
  // Positions 0, 0.5, 1, 1.5, 2, 2.5.
  CHECK(nearest(Nearest::round_prefer_floor, 3, 6) == std::vector<std::int64_t>{0, 0, 1, 1, 2, 2});
  CHECK(nearest(Nearest::round_prefer_ceil, 3, 6) == std::vector<std::int64_t>{0, 1, 1, 2, 2, 2});
  CHECK(nearest(Nearest::floor, 3, 6) == std::vector<std::int64_t>{0, 0, 1, 1, 2, 2});
  CHECK(nearest(Nearest::ceil, 3, 6) == std::vector<std::int64_t>{0, 1, 1, 2, 2, 2});
  CHECK(nearest(Nearest::opset_10, 3, 6) == std::vector<std::int64_t>{0, 0, 1, 1, 2, 2});
  // Positions 0, 1.5, 3, 4.5.
  CHECK(nearest(Nearest::floor, 6, 4) == std::vector<std::int64_t>{0, 1, 3, 4});
  CHECK(nearest(Nearest::opset_10, 6, 4) == std::vector<std::int64_t>{0, 2, 3, 5});
}

TEST_CASE("resize rules: a cubic filter gives a parabola back inside, and what lies outside is left out if asked for") {
  ResizeRule rule;
  rule.mode = Mode::cubic, rule.cubic_a = -0.5F;  // the one that keeps parabolas
  const auto rows = matrix(rule, axis(10, 25));
  for (std::size_t j = 4; j < 21; ++j) {
    const double x = (static_cast<double>(j) + 0.5) / 2.5 - 0.5;
    double value = 0;
    for (std::size_t i = 0; i < 10; ++i) value += rows[j][i] * static_cast<double>(i * i);
    CHECK(value == doctest::Approx(x * x).epsilon(1e-4));
  }
  rule.exclude_outside = true;
  const auto inside = matrix(rule, axis(10, 25));
  CHECK(inside[0][0] != doctest::Approx(rows[0][0]));
  CHECK(inside[12][4] == doctest::Approx(rows[12][4]));
}

}  // namespace WEIR_UNIT
