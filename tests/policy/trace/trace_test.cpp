#include <doctest/doctest.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

using weir::Trace;

namespace {

/// Two exits and the end of network a, an exit and the end of network b, all of known costs.
Trace two_networks() {
  Trace t = weir_test::difficulty_trace(20, 5, 3);
  const double seconds[] = {4, 3, 5, 8, 6}, answer[] = {1, 0.5, 0.25, 2, 0};
  for (std::size_t k = 0; k < 5; ++k) {
    t.stages[k].network = k < 3 ? "a" : "b";
    t.stages[k].cost = seconds[k];
    t.stages[k].answer_cost = answer[k];
  }
  return t;
}

}  // namespace

TEST_CASE("Trace: a step runs the layers between, not the answers that it passes") {
  const Trace t = two_networks();
  t.check();
  CHECK(t.step_cost(std::nullopt, 0) == 4);
  CHECK(t.step_cost(0, 1) == 3);
  CHECK(t.step_cost(0, 2) == 2.5 + 5);
  CHECK(t.step_cost(std::nullopt, 2) == 3 + 2.5 + 5);
  CHECK(t.step_cost(2, 3) == 8);
  CHECK(t.step_cost(0, 4) == 6 + 6);  // from the start of b
  Trace apart = t;
  for (auto& s : apart.stages) s.network.clear();
  for (std::size_t k = 1; k < 5; ++k) CHECK(apart.step_cost(0, k) == apart.stages[k].cost);
}

TEST_CASE("Trace: select costs what the whole trace says of the same path") {
  const Trace t = two_networks();
  const Trace some = t.select({1, 2, 4});
  some.check();
  REQUIRE(some.stages.size() == 3);
  CHECK(some.stages[0].name == "stage1");
  CHECK(some.stages[0].cost == 3 + 3);
  CHECK(some.stages[1].cost == 5);
  CHECK(some.stages[2].cost == 6 + 6);
  CHECK(some.step_cost(0, 2) == t.step_cost(1, 4));
  CHECK(some.step_cost(std::nullopt, 1) == t.step_cost(std::nullopt, 2));
  CHECK(some.stages[1].loss == t.stages[2].loss);
  for (const auto& bad : std::vector<std::vector<std::size_t>>{{}, {0, 1}, {2, 1, 4}, {1, 1, 4}, {0, 5}})
    CHECK_THROWS_AS(static_cast<void>(t.select(bad)), weir::ArgumentError);
}

TEST_CASE("Trace: rows keep what a stage costs") {
  const Trace t = two_networks().rows({3, 1});
  CHECK(t.size() == 2);
  CHECK(t.stages[3].network == "b");
  CHECK(t.stages[3].answer_cost == 2);
}

TEST_CASE("Trace: costs and their unit are replaced together, and go with rows and stages") {
  Trace t = two_networks();
  CHECK(t.cost_unit == "seconds");
  auto costs = t.costs();
  CHECK(costs[3] == weir::StageCost{8, 2});
  for (weir::StageCost& c : costs) c = {1000 * c.cost, 1000 * c.answer_cost};
  t.set_costs(costs, "FLOP");
  t.check();
  CHECK(t.costs() == costs);
  CHECK(t.step_cost(0, 2) == 7500);
  CHECK(t.rows({0}).cost_unit == "FLOP");
  CHECK(t.select({1, 4}).cost_unit == "FLOP");
  costs.pop_back();
  CHECK_THROWS_AS(t.set_costs(costs, "FLOP"), weir::ShapeError);
  t.cost_unit = "";
  CHECK_THROWS_AS(t.check(), weir::ArgumentError);
}

TEST_CASE("Trace: costs that cannot be are refused") {
  Trace t = two_networks();
  for (const double bad : {-1.0, 8.5, std::nan("")}) {
    t.stages[3].answer_cost = bad;
    CHECK_THROWS_WITH_AS(t.check(), doctest::Contains("the answer's cost"), weir::ArgumentError);
  }
  // The unit may be J or FLOP, so nothing is called seconds.
  t = two_networks();
  t.stages[3].cost = -1;
  CHECK_THROWS_WITH_AS(t.check(), doctest::Contains("': the cost must be finite and >= 0"), weir::ArgumentError);
  t = two_networks();
  t.stages[3].feature_costs["energy"] = -1;
  CHECK_THROWS_WITH_AS(t.check(), doctest::Contains("the cost of features 'energy'"), weir::ArgumentError);
  t = two_networks();
  t.stages[4].network = "a";
  CHECK_THROWS_WITH_AS(t.check(), doctest::Contains("stage4"), weir::ArgumentError);
}

TEST_CASE("Policy: evaluate charges a path past an exit without its answer") {
  Trace t = two_networks();
  weir::Topology topology = weir_test::all_later_of(t);
  const auto cheapest = weir::detail::cheapest_costs(topology, t);
  CHECK(cheapest[2] == 4 + 2.5 + 5);
  CHECK(cheapest[4] == 4 + 12);
  CHECK(weir::evaluate(weir::detail::fixed_policy(topology, t, 4), t).mean_cost() == 16);
}

}  // namespace WEIR_UNIT
