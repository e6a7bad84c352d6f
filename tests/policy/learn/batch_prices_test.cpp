#include <doctest/doctest.h>

#include <numeric>
#include <random>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learn/batch_prices.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

using weir::CostModel, weir::StageCost;

namespace {

/// A batch of n costs each stage start + n per_example.
CostModel started(const std::vector<double>& start, const std::vector<double>& per_example,
                  const std::vector<std::size_t>& batches) {
  CostModel model{"seconds", batches, {}};
  for (const std::size_t b : batches) {
    auto& costs = model.costs.emplace_back();
    for (std::size_t k = 0; k < start.size(); ++k)
      costs.push_back({start[k] / static_cast<double>(b) + per_example[k], 0});
  }
  return model;
}

/// Mean cost of an example where the trace's examples come in random batches and really run together.
double simulated(const weir::Topology& topology, const CostModel& model, const weir::detail::ActionTable& actions,
                 std::size_t batch, std::size_t repeats) {
  const auto reach = weir::detail::reached(topology, actions);
  std::vector<std::size_t> order(actions[0].size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(1);
  double spent = 0;
  for (std::size_t r = 0; r < repeats; ++r) {
    std::shuffle(order.begin(), order.end(), random);
    for (std::size_t first = 0; first + batch <= order.size(); first += batch)
      for (std::size_t k = 0; k < topology.size(); ++k) {
        std::size_t there = 0;
        for (std::size_t i = 0; i < batch; ++i) there += reach[k][order[first + i]] ? 1 : 0;
        if (there > 0) spent += static_cast<double>(there) * model.at(k, there).cost;
      }
  }
  return spent / static_cast<double>(repeats * (order.size() / batch * batch));
}

}  // namespace

TEST_CASE("reach_shares: by hand") {
  const weir::Topology t{{{"a", {1, 2}}, {"b", {2}}, {"c", {}}}};
  const weir::detail::ActionTable actions{{0, 1, 2, 1}, {1, 0, 1, 1}, {0, 0, 0, 0}};
  CHECK(weir::detail::reach_shares(t, actions) == std::vector<double>{1, 0.5, 0.5});
}

TEST_CASE("select_costs: each size of batch as Trace::select has it") {
  auto trace = weir_test::difficulty_trace(5, 4, 1);
  for (std::size_t k = 0; k < 3; ++k) trace.stages[k].network = "a";
  const CostModel model{"J", {1, 4}, {{{4, 1}, {5, 2}, {6, 3}, {9, 0}}, {{3, 1}, {4, 2}, {5, 3}, {8, 0}}}};
  const auto part = weir::detail::select_costs(model, trace, {2, 3});
  CHECK(part.unit == "J");
  CHECK(part.batches == model.batches);
  for (std::size_t b = 0; b < 2; ++b) {
    trace.set_costs(model.costs[b], "J");
    CHECK(part.costs[b] == trace.select({2, 3}).costs());
  }
  CHECK(part.costs[0][0] == StageCost{6 + 3 + 3, 3});
  CHECK_THROWS_AS(weir::detail::select_costs(model, trace, {2}), weir::ArgumentError);
}

TEST_CASE("settle_prices: nothing is learned where the batch does not matter") {
  const auto trace = weir_test::difficulty_trace(60, 3, 1);
  const auto topology = weir_test::chain_of(trace);
  weir::TrainOptions train;
  train.fit = [](const weir::Dataset&) -> weir::detail::GateModel { throw std::runtime_error("learned"); };
  weir::Budget budget;
  budget.value = 0.02;
  const CostModel batches = started({1, 1, 1}, {1, 2, 3}, {1, 8}), single = started({1, 1, 1}, {1, 2, 3}, {1});
  const auto one = weir::detail::settle_prices(trace, topology, batches, train, budget, {.batch = 1});
  CHECK(one.costs == batches.costs[0]);
  CHECK(one.rounds == 0);
  CHECK(one.settled);
  CHECK(weir::detail::settle_prices(trace, topology, single, train, budget, {.batch = 8}).costs == single.costs[0]);
  CHECK_THROWS_AS(weir::detail::settle_prices(trace, topology, batches, train, budget, {.batch = 8}),
                  std::runtime_error);
}

TEST_CASE("settle_prices: a fixed point; late stages are dearer than in full batches; always the same") {
  const auto trace = weir_test::difficulty_trace(1500, 3, 1);
  for (const auto& topology : {weir_test::chain_of(trace), weir_test::all_later_of(trace)}) {
    const CostModel model = started({2, 6, 20}, {1, 3, 9}, {1, 4, 16});
    weir::Budget budget;
    budget.value = 0.02;
    const weir::detail::BatchPricing pricing{.batch = 16, .rounds = 10};
    const auto prices = weir::detail::settle_prices(trace, topology, model, {}, budget, pricing);
    CHECK(prices.settled);
    CHECK(prices.rounds >= 2);
    CHECK(prices.share[0] == 1);
    CHECK(prices.costs[0] == model.costs[2][0]);
    for (std::size_t k = 1; k < 3; ++k) {
      CHECK(prices.share[k] < 1);
      CHECK(prices.costs[k].cost > model.costs[2][k].cost);
      CHECK(prices.costs[k].cost < model.costs[0][k].cost);
      CHECK(prices.costs[k] == model.expected(k, 16, prices.share[k]));
    }
    const auto again = weir::detail::settle_prices(trace, topology, model, {}, budget, pricing, prices.share);
    CHECK(again.rounds == 1);
    for (std::size_t k = 0; k < 3; ++k)
      CHECK(again.costs[k].cost == doctest::Approx(prices.costs[k].cost).epsilon(0.01));
    const auto same = weir::detail::settle_prices(trace, topology, model, {}, budget, pricing);
    CHECK(same.costs == prices.costs);
    CHECK(same.share == prices.share);
    CHECK(weir::detail::settle_prices(trace, topology, model, {}, budget, {.batch = 16, .rounds = 1}).rounds == 1);
  }
}

TEST_CASE("settle_prices: what is predicted is what random batches really cost") {
  const auto trace = weir_test::difficulty_trace(1500, 3, 2);
  const auto topology = weir_test::chain_of(trace);
  const CostModel model = started({2, 6, 20}, {1, 3, 9}, {1, 4, 16});
  weir::Budget budget;
  budget.value = 0.02;
  const auto prices = weir::detail::settle_prices(trace, topology, model, {}, budget, {.batch = 16, .rounds = 10});
  weir::Trace priced = trace;
  priced.set_costs(prices.costs, model.unit);
  const weir::PolicyTrainer trainer(priced, topology, {});
  for (const double lambda : {100.0, 400.0}) {
    const auto point = trainer.train(lambda);
    // Priced for its own shares, any policy's prediction holds.
    weir::Trace own = trace;
    own.set_costs(model.expected(16, weir::detail::reach_shares(topology, point.actions)), model.unit);
    CHECK(weir::evaluate(point.policy, own).mean_cost() ==
          doctest::Approx(simulated(topology, model, point.actions, 16, 20)).epsilon(0.01));
  }
}

TEST_CASE("settle_prices: a dear start of late stages is noticed, and avoided") {
  // Stage 1 costs little more than stage 0 in full batches, but each start of it a lot; stage 2 has no start.
  const auto trace = weir_test::difficulty_trace(2000, 3, 3);
  const auto topology = weir_test::all_later_of(trace);
  const CostModel model = started({0, 160, 0}, {1, 1, 14}, {1, 4, 16, 32});
  weir::Budget budget;
  budget.value = 0.02;
  const auto best_at = [&](const std::vector<StageCost>& costs) {
    weir::Trace priced = trace;
    priced.set_costs(costs, model.unit);
    const weir::PolicyTrainer trainer(priced, topology, {});
    const auto path = trainer.train_path(20);
    double least = INFINITY;
    for (const auto& p : path)
      if (p.mean_excess <= budget.value) least = std::min(least, p.mean_cost);
    for (const auto& p : path)
      if (p.mean_excess <= budget.value && p.mean_cost == least) return simulated(topology, model, p.actions, 32, 10);
    return least;
  };
  const double full_batches = best_at(model.costs.back());
  const double settled = best_at(weir::detail::settle_prices(trace, topology, model, {}, budget, {.batch = 32}).costs);
  MESSAGE("priced for full batches ", full_batches, ", for those that come ", settled);
  CHECK(settled < full_batches);
}

TEST_CASE("settle_prices: the budget's limit is met as calibration will ask for it") {
  weir::Budget budget;
  budget.value = 0.02;
  CHECK(weir::detail::expected_risk(budget, 500) == 0.02);
  budget.margin = weir::Margin::upper_limit;
  const double risk = weir::detail::expected_risk(budget, 500);
  const auto seen = static_cast<std::size_t>(std::lround(risk * 500));
  CHECK(weir::clopper_pearson_upper(seen, 500, 0.95) <= 0.02);
  CHECK(weir::clopper_pearson_upper(seen + 1, 500, 0.95) > 0.02);
  CHECK(weir::detail::expected_risk(budget, 10) == 0);
  const auto trace = weir_test::difficulty_trace(300, 3, 1);
  const CostModel model = started({2, 6, 20}, {1, 3, 9}, {1, 16});
  weir::Budget on_seconds;
  on_seconds.on = weir::BudgetOn::cost;
  on_seconds.value = 0.5;
  CHECK_THROWS_AS(weir::detail::settle_prices(trace, weir_test::chain_of(trace), model, {}, on_seconds, {.batch = 16}),
                  weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::settle_prices(trace, weir_test::chain_of(trace), started({1}, {1}, {1, 16}), {}, budget,
                                              {.batch = 16}),
                  weir::ShapeError);
}

}  // namespace WEIR_UNIT
