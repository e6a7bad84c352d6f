#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/fraction_model.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/predicted_cost.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"
#include "given.hpp"

namespace WEIR_UNIT {

using weir::detail::Actions;
using weir::detail::PredictedCost;
using weir::detail::RowMatrix;
using weir_test::Given;

namespace {

/// What actions cost behind stage k where every later gate sends all to its last action.
RowMatrix costs_behind(const Given& given, std::size_t k, double lambda) {
  const weir::detail::Objective objective{given.topology, given.trace, given.R, lambda};
  weir::detail::ActionTable last;
  for (std::size_t m = 0; m < given.topology.size(); ++m)
    last.emplace_back(given.trace.size(), static_cast<std::uint8_t>(given.topology.n_actions(m) - 1));
  return objective.action_costs(k, objective.cost_to_go(last));
}

/// [n] the action of the least predicted cost, each predicted apart.
Actions cheapest_predicted(const Given& given, std::size_t k, const RowMatrix& costs, const std::vector<bool>& rows,
                           double lambda) {
  const double low = std::min(0.0, given.R.minCoeff()), high = given.R.maxCoeff();
  const std::vector<bool> everyone(rows.size(), true);
  std::vector<Eigen::VectorXd> cost;
  for (Eigen::Index a = 0; a < costs.cols(); ++a) {
    Eigen::VectorXd share(costs.rows());
    for (Eigen::Index i = 0; i < costs.rows(); ++i)
      share(i) = std::clamp((costs(i, a) / lambda - low) / (high - low), 0.0, 1.0);
    const auto fit = weir::detail::fit_fraction(given.problem().fractions(k), share, a == 0 ? everyone : rows);
    cost.push_back((1 / (1 + (-fit.log_odds.array()).exp())).matrix());
  }
  Actions best(rows.size(), 0);
  for (std::size_t i = 0; i < best.size(); ++i)
    for (std::size_t a = 1; a < cost.size(); ++a)
      if (cost[a](static_cast<Eigen::Index>(i)) < cost[best[i]](static_cast<Eigen::Index>(i)))
        best[i] = static_cast<std::uint8_t>(a);
  return best;
}

int others(const Actions& a, const Actions& b) {
  int n = 0;
  for (std::size_t i = 0; i < a.size(); ++i) n += a[i] != b[i] ? 1 : 0;
  return n;
}

/// What is hard (column 0) stage 0 answers wrongly six times in ten, what is easy four times. Stage 1 mends what is
/// easy and nothing else, so that going on is worth it only where stage 0 is the more often right; the full network is
/// too dear for all examples.
weir::Trace two_kinds(std::size_t n, std::uint64_t seed) {
  weir::Trace trace = weir_test::difficulty_trace(n, 3, seed);
  trace.stages[0].cost = 1;
  trace.stages[1].cost = 2;
  trace.stages[2].cost = 20;
  for (Eigen::Index i = 0; i < static_cast<Eigen::Index>(n); ++i) {
    const bool hard = i % 2 == 0;
    const bool wrong = weir::detail::counter_uniform(seed, static_cast<std::uint64_t>(i)) < (hard ? 0.6 : 0.4);
    for (auto& stage : trace.stages) {
      stage.features.row(i).setZero();
      stage.features(i, 0) = hard ? 1 : 0;
      stage.loss(i) = 0;
    }
    trace.stages[0].loss(i) = wrong ? 1 : 0;
    trace.stages[1].loss(i) = hard && wrong ? 1 : 0;
  }
  return trace;
}

}  // namespace

TEST_CASE("predicted cost: takes the action of the least predicted cost, on any topology, from any rows") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const auto trace = weir_test::difficulty_trace(300, 4, seed);
    const auto side = seed % 2 == 0 ? weir::detail::LossSide::excess : weir::detail::LossSide::difference;
    for (const auto& topology :
         {weir_test::chain_of(trace), weir_test::all_later_of(trace), weir_test::random_dag(trace, seed)})
      for (const std::size_t folds : {std::size_t{1}, std::size_t{3}}) {
        const Given given(trace, topology, folds, side);
        const PredictedCost learner(given.problem());
        const double full = weir::detail::cheapest_costs(topology, trace).back();
        std::vector<bool> rows(trace.size(), true);
        if (seed > 1)
          for (std::size_t i = 0; i < rows.size(); i += 3) rows[i] = false;
        for (std::size_t k = 0; k < topology.size(); ++k)
          for (const double lambda : {2 * full, 10 * full, 60 * full}) {
            if (topology.n_actions(k) == 1) continue;
            const RowMatrix costs = costs_behind(given, k, lambda);
            const auto [gate, actions] = learner.gate(given.problem(), k, costs, rows, lambda);
            CHECK(others(actions, cheapest_predicted(given, k, costs, rows, lambda)) == 0);
            if (folds == 1) CHECK(actions == weir::detail::actions_of(gate, given.X[k]));
            weir::Gate loaded;
            from_json(nlohmann::json::parse(nlohmann::json(gate).dump()), loaded);
            CHECK(loaded == gate);
          }
      }
  }
}

TEST_CASE("predicted cost: what an example costs does not decide about itself where folds are used") {
  const auto trace = weir_test::difficulty_trace(120, 3, 9);
  const Given given(trace, weir_test::chain_of(trace), 4);
  const PredictedCost learner(given.problem());
  const std::vector<bool> everyone(120, true);
  const double lambda = 10 * weir::detail::cheapest_costs(given.topology, trace).back();
  const RowMatrix costs = costs_behind(given, 0, lambda);
  const Actions before = learner.gate(given.problem(), 0, costs, everyone, lambda).second;
  for (const Eigen::Index i : {3, 50, 99}) {
    RowMatrix other = costs;
    other(i, 1) = lambda - other(i, 1);
    const auto row = static_cast<std::size_t>(i);
    CHECK(learner.gate(given.problem(), 0, other, everyone, lambda).second[row] == before[row]);
  }
}

TEST_CASE("predicted cost: what is certain, and what there is nothing to predict from") {
  auto trace = weir_test::difficulty_trace(60, 3, 1);
  for (auto& stage : trace.stages) stage.loss.setZero();
  Given given(trace, weir_test::chain_of(trace));
  const auto d = static_cast<std::size_t>(given.X[0].cols());
  const std::vector<bool> everyone(60, true);
  RowMatrix costs(60, 2);
  costs << Eigen::VectorXd::Zero(60), Eigen::VectorXd::Ones(60);
  CHECK(PredictedCost(given.problem()).gate(given.problem(), 0, costs, everyone, 5).first ==
        weir::Gate::constant(0, 2, d));
  given.R.col(0).setOnes();  // always loses 1: going on costs a fifth of it, or more than it
  costs.col(0).setConstant(5);
  CHECK(PredictedCost(given.problem()).gate(given.problem(), 0, costs, everyone, 5).first ==
        weir::Gate::constant(1, 2, d));
  costs.col(1).setConstant(7);
  CHECK(PredictedCost(given.problem()).gate(given.problem(), 0, costs, everyone, 5).first ==
        weir::Gate::constant(0, 2, d));
  given.R.col(0).head(30).setZero();  // without inputs the means are compared
  given.columns[0].clear();
  costs.col(0).head(30).setZero();
  for (const double going_on : {2.4, 2.6}) {
    costs.col(1).setConstant(going_on);
    CHECK(PredictedCost(given.problem()).gate(given.problem(), 0, costs, everyone, 5).first ==
          weir::Gate::constant(going_on < 2.5 ? 1 : 0, 2, d));
  }
}

TEST_CASE("predicted_cost: never behind a fixed exit, no price no stage, and the inputs that it was given") {
  const auto trace = weir_test::difficulty_trace(800, 4, 3);
  for (const auto& topology : {weir_test::chain_of(trace), weir_test::all_later_of(trace)}) {
    const weir::PolicyTrainer trainer(trace, topology, {.learner = "predicted_cost"});
    CHECK(!trainer.one_parameter());
    const double full = weir::detail::cheapest_costs(topology, trace).back();
    for (const double lambda : {10 * full, 40 * full}) {
      const auto point = trainer.train(lambda);
      CHECK(point.actions == weir::detail::action_table(point.policy, trace));
      for (std::size_t k = 0; k < 4; ++k) {
        const auto e = weir::evaluate(trainer.fixed(k).policy, trace);
        CHECK(point.objective.back() <=
              weir::detail::lagrangian(e, lambda, weir::detail::LossSide::excess) * (1 + 1e-9));
      }
    }
    CHECK(trainer.train(0).mean_cost == doctest::Approx(trace.stages[0].cost));
    CHECK(trainer.train(1e9 * full).mean_excess < 0.01);
  }
  weir::TrainOptions two = weir::detail::with_learner({.folds = 2}, "predicted_cost");
  CHECK(!two.feature("class_3"));
  two.feature = [](std::string_view name) { return name == "entropy"; };
  const weir::PolicyTrainer trainer(trace, weir_test::chain_of(trace), two);
  const auto point = trainer.train(trainer.lambda_grid(5)[3]);
  for (std::size_t k = 0; k < 3; ++k) CHECK(point.policy.gates[k].models()[0].columns().size() <= 1);
}

TEST_CASE("predicted_cost: knows that going on costs some examples more than others, which one limit cannot") {
  const auto fit = two_kinds(2000, 1), fresh = two_kinds(4000, 2);
  const auto topology = weir_test::chain_of(fit);
  const double lambda = 12;  // exiting at stage 0 costs 7.2 and 4.8, going on 2 + 7.2 and 2
  const auto cost = [&](std::string_view learner) {
    const weir::PolicyTrainer trainer(fit, topology, {.learner = std::string(learner)});
    return weir::detail::lagrangian(weir::evaluate(trainer.train(lambda).policy, fresh), lambda,
                                    weir::detail::LossSide::excess);
  };
  CHECK(cost(weir::detail::predicted_cost) == doctest::Approx(1 + (7.2 + 2) / 2).epsilon(0.03));
  CHECK(cost(weir::detail::priced_loss) == doctest::Approx(1 + (9.2 + 2) / 2).epsilon(0.03));
}

}  // namespace WEIR_UNIT
