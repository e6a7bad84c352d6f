#include <doctest/doctest.h>

#include <cmath>
#include <vector>
#include <weir/core/examples.hpp>
#include <weir/core/isa.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/policy.hpp>

namespace WEIR_UNIT {

namespace {

std::vector<weir::detail::TradeoffPoint> random_points(std::size_t n, std::uint64_t seed) {
  std::vector<weir::detail::TradeoffPoint> points;
  // On a coarse grid, so that points and lines through points coincide.
  for (std::size_t i = 0; i < n; ++i)
    points.push_back({1 + std::floor(weir::detail::counter_uniform(seed, 2 * i) * 8),
                      std::floor(weir::detail::counter_uniform(seed, 2 * i + 1) * 8)});
  return points;
}

}  // namespace

TEST_CASE("lower_hull: by hand, with points inside an edge, dominated and doubled") {
  const std::vector<weir::detail::TradeoffPoint> points = {{1, 4}, {2, 3}, {3, 2}, {3, 5},
                                                           {5, 1}, {7, 1}, {1, 4}, {2, 3.5}};
  CHECK(weir::detail::lower_hull(points) == std::vector<std::size_t>{0, 2, 4});
  CHECK(weir::detail::lower_hull({}).empty());
  CHECK(weir::detail::lower_hull({{2, 2}}) == std::vector<std::size_t>{0});
  CHECK(weir::detail::lower_hull({{2, 2}, {1, 2}, {2, 1}, {1, 1}}) == std::vector<std::size_t>{3});
  CHECK_THROWS_AS(weir::detail::lower_hull({{1, std::nan("")}}), weir::ArgumentError);
}

TEST_CASE("lower_hull and the budgets on it: against all pairs of points") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto points = random_points(1 + seed % 9, seed);
    const auto hull = weir::detail::lower_hull(points);
    for (std::size_t v = 1; v < hull.size(); ++v) {
      CHECK(points[hull[v]].cost > points[hull[v - 1]].cost);
      CHECK(points[hull[v]].loss < points[hull[v - 1]].loss);
    }
    for (double budget = -0.5; budget < 9; budget += 0.25) {
      // The least over all mixes of two points.
      double seconds = INFINITY, loss = INFINITY;
      for (const auto& a : points)
        for (const auto& b : points) {
          if (a.loss <= budget) {
            seconds = std::min(seconds, a.cost);
          } else if (b.loss <= budget) {
            const double p = (budget - b.loss) / (a.loss - b.loss);
            seconds = std::min(seconds, p * a.cost + (1 - p) * b.cost);
          }
          if (a.cost <= budget) {
            loss = std::min(loss, a.loss);
          } else if (b.cost <= budget) {
            const double p = (budget - b.cost) / (a.cost - b.cost);
            loss = std::min(loss, p * a.loss + (1 - p) * b.loss);
          }
        }
      const auto by_loss = weir::detail::at_loss(points, hull, budget);
      CHECK(by_loss.has_value() == std::isfinite(seconds));
      if (by_loss) {
        CHECK(weir::detail::mixed(points, *by_loss).cost == doctest::Approx(seconds));
        CHECK(weir::detail::mixed(points, *by_loss).loss <= budget + 1e-12);
      }
      const auto by_seconds = weir::detail::at_cost(points, hull, budget);
      CHECK(by_seconds.has_value() == std::isfinite(loss));
      if (by_seconds) {
        CHECK(weir::detail::mixed(points, *by_seconds).loss == doctest::Approx(loss));
        CHECK(weir::detail::mixed(points, *by_seconds).cost <= budget + 1e-12);
      }
    }
  }
}

TEST_CASE("mean_loss_over_cost: by hand, and against a fine sum") {
  const std::vector<weir::detail::TradeoffPoint> points = {{1, 4}, {3, 2}, {5, 1}, {4, 4}};
  CHECK(weir::detail::mean_loss_over_cost(points, 1, 5) == doctest::Approx((6 + 3) / 4.0));
  CHECK(weir::detail::mean_loss_over_cost(points, 2, 3) == doctest::Approx(2.5));
  CHECK(weir::detail::mean_loss_over_cost(points, 5, 9) == doctest::Approx(1));
  CHECK(weir::detail::mean_loss_over_cost(points, 3, 7) == doctest::Approx((3 + 2) / 4.0));
  CHECK_THROWS_WITH_AS(weir::detail::mean_loss_over_cost(points, 0.5, 2), doctest::Contains("fastest point's cost"),
                       weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::mean_loss_over_cost(points, 2, 2), weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::mean_loss_over_cost({}, 1, 2), weir::ArgumentError);
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const auto random = random_points(6, seed);
    const auto hull = weir::detail::lower_hull(random);
    const double from = random[hull[0]].cost + 0.3, to = from + 4;
    double sum = 0;
    for (int i = 0; i < 4000; ++i)
      sum += weir::detail::mixed(random, *weir::detail::at_cost(random, hull, from + (i + 0.5) / 1000)).loss / 4000;
    CHECK(weir::detail::mean_loss_over_cost(random, from, to) == doctest::Approx(sum).epsilon(1e-4));
  }
}

}  // namespace WEIR_UNIT
