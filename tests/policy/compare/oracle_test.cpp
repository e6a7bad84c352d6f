#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/compare/oracle.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/hinge_solver.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

weir::Trace with_soft_losses(weir::Trace trace, std::uint64_t seed) {
  std::uint64_t counter = 0;
  for (auto& s : trace.stages)
    for (Eigen::Index i = 0; i < s.loss.size(); ++i)
      s.loss(i) = std::round(4 * (s.loss(i) + weir::detail::counter_uniform(seed, counter++))) / 4;
  return trace;
}

}  // namespace

TEST_CASE("oracle: no policy is below it, and it is one way of each example") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const auto trace = weir_test::difficulty_trace(80, 5, seed);
    const auto topology = weir_test::random_dag(trace, seed);
    for (const auto side : {weir::detail::LossSide::excess, weir::detail::LossSide::difference})
      for (const double lambda : {0.0, 1e-4, 1e-3, 1e-1}) {
        const auto oracle = weir::lagrangian_oracle(topology, trace, lambda, side);
        const double least = weir::detail::lagrangian(oracle, lambda, side);
        // Every way leads to a stage; the cheapest way to each is all that counts.
        const auto seconds = weir::detail::cheapest_costs(topology, trace);
        const auto R = weir::detail::charged_loss(trace, side);
        double expected = 0;
        for (Eigen::Index i = 0; i < 80; ++i) {
          double best = INFINITY;
          for (std::size_t k = 0; k < 5; ++k)
            best = std::min(best, seconds[k] + lambda * R(i, static_cast<Eigen::Index>(k)));
          expected += best / 80;
        }
        CHECK(least == doctest::Approx(expected).epsilon(1e-12));
        for (std::size_t k = 0; k < 5; ++k) {
          const auto fixed = weir::evaluate(weir::detail::fixed_policy(topology, trace, k), trace);
          CHECK(least <= weir::detail::lagrangian(fixed, lambda, side) + 1e-15);
        }
        const auto learned =
            weir::evaluate(weir::train(trace, topology, lambda, {.learner = "tree", .side = side}), trace);
        CHECK(least <= weir::detail::lagrangian(learned, lambda, side) + 1e-15);
      }
  }
}

TEST_CASE("oracle: without excess loss, the cheapest stage that is no worse") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto trace = with_soft_losses(weir_test::difficulty_trace(60, 4, seed), seed);
    const auto topology = seed % 2 == 0 ? weir_test::chain_of(trace) : weir_test::random_dag(trace, seed);
    const auto e = weir::zero_excess_oracle(topology, trace);
    const auto seconds = weir::detail::cheapest_costs(topology, trace);
    CHECK(e.mean_excess() == 0);
    for (std::size_t i = 0; i < 60; ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      for (std::size_t k = 0; k < 4; ++k)
        if (trace.stages[k].loss(row) <= trace.stages[3].loss(row)) CHECK(e.cost(row) <= seconds[k]);
    }
    CHECK(e.mean_cost() == doctest::Approx(weir::lagrangian_oracle(topology, trace, 1e9).mean_cost()));
  }
}

TEST_CASE("oracle: the budgeted one is the linear program's optimum, by duality") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto trace = with_soft_losses(weir_test::difficulty_trace(50, 5, seed), seed);
    const auto topology = seed % 2 == 0 ? weir_test::chain_of(trace) : weir_test::random_dag(trace, seed);
    for (const auto side : {weir::detail::LossSide::excess, weir::detail::LossSide::difference})
      for (const double budget : {0.0, 0.013, 0.1, 0.4, 5.0}) {
        const auto oracle = weir::budget_oracle(topology, trace, budget, side);
        CHECK(oracle.value.loss <= budget + 1e-12);
        // Strong duality: max over lambda of the Lagrangian's minimum less lambda budget. The maximum lies at the slope
        // of an edge: a ratio of differences of times and losses.
        const auto seconds = weir::detail::cheapest_costs(topology, trace);
        double dual = weir::lagrangian_oracle(topology, trace, 0).mean_cost();
        for (std::size_t a = 0; a < 5; ++a)
          for (std::size_t b = 0; b < 5; ++b)
            for (int quarters = 1; quarters <= 8; ++quarters) {
              const double lambda = (seconds[b] - seconds[a]) / (quarters / 4.0);
              if (!(lambda > 0)) continue;
              const auto e = weir::lagrangian_oracle(topology, trace, lambda, side);
              dual = std::max(dual, weir::detail::lagrangian(e, lambda, side) - lambda * budget);
            }
        CHECK(oracle.value.cost == doctest::Approx(dual).epsilon(1e-9));
        // The undivided one is feasible and within one example of it.
        const double charged = side == weir::detail::LossSide::excess ? oracle.evaluation.mean_excess()
                                                                      : oracle.evaluation.mean_difference();
        CHECK(charged <= budget + 1e-12);
        CHECK(oracle.evaluation.mean_cost() >= oracle.value.cost - 1e-15);
        CHECK(oracle.evaluation.mean_cost() <=
              oracle.value.cost + *std::max_element(seconds.begin(), seconds.end()) / 50);
      }
  }
}

TEST_CASE("oracle: a budget below the least possible and stages that differ are refused") {
  const auto trace = weir_test::difficulty_trace(30, 3, 1);
  CHECK_THROWS_AS(weir::budget_oracle(weir_test::chain_of(trace), trace, -0.1), weir::ArgumentError);
  CHECK_THROWS_AS(weir::lagrangian_oracle(weir::Topology::chain({"a"}), trace, 1), weir::ShapeError);
  CHECK_THROWS_AS(weir::zero_excess_oracle(weir::Topology::chain({"a"}), trace), weir::ShapeError);
}

TEST_CASE("oracle: below every learned policy on its calibration data at the same budget") {
  const auto fit = weir_test::difficulty_trace(300, 4, 1), calibration = weir_test::difficulty_trace(300, 4, 2);
  const auto topology = weir_test::all_later_of(fit);
  const weir::PolicyTrainer trainer(fit, topology, {});
  auto path = trainer.train_path(8);
  for (const double budget : {0.0, 0.005, 0.02, 0.1})
    CHECK(weir::budget_oracle(topology, calibration, budget).value.cost <=
          weir::choose(trainer, path, calibration, {.value = budget}).calibration.cost + 1e-15);
}

}  // namespace WEIR_UNIT
