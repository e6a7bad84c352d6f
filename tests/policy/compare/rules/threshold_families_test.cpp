#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/compare/rules/geometric_exits.hpp>
#include <weir/policy/compare/rules/greedy_thresholds.hpp>
#include <weir/policy/compare/rules/threshold_walk.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>

#include "../../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

/// The published procedure, example by example in the order of their confidence.
std::vector<double> geometric_slowly(const Eigen::MatrixXd& confidence, double q) {
  const auto n = static_cast<std::size_t>(confidence.rows());
  std::vector<double> share, thresholds;
  double sum = 0;
  for (Eigen::Index w = 0; w <= confidence.cols(); ++w) share.push_back(std::pow(q, static_cast<double>(w)));
  for (const double s : share) sum += s;
  std::vector<bool> filtered(n, false);
  for (Eigen::Index w = 0; w < confidence.cols(); ++w) {
    std::vector<std::size_t> order(n);
    for (std::size_t i = 0; i < n; ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return confidence(static_cast<Eigen::Index>(a), w) > confidence(static_cast<Eigen::Index>(b), w);
    });
    const auto wanted =
        static_cast<std::size_t>(std::floor(static_cast<double>(n) * (share[static_cast<std::size_t>(w)] / sum)));
    double threshold = weir::detail::never_exit;
    std::size_t count = 0;
    for (const std::size_t i : order) {
      if (filtered[i] || wanted == 0) continue;
      threshold = confidence(static_cast<Eigen::Index>(i), w);
      if (++count == wanted) break;
    }
    thresholds.push_back(threshold);
    for (std::size_t i = 0; i < n; ++i)
      if (confidence(static_cast<Eigen::Index>(i), w) >= threshold) filtered[i] = true;
  }
  return thresholds;
}

weir::detail::ThresholdWalk rounded_walk(std::size_t n, std::size_t stages, std::uint64_t seed, double grid) {
  auto trace = weir_test::difficulty_trace(n, stages, seed);
  for (auto& s : trace.stages) s.features = (s.features.array() * grid).round() / grid;
  return {weir_test::chain_of(trace), trace, {"max_probability", true}};
}

}  // namespace

TEST_CASE("geometric exits: thresholds equal the example-by-example procedure, with and without ties") {
  for (std::uint64_t seed = 0; seed < 6; ++seed)
    for (const double grid : {8.0, 1e9}) {
      const auto walk = rounded_walk(90, 2 + seed % 4, seed, grid);
      for (const double q : {0.001, 0.3, 0.9, 1.0, 1.7, 5.0, 1000.0})
        CHECK(weir::detail::geometric_thresholds(walk.confidence, q) == geometric_slowly(walk.confidence, q));
    }
  const auto walk = rounded_walk(90, 3, 1, 1e9);
  for (const double q : {0.0, -1.0, std::nan(""), HUGE_VAL})
    CHECK_THROWS_AS(weir::detail::geometric_thresholds(walk.confidence, q), weir::ArgumentError);
}

TEST_CASE("threshold walk: scoring thresholds is running the policy") {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const auto trace = weir_test::difficulty_trace(60, 4, seed);
    for (const auto& topology :
         {weir_test::chain_of(trace), weir_test::all_later_of(trace), weir_test::random_dag(trace, seed)})
      for (const weir::detail::Confidence& by :
           {weir::detail::Confidence{"max_probability", true}, weir::detail::Confidence{"entropy", false}}) {
        const weir::detail::ThresholdWalk walk(topology, trace, by);
        std::vector<double> thresholds, own;
        for (std::size_t w = 0; w + 1 < walk.stages.size(); ++w) {
          thresholds.push_back(walk.confidence(static_cast<Eigen::Index>(7 * w + seed), static_cast<Eigen::Index>(w)));
          own.push_back(by.exit_when_high ? thresholds.back() : -thresholds.back());
        }
        const auto e = weir::evaluate(weir::detail::threshold_policy(topology, trace, by, own), trace);
        const auto score = walk.score(thresholds);
        CHECK(score.estimate.cost == doctest::Approx(e.mean_cost()).epsilon(1e-12));
        CHECK(score.estimate.loss == doctest::Approx(e.mean_loss()).epsilon(1e-12));
        CHECK(score.estimate.excess == doctest::Approx(e.mean_excess()).epsilon(1e-12));
        CHECK(score.estimate.difference == doctest::Approx(e.mean_difference()).epsilon(1e-12));
        CHECK(score.regressions == weir::paired_counts(e).regressions);
        own.push_back(0);
        CHECK_THROWS_AS(weir::detail::threshold_policy(topology, trace, by, own), weir::ShapeError);
      }
  }
}

TEST_CASE("greedy thresholds: every move is the best of all moves, judged anew") {
  for (std::uint64_t seed = 0; seed < 6; ++seed)
    for (const double grid : {6.0, 1e9}) {
      const auto walk = rounded_walk(70, 2 + seed % 3, seed, grid);
      const auto path = weir::detail::greedy_path(walk, 70);  // every value is a level
      const std::size_t gates = walk.stages.size() - 1;
      REQUIRE(path[0] == std::vector<double>(gates, weir::detail::never_exit));
      REQUIRE(path.size() > 2);
      for (std::size_t m = 0; m < path.size(); ++m) {
        const auto now = walk.score(path[m]).estimate;
        double best_ratio = -1, best_free = 0;  // seconds per loss of the moves that add loss; saving of the others
        for (std::size_t w = 0; w < gates; ++w)
          for (Eigen::Index i = 0; i < walk.n(); ++i) {
            auto lower = path[m];
            lower[w] = walk.confidence(i, static_cast<Eigen::Index>(w));
            if (lower[w] >= path[m][w]) continue;
            const auto then = walk.score(lower).estimate;
            const double saved = now.cost - then.cost, added = then.excess - now.excess;
            if (saved < 1e-12) continue;
            if (added < 1e-12) best_free = std::max(best_free, saved);
            if (added >= 1e-12) best_ratio = std::max(best_ratio, saved / added);
          }
        if (m + 1 == path.size()) {
          CHECK(best_ratio < 0);
          CHECK(best_free == 0);
          continue;
        }
        const auto next = walk.score(path[m + 1]).estimate;
        const double saved = now.cost - next.cost, added = next.excess - now.excess;
        if (best_free > 0)
          CHECK(saved == doctest::Approx(best_free).epsilon(1e-9));
        else
          CHECK(saved / added == doctest::Approx(best_ratio).epsilon(1e-9));
      }
    }
}

}  // namespace WEIR_UNIT
