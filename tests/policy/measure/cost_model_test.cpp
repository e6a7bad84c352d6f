#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "../toy_cascade.hpp"

namespace WEIR_UNIT {

using toy_cascade::counter, toy_cascade::tensor;
using weir::CascadeExecutor, weir::CascadeSpec, weir::CascadeStage, weir::Topology, weir::View;

namespace {

/// a0 and a in network A, b in B; from a0 to a or b, and from a to b; and c, which only a leads to.
std::shared_ptr<const CascadeSpec> spec() {
  const Topology topology{{{"a0", {1, 2}}, {"a", {2, 3}}, {"b", {}}, {"c", {}}}};
  return std::make_shared<CascadeSpec>(
      std::vector{toy_cascade::network("A", {2, 5, 6}, {counter(), counter(), counter()}),
                  toy_cascade::network("B", {7}, {counter()}), toy_cascade::network("C", {4}, {counter()})},
      std::vector<CascadeStage>{{"a0", 0, tensor(0), toy_cascade::head(2, 1, 0)},
                                {"a", 0, "y", std::nullopt},
                                {"b", 1, "y", std::nullopt},
                                {"c", 2, "y", std::nullopt}},
      topology);
}

}  // namespace

TEST_CASE("median") {
  CHECK(weir::detail::median({}) == 0);
  CHECK(weir::detail::median({3}) == 3);
  CHECK(weir::detail::median({9, 1, 2}) == 2);
  CHECK(weir::detail::median({4, 1, 1e9, 2}) == 3);
  CHECK(weir::detail::median({5, 5, 5, 1}) == 5);
}

TEST_CASE("late_path goes by the latest predecessors") {
  const Topology t = spec()->topology;
  using Path = std::vector<std::size_t>;
  CHECK(weir::detail::late_path(t, 0) == Path{0});
  CHECK(weir::detail::late_path(t, 1) == Path{0, 1});
  CHECK(weir::detail::late_path(t, 2) == Path{0, 1, 2});
  CHECK(weir::detail::late_path(t, 3) == Path{0, 1, 3});
  CHECK(weir::detail::late_path(Topology::all_later({"x", "y", "z"}), 2) == Path{0, 1, 2});
}

TEST_CASE("measure_costs: every stage, in turn, with its preprocessing; warm-up does not count") {
  const auto s = spec();
  CascadeExecutor cascade(s, weir::Context());
  std::map<std::size_t, std::vector<std::size_t>> asked;  // rows by network
  bool slow_start = true;
  const weir::InputMaker maker = [&](std::size_t network, std::size_t row, View out) {
    asked[network].push_back(row);
    using namespace std::chrono_literals;
    if (network == 1) std::this_thread::sleep_for(2ms);
    if (network == 0 && slow_start) std::this_thread::sleep_for(200ms);
    slow_start = false;
    toy_cascade::fill(network, row, out);
  };
  std::map<std::size_t, int> decisions;
  std::vector<std::pair<std::size_t, std::size_t>> progress;
  const auto costs = weir::detail::measure_costs(
      cascade, maker, {4, 5, 6}, 1,
      [&](std::size_t k, std::span<const double> x) {
        CHECK(x.size() == s->gate_inputs().size(k));
        ++decisions[k];
      },
      [&](std::size_t done, std::size_t total) { progress.emplace_back(done, total); });
  REQUIRE(costs.size() == 4);
  for (const weir::StageCost& c : costs) {
    CHECK(c.answer_cost > 0);
    CHECK(c.answer_cost < c.cost);
  }
  CHECK(costs[2].cost >= 0.002);
  CHECK(costs[2].answer_cost < 0.002);  // what preprocessing takes is not the answer's
  CHECK(costs[0].cost < 0.1);           // the mean with the first run would be above
  using Rows = std::vector<std::size_t>;
  CHECK(asked[0] == Rows{4, 4, 5, 5, 6, 6});  // on the way to c and on the way to b
  CHECK(asked[1] == Rows{4, 5, 6});
  CHECK(asked[2] == Rows{4, 5, 6});
  CHECK(decisions == std::map<std::size_t, int>{{0, 6}, {1, 6}});
  CHECK(progress == std::vector<std::pair<std::size_t, std::size_t>>{{1, 3}, {2, 3}, {3, 3}});
  const auto nothing = [](std::size_t, const auto&) {};
  for (const std::size_t warm_up : {3U, 4U})
    CHECK_THROWS_AS(weir::detail::measure_costs(cascade, maker, {4, 5, 6}, warm_up, nothing, nothing),
                    weir::ArgumentError);
}

TEST_CASE("covering paths: every stage is run, and actions lead where the path says") {
  for (const Topology& t : {spec()->topology, Topology::all_later({"x", "y", "z"}), Topology::chain({"x"})}) {
    const weir::detail::CoveringPaths paths(t);
    std::set<std::size_t> run;
    for (std::size_t p = 0; p < paths.stages.size(); ++p) {
      std::size_t k = 0;
      for (const std::size_t stage : paths.stages[p]) {
        CHECK(stage == k);
        run.insert(k);
        const std::size_t action = paths.actions[p][k];
        if (action > 0) k = t.stages[k].next[action - 1];
      }
    }
    CHECK(run.size() == t.size());
  }
}

TEST_CASE("measure_cost_model: batches share what is paid once, sizes run in turn") {
  // Two networks in a chain, with an exit inside the first.
  const auto flowing = std::make_shared<CascadeSpec>(
      std::vector{toy_cascade::network("A", {2, 5, 6}, {counter(), counter()}),
                  toy_cascade::network("B", {7}, {counter()})},
      std::vector<CascadeStage>{
          {"a0", 0, tensor(0), toy_cascade::head(2, 1, 0)}, {"a", 0, "y", std::nullopt}, {"b", 1, "y", std::nullopt}},
      Topology::chain({"a0", "a", "b"}));
  REQUIRE(flowing->flows_in_batches());
  CascadeExecutor cascade(flowing, weir::Context());
  std::vector<std::size_t> asked;  // rows by network B
  const weir::InputMaker maker = [&](std::size_t network, std::size_t row, View out) {
    if (network == 1) {
      if (asked.empty() || asked.size() % 1000 == 0) asked.reserve(1000);
      asked.push_back(row);
    }
    toy_cascade::fill(network, row, out);
  };
  const auto nothing = [](auto&&...) {};
  const auto one_to_eight = [&](std::size_t network, std::size_t row, View out) {
    // Each batch of B begins with a pause; rows of a batch come one behind the other.
    if (network == 1 && (asked.size() < 2 || row != asked.back() + 1))
      std::this_thread::sleep_for(std::chrono::milliseconds(8));
    maker(network, row, out);
  };
  const auto model = weir::detail::measure_cost_model(cascade, one_to_eight, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
                                                      {{1, 8}, 6, 2}, nothing, nothing);
  CHECK(model.unit == "seconds");
  CHECK(model.batches == std::vector<std::size_t>{1, 8});
  REQUIRE(model.n_stages() == 3);
  for (const auto& costs : model.costs)
    for (const weir::StageCost& c : costs) {
      CHECK(c.answer_cost > 0);
      CHECK(c.answer_cost < c.cost);
    }
  CHECK(model.costs[1][2].cost >= 0.001);  // 8 ms among 8
  CHECK(model.costs[1][2].cost < 0.008);
  CHECK(model.costs[1][0].cost < 0.001);

  // Round 0: row 0 alone, then 0 .. 7; round 1: row 1 alone; a batch of 8 comes in every second round.
  const std::vector<std::size_t> begin(asked.begin(), asked.begin() + 11);
  CHECK(begin == std::vector<std::size_t>{0, 0, 1, 2, 3, 4, 5, 6, 7, 1, 2});
  CHECK(asked.size() == 6 + 3 * 8);

  CHECK_THROWS_AS(weir::detail::measure_cost_model(cascade, maker, {}, {{1}, 6, 2}, nothing, nothing),
                  weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::measure_cost_model(cascade, maker, {1}, {{}, 6, 2}, nothing, nothing),
                  weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::measure_cost_model(cascade, maker, {1}, {{0, 1}, 6, 2}, nothing, nothing),
                  weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::measure_cost_model(cascade, maker, {1}, {{1, 64}, 6, 2}, nothing, nothing),
                  weir::ArgumentError);  // the largest would never be counted
  const auto skipping =
      std::make_shared<CascadeSpec>(std::vector{toy_cascade::network("A", {7}, {counter(), counter()})},
                                    std::vector<CascadeStage>{{"a0", 0, tensor(0), toy_cascade::head(7, 1, 0)},
                                                              {"a1", 0, tensor(1), toy_cascade::head(7, 1, 0)},
                                                              {"a", 0, "y", std::nullopt}},
                                    Topology::all_later({"a0", "a1", "a"}));
  CascadeExecutor scattered(skipping, weir::Context());
  REQUIRE(!skipping->flows_in_batches());
  CHECK_THROWS_AS(weir::detail::measure_cost_model(scattered, maker, {1}, {{1, 4}, 6, 2}, nothing, nothing),
                  weir::ArgumentError);
}

TEST_CASE("count_costs: what a stage runs beyond the one before it, and its head") {
  const auto costs = weir::detail::count_costs(*spec());
  const double wave = 2 * 2 * 5 * 6, head = 2 * 5 * 6 + 2 * 2 * 3;
  const std::vector<double> layers{wave, 2 * wave, 2 * 7, 2 * 4}, heads{head, 0, 0, 0};
  REQUIRE(costs.size() == 4);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(costs[k].cost == layers[k] + heads[k]);
    CHECK(costs[k].answer_cost == heads[k]);
  }
  CHECK(weir::detail::count_costs(*spec(), 10)[2].cost == 1.4);
  for (const double bad : {0.0, -1.0, std::nan(""), HUGE_VAL})
    CHECK_THROWS_AS(weir::detail::count_costs(*spec(), bad), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
