#include <doctest/doctest.h>

#include <cmath>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/decision_cost.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

using weir::Trace;

TEST_CASE("decision_seconds: every gate takes some time, a stage without successors none") {
  const Trace trace = weir_test::difficulty_trace(300, 3, 4);
  const auto topology = weir_test::chain_of(trace);
  for (const char* learner : {"logistic", "boosting"}) {
    weir::TrainOptions train;
    train.learner = learner;
    const auto seconds = weir::detail::decision_seconds(trace, topology, train);
    REQUIRE(seconds.size() == 3);
    CHECK(seconds[0] > 0);
    CHECK(seconds[1] > 0);
    CHECK(seconds[2] == 0);
  }
  const auto policy = weir::PolicyTrainer(trace, topology, {}).train(0.002).policy;
  CHECK_THROWS_AS(weir::detail::decision_seconds(policy, weir_test::difficulty_trace(300, 4, 4)), weir::ShapeError);
}

TEST_CASE("decision_seconds: a gate that came out constant counts as the dearest") {
  const Trace trace = weir_test::difficulty_trace(300, 3, 4);
  const auto topology = weir_test::chain_of(trace);
  weir::TrainOptions train;
  int fits = 0;
  train.fit = [&](const weir::Dataset& data) {  // the last gate is fitted first
    if (fits++ == 0) return weir::detail::GateModel::constant(1, static_cast<std::size_t>(data.X.cols()));
    return weir::detail::GateModel("logistic", weir::detail::LogisticRegression{}.fit(data));
  };
  const auto seconds = weir::detail::decision_seconds(trace, topology, train);
  CHECK(fits == 2);
  CHECK(seconds[1] >= seconds[0]);
}

TEST_CASE("with_decisions: a part of the answer, which a path past the stage saves") {
  Trace trace = weir_test::difficulty_trace(40, 3, 4);
  for (std::size_t k = 0; k < 3; ++k) {
    trace.stages[k].network = "one";
    trace.stages[k].cost = 1 + static_cast<double>(k);
    trace.stages[k].answer_cost = 0.25;
  }
  const Trace whole = weir::detail::with_decisions(trace, {0.5, 0.125, 0});
  CHECK(whole.stages[0].cost == 1.5);
  CHECK(whole.stages[0].answer_cost == 0.75);
  CHECK(whole.stages[1].cost == 2.125);
  CHECK(whole.stages[2].cost == 3);
  CHECK(whole.step_cost(0, 2) == trace.step_cost(0, 2));
  CHECK(whole.cost_unit == trace.cost_unit);
  weir::CostModel model{.batches = {1, 8}, .costs = {trace.costs(), trace.costs()}};
  model.costs[1][0].cost = 0.75;
  const auto dear = weir::detail::with_decisions(model, {0.5, 0.125, 0});
  CHECK(dear.at(0, 1).cost == 1.5);
  CHECK(dear.at(0, 8).cost == 1.25);
  CHECK_THROWS_AS(weir::detail::with_decisions(model, {0.5}), weir::ShapeError);
}

TEST_CASE("tune: decisions count where they are timed") {
  Trace trace = weir_test::difficulty_trace(300, 3, 9);
  for (auto& s : trace.stages) s.cost = 1e-9;  // far less than any decision
  const auto topology = weir_test::chain_of(trace);
  weir::Budget budget;
  budget.value = 0.02;
  const std::vector<weir::detail::Candidate> candidates{{"logistic", {}}};
  const weir::detail::CrossValidation options{.folds = 2, .lambdas = 3};
  const auto plain = weir::detail::tune(trace, topology, candidates, budget, options);
  CHECK(weir::detail::tune(trace, topology, candidates, budget, options, {}, true).cost[0] > plain.cost[0]);
  trace.cost_unit = "FLOP";
  CHECK(weir::detail::tune(trace, topology, candidates, budget, options, {}, true).cost == plain.cost);
}

}  // namespace WEIR_UNIT
