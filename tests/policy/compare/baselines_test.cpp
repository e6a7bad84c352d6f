#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <weir/core/isa.hpp>
#include <weir/policy/compare/baselines.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/compare/rules/patience.hpp>
#include <weir/policy/compare/rules/shared_threshold.hpp>
#include <weir/policy/compare/rules/threshold_walk.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("baselines: one network alone costs its own seconds") {
  const auto trace = weir_test::difficulty_trace(20, 3, 1);
  const auto e = weir::detail::single_network(trace, 1);
  CHECK(e.mean_cost() == doctest::Approx(trace.stages[1].cost));
  CHECK(e.mean_loss() == doctest::Approx(trace.stages[1].loss.mean()));
  CHECK(weir::detail::single_network(trace, 2, 0.125).mean_cost() == 0.125);
  CHECK_THROWS_AS(weir::detail::single_network(trace, 3), std::out_of_range);
}

TEST_CASE("baselines: random exit keeps the exits and times, not who has them") {
  const auto trace = weir_test::difficulty_trace(400, 3, 1);
  const auto topology = weir_test::chain_of(trace);
  const auto e = weir::evaluate(weir::detail::threshold_policy(topology, trace, {"max_probability", true}, 0.6), trace);
  const auto dealt = weir::detail::random_exit(trace, e, 1);
  CHECK(dealt.exit != e.exit);
  CHECK(dealt.exit == weir::detail::random_exit(trace, e, 1).exit);
  CHECK(dealt.exit != weir::detail::random_exit(trace, e, 2).exit);
  CHECK(dealt.shares(3) == e.shares(3));
  CHECK(dealt.mean_cost() == doctest::Approx(e.mean_cost()));
  for (std::size_t i = 0; i < 400; ++i) {
    double prefix = 0;
    for (std::size_t k = 0; k <= dealt.exit[i]; ++k) prefix += trace.stages[k].cost;
    CHECK(dealt.cost(static_cast<Eigen::Index>(i)) == doctest::Approx(prefix));
  }
  // On average over deals: the stages' losses by their shares.
  double loss = 0, expected = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) loss += weir::detail::random_exit(trace, e, seed).mean_loss() / 300;
  for (std::size_t k = 0; k < 3; ++k) expected += e.shares(3)[k] * trace.stages[k].loss.mean();
  CHECK(loss == doctest::Approx(expected).epsilon(0.02));
  CHECK(e.mean_loss() < expected);  // confidence knows something
}

TEST_CASE("baselines: a threshold policy exits at the first stage that is sure, on chains and in graphs") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto trace = weir_test::difficulty_trace(50, 2 + seed % 5, seed);
    for (const auto& topology :
         {weir_test::chain_of(trace), weir_test::all_later_of(trace), weir_test::random_dag(trace, seed)}) {
      const auto walk = weir::detail::nearest_walk(topology);
      for (const auto& confidence : weir::detail::known_confidences()) {
        const std::size_t column = confidence.feature == "max_probability" ? 0
                                   : confidence.feature == "entropy"       ? 1
                                                                           : 2;
        // A value that occurs, so that equality is met.
        const double t = trace.stages[0].features(7, static_cast<Eigen::Index>(column));
        const auto e = weir::evaluate(weir::detail::threshold_policy(topology, trace, confidence, t), trace);
        for (std::size_t i = 0; i < 50; ++i) {
          std::size_t expected = walk.back();
          double seconds = 0;
          for (const std::size_t k : walk) {
            const double x = trace.stages[k].features(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(column));
            seconds += trace.stages[k].cost;
            if (confidence.exit_when_high ? x >= t : x <= t) {
              expected = k;
              break;
            }
          }
          CHECK(e.exit[i] == expected);
          CHECK(e.cost(static_cast<Eigen::Index>(i)) == doctest::Approx(seconds));
        }
      }
    }
  }
  const auto trace = weir_test::difficulty_trace(5, 2, 1);
  CHECK_THROWS_WITH_AS(weir::detail::threshold_policy(weir_test::chain_of(trace), trace, {"energy", true}, 0),
                       "stage 'stage0' has no feature 'energy'", weir::ArgumentError);
}

TEST_CASE("baselines: patience exits once so many stages in a row agree") {
  const auto trace = weir_test::difficulty_trace(200, 6, 4);
  for (const auto& topology : {weir_test::chain_of(trace), weir_test::all_later_of(trace)})
    for (std::size_t patience = 0; patience <= 6; ++patience) {
      const auto e = weir::evaluate(weir::detail::patience_policy(topology, trace, patience), trace);
      for (std::size_t i = 0; i < 200; ++i) {
        std::size_t in_a_row = 0, k = 0;
        while (k < 5 && in_a_row < patience) {
          ++k;
          in_a_row = trace.stages[k].prediction[i] == trace.stages[k - 1].prediction[i] ? in_a_row + 1 : 0;
        }
        CHECK(e.exit[i] == k);
      }
    }
  weir::Topology skip = weir_test::chain_of(trace);
  skip.stages[0].next = {1};
  skip.stages[1].next = {3};
  skip.stages[0].next = {1, 2};
  CHECK_THROWS_AS(weir::detail::patience_policy(skip, trace, 1), weir::ArgumentError);
}

TEST_CASE("baselines: tuning finds the best of all thresholds") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    auto trace = weir_test::difficulty_trace(60, 3, seed);
    for (auto& s : trace.stages) s.features = (s.features.array() * 16).round() / 16;  // ties
    const auto topology = seed % 2 == 0 ? weir_test::chain_of(trace) : weir_test::all_later_of(trace);
    for (const auto& confidence : weir::detail::known_confidences())
      for (const weir::Budget& budget :
           {weir::Budget{.value = 0}, weir::Budget{.value = 0.05}, weir::Budget{.value = 0.2},
            weir::Budget{.on = weir::BudgetOn::difference, .value = 0.03},
            weir::Budget{.on = weir::BudgetOn::cost, .value = 3.5e-4},
            weir::Budget{.on = weir::BudgetOn::cost, .value = 5e-5}}) {
        double best = INFINITY;
        for (int cut = -33; cut <= 130; ++cut) {
          const auto e = weir::evaluate(weir::detail::threshold_policy(topology, trace, confidence, cut / 32.0), trace);
          const auto estimate = weir::Estimate::of(e);
          if (budget.on == weir::BudgetOn::cost) {
            if (estimate.cost <= budget.value) best = std::min(best, estimate.excess);
          } else if (weir::detail::risk(estimate, budget.on) <= budget.value) {
            best = std::min(best, estimate.cost);
          }
        }
        const auto rule = weir::detail::tune_threshold(topology, trace, confidence, budget);
        CHECK(rule.has_value() == std::isfinite(best));
        if (!rule) continue;
        CHECK((budget.on == weir::BudgetOn::cost ? rule->calibration.excess : rule->calibration.cost) ==
              doctest::Approx(best).epsilon(1e-12));
        CHECK(weir::Estimate::of(weir::evaluate(rule->policy, trace)).cost == rule->calibration.cost);
      }
  }
}

TEST_CASE("baselines: with an upper limit the limit holds at the chosen threshold and just fails behind it") {
  const auto trace = weir_test::difficulty_trace(900, 3, 2);
  const auto topology = weir_test::chain_of(trace);
  const weir::Budget budget{.value = 0.02, .margin = weir::Margin::upper_limit};
  const auto rule = weir::detail::tune_threshold(topology, trace, {"max_probability", true}, budget);
  REQUIRE(rule);
  const auto counts = weir::paired_counts(weir::evaluate(rule->policy, trace));
  CHECK(weir::clopper_pearson_upper(counts.regressions, 900) <= 0.02);
  CHECK(rule->calibration.cost < 0.95 * 9e-4);
  // One step of the threshold further down there is a failure before anything faster passes.
  double below = 0;
  for (const auto& s : trace.stages)
    for (Eigen::Index i = 0; i < 900; ++i)
      if (s.features(i, 0) < rule->parameter) below = std::max(below, s.features(i, 0));
  const auto next =
      weir::evaluate(weir::detail::threshold_policy(topology, trace, {"max_probability", true}, below), trace);
  CHECK(weir::clopper_pearson_upper(weir::paired_counts(next).regressions, 900) > 0.02);

  std::vector<Eigen::Index> few(30);
  for (std::size_t i = 0; i < few.size(); ++i) few[i] = static_cast<Eigen::Index>(i);
  const weir::Trace part = trace.rows(few);
  for (const auto& tuned : weir::tuned_rules({topology, part, part, budget}))
    CHECK(tuned.calibration.cost == doctest::Approx(9e-4));  // the full network needs no test
}

}  // namespace WEIR_UNIT
