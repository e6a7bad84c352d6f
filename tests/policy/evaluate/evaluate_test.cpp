#include <doctest/doctest.h>

#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/models/threshold_model.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

/// A policy of random thresholds on the first features.
weir::Policy random_policy(const weir::Topology& topology, const weir::Trace& trace, std::uint64_t seed) {
  const weir::detail::GateInputs inputs = weir::detail::gate_inputs(topology, trace);
  weir::Policy policy{topology, {}};
  std::uint64_t counter = 1000;
  for (std::size_t k = 0; k < topology.size(); ++k) {
    if (topology.n_actions(k) == 1) {
      policy.gates.emplace_back();
      continue;
    }
    std::vector<weir::detail::GateModel> models;
    for (std::size_t m = 0; m < weir::Gate::n_pairs(topology.n_actions(k)); ++m) {
      const auto u = weir::detail::counter_uniform(seed, counter++);
      models.emplace_back("threshold", weir::detail::ThresholdModel{inputs.size(k), m % 3, u, u > 0.4 ? 1 : -1, 0});
    }
    policy.gates.emplace_back(topology.n_actions(k), inputs.size(k), std::move(models));
  }
  return policy;
}

}  // namespace

TEST_CASE("Policy: route and evaluate agree on random graphs, costs are sums along the way") {
  for (std::uint64_t seed = 0; seed < 15; ++seed) {
    const auto trace = weir_test::difficulty_trace(40, 1 + seed % 6, seed);
    const auto topology = weir_test::random_dag(trace, seed);
    const auto policy = random_policy(topology, trace, seed);
    const auto e = weir::evaluate(policy, trace);
    double excess = 0, difference = 0;
    for (std::size_t i = 0; i < trace.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      const auto way = weir::detail::route(policy, trace, i);
      CHECK(way.exit() == e.exit[i]);
      double seconds = 0;
      for (std::size_t v = 0; v < way.visited.size(); ++v) {
        seconds += trace.stages[way.visited[v]].cost;
        if (v == 0) continue;
        const auto& next = topology.stages[way.visited[v - 1]].next;
        CHECK(std::find(next.begin(), next.end(), way.visited[v]) != next.end());
      }
      CHECK(seconds == doctest::Approx(e.cost(row)));
      CHECK(e.loss(row) == trace.stages[way.exit()].loss(row));
      const double d = e.loss(row) - trace.stages.back().loss(row);
      difference += d;
      excess += d > 0 ? d : 0;
    }
    CHECK(e.mean_excess() == doctest::Approx(excess / 40));
    CHECK(e.mean_difference() == doctest::Approx(difference / 40));
    double shares = 0;
    for (const double s : e.shares(topology.size())) shares += s;
    CHECK(shares == doctest::Approx(1));
  }
}

TEST_CASE("Policy: a fixed policy sends all by the cheapest way") {
  const auto trace = weir_test::difficulty_trace(10, 4, 3);
  for (std::size_t exit = 0; exit < 4; ++exit) {
    const auto chain = weir::evaluate(weir::detail::fixed_policy(weir_test::chain_of(trace), trace, exit), trace);
    double prefix = 0;
    for (std::size_t k = 0; k <= exit; ++k) prefix += trace.stages[k].cost;
    CHECK(chain.exit == std::vector<std::size_t>(10, exit));
    CHECK(chain.mean_cost() == doctest::Approx(prefix));

    const auto direct = weir::evaluate(weir::detail::fixed_policy(weir_test::all_later_of(trace), trace, exit), trace);
    CHECK(direct.exit == std::vector<std::size_t>(10, exit));
    const double straight = trace.stages[0].cost + (exit > 0 ? trace.stages[exit].cost : 0);
    CHECK(direct.mean_cost() == doctest::Approx(straight));
  }
  CHECK_THROWS_AS(weir::detail::fixed_policy(weir_test::chain_of(trace), trace, 4), weir::ArgumentError);
  // Against every way of a random graph.
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto many = weir_test::difficulty_trace(2, 6, seed);
    const auto topology = weir_test::random_dag(many, seed);
    const auto least = weir::detail::cheapest_costs(topology, many);
    std::vector<double> expected(6, 1e9);
    const auto visit = [&](const auto& self, std::size_t k, double seconds) -> void {
      expected[k] = std::min(expected[k], seconds + many.stages[k].cost);
      for (const auto next : topology.stages[k].next) self(self, next, seconds + many.stages[k].cost);
    };
    visit(visit, 0, 0);
    for (std::size_t k = 0; k < 6; ++k) {
      CHECK(least[k] == doctest::Approx(expected[k]));
      const auto e = weir::evaluate(weir::detail::fixed_policy(topology, many, k), many);
      CHECK(e.exit == std::vector<std::size_t>(2, k));
      CHECK(e.mean_cost() == doctest::Approx(expected[k]));
    }
  }
}

TEST_CASE("MixedPolicy: picks by seed and id alone, in the asked share; the ends are pure") {
  const auto trace = weir_test::difficulty_trace(4000, 3, 1);
  const auto topology = weir_test::chain_of(trace);
  const auto fast = weir::detail::fixed_policy(topology, trace, 0),
             slow = weir::detail::fixed_policy(topology, trace, 2);
  const weir::MixedPolicy mix{fast, slow, 0.3, 5};
  const auto e = weir::evaluate(mix, trace, 100);
  for (std::size_t i = 0; i < trace.size(); ++i) CHECK((&mix.pick(100 + i) == &mix.a) == (e.exit[i] == 0));
  CHECK(e.shares(3)[0] == doctest::Approx(0.3).epsilon(0.1));
  CHECK(weir::evaluate(mix, trace, 100).exit == e.exit);
  CHECK(weir::evaluate(weir::MixedPolicy{fast, slow, 0.3, 6}, trace, 100).exit != e.exit);
  CHECK(weir::evaluate(weir::MixedPolicy{fast, slow, 1, 5}, trace).shares(3)[0] == 1);
  CHECK(weir::evaluate(weir::MixedPolicy{fast, slow, 0, 5}, trace).shares(3)[2] == 1);
  CHECK(weir::MixedPolicy::pure(fast).pick(7) == fast);
}

TEST_CASE("counter_uniform: known values, uniform, seeds and neighbours unrelated") {
  // From a few lines of Python, whose finaliser gives SplitMix64's published first output e220a8397b1dcdaf for seed 0.
  CHECK(weir::detail::counter_uniform(0, 0) == 0x1.2086089bfcf34p-2);
  CHECK(weir::detail::counter_uniform(1, 2) == 0x1.e31ad9d27ad9ep-1);
  CHECK(weir::detail::counter_uniform(~std::uint64_t{0}, 1000000000000) == 0x1.17b3c106181cep-2);
  const std::size_t n = 100000;
  for (const std::uint64_t seed : {0U, 1U, 12345U}) {
    double mean = 0, lag = 0, other = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double u = weir::detail::counter_uniform(seed, i);
      CHECK_MESSAGE((u >= 0 && u < 1), u);
      mean += u;
      lag += (u - 0.5) * (weir::detail::counter_uniform(seed, i + 1) - 0.5);
      other += (u - 0.5) * (weir::detail::counter_uniform(seed + 1, i) - 0.5);
    }
    CHECK(std::abs(mean / n - 0.5) < 0.004);    // 4 deviations
    CHECK(std::abs(lag / n) < 4.0 / 12 / 316);  // likewise
    CHECK(std::abs(other / n) < 4.0 / 12 / 316);
  }
}

TEST_CASE("Policy: what does not fit is refused") {
  const auto trace = weir_test::difficulty_trace(10, 3, 1);
  const auto topology = weir_test::chain_of(trace);
  auto policy = weir::detail::fixed_policy(topology, trace, 1);
  const weir::detail::GateInputs inputs = weir::detail::gate_inputs(topology, trace);
  policy.check(inputs);
  auto fewer = policy;
  fewer.gates.pop_back();
  CHECK_THROWS_AS(fewer.check(inputs), weir::ShapeError);
  auto wide = policy;
  wide.gates[1] = weir::Gate::constant(0, 2, 3);
  CHECK_THROWS_WITH_AS(wide.check(inputs), "policy, gate of stage 'stage1': 3 features, the stages give 9",
                       weir::ShapeError);
  wide.gates[1] = weir::Gate::constant(0, 3, 9);
  CHECK_THROWS_AS(wide.check(inputs), weir::ShapeError);
  CHECK_THROWS_AS(weir::evaluate(policy, weir_test::difficulty_trace(10, 4, 1)), weir::ShapeError);
  CHECK_THROWS_AS(weir::detail::score(trace, {0}, Eigen::VectorXd::Zero(1)), weir::ShapeError);
}

}  // namespace WEIR_UNIT
