#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learn/folds.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/predicted_loss.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"
#include "given.hpp"

namespace WEIR_UNIT {

using weir::detail::PredictedLoss;
using weir_test::Given;

namespace {

/// rho [n] by the plainest means: the data set written out, each example once for either label.
Eigen::VectorXd predicted(const weir::detail::RowMatrix& X, const Eigen::VectorXd& loss, double low, double high) {
  weir::Dataset data;
  data.X.resize(2 * X.rows(), X.cols());
  data.X << X, X;
  data.sample_weight.resize(2 * X.rows());
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const double p = (loss(i) - low) / (high - low);
    data.sample_weight(i) = 1 - p;
    data.sample_weight(X.rows() + i) = p;
  }
  data.y.assign(static_cast<std::size_t>(X.rows()), 0);
  data.y.resize(static_cast<std::size_t>(2 * X.rows()), 1);
  const auto model = weir::detail::LogisticRegression{}.fit(data);
  Eigen::VectorXd rho(X.rows());
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const std::vector<double> x(X.row(i).begin(), X.row(i).end());
    rho(i) = low + (high - low) / (1 + std::exp(-model.decision_function(x)));
  }
  return rho;
}

/// Losses between 0 and 1 as well, as expected ones are.
weir::Trace with_fractions(weir::Trace trace) {
  for (auto& stage : trace.stages)
    for (Eigen::Index i = 0; i < stage.loss.size(); ++i)
      if (i % 3 == 0) stage.loss(i) *= 0.2 + 0.1 * static_cast<double>(i % 7);
  return trace;
}

}  // namespace

TEST_CASE("predicted loss: takes the first action whose prediction is within the limit, on any topology") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const auto trace = with_fractions(weir_test::difficulty_trace(400, 4, seed));
    const auto side = seed % 2 == 0 ? weir::detail::LossSide::excess : weir::detail::LossSide::difference;
    for (const auto& topology :
         {weir_test::chain_of(trace), weir_test::all_later_of(trace), weir_test::random_dag(trace, seed)}) {
      const Given given(trace, topology, 1, side);
      const double low = std::min(0.0, given.R.minCoeff()), high = given.R.maxCoeff(), skip = 2;
      const PredictedLoss family(given.problem(), skip);
      for (const double limit : {0.001, 0.01, 0.05, 0.2, 0.6, 5.0}) {
        const auto actions = family.actions(limit);
        const weir::Policy policy{topology, family.gates(limit)};
        CHECK(actions == weir::detail::action_table(policy, trace));
        for (std::size_t k = 0; k < topology.size(); ++k) {
          const auto& next = topology.stages[k].next;
          std::vector<int> first(trace.size(), static_cast<int>(next.size()));
          for (std::size_t a = next.size(); a-- > 0;) {
            const auto loss = given.R.col(static_cast<Eigen::Index>(a == 0 ? k : next[a - 1]));
            const bool known = (loss.array() == loss(0)).all() && (loss(0) == low || loss(0) == high);
            const Eigen::VectorXd rho = known ? Eigen::VectorXd(loss) : predicted(given.X[k], loss, low, high);
            for (std::size_t i = 0; i < trace.size(); ++i)
              if (rho(static_cast<Eigen::Index>(i)) <= (a == 0 ? limit : skip * limit)) first[i] = static_cast<int>(a);
          }
          int others = 0;
          for (std::size_t i = 0; i < trace.size(); ++i) others += actions[k][i] != first[i] ? 1 : 0;
          CHECK(others == 0);
        }
      }
    }
  }
}

TEST_CASE("predicted loss: the limit moves everything from the full network to the first exit") {
  const auto trace = weir_test::difficulty_trace(500, 4, 3);
  const weir::PolicyTrainer trainer(trace, weir_test::chain_of(trace), {.learner = "predicted_loss", .folds = 3});
  CHECK(trainer.one_parameter());
  const auto path = trainer.train_path(20);
  REQUIRE(path.size() == 4 + 20);
  for (std::size_t p = 5; p < path.size(); ++p) CHECK(path[p].mean_cost >= path[p - 1].mean_cost);
  CHECK(path[4].mean_cost == doctest::Approx(trace.stages[0].cost));
  CHECK(path.back().mean_excess < 0.01);
  CHECK(path[14].mean_excess < path[4].mean_excess);
  const auto free = trainer.train(0);
  CHECK(free.mean_cost == doctest::Approx(trace.stages[0].cost));
  // It tells easy from hard: at the same share of exits chance would lose far more.
  const auto& middle = path[14];
  const double full = weir::detail::cheapest_costs(trainer.topology(), trace).back();
  const double saved = (full - middle.mean_cost) / (full - trace.stages[0].cost);
  CHECK(saved > 0.2);
  CHECK(middle.mean_excess < 0.5 * saved * path[0].mean_excess);
}

TEST_CASE("predicted loss: decisions on an example do not depend on its loss where folds are used") {
  const auto trace = weir_test::difficulty_trace(120, 3, 9);
  Given given(trace, weir_test::chain_of(trace), 4);
  const auto before = PredictedLoss(given.problem()).actions(0.05);
  int own_changes = 0;
  for (const Eigen::Index i : {3, 50, 99}) {
    Given other = given;
    other.R(i, 0) = 1 - other.R(i, 0);
    other.R(i, 1) = 1 - other.R(i, 1);
    const auto after = PredictedLoss(other.problem()).actions(0.05);
    for (const auto& stage : {0, 1})
      own_changes += before[static_cast<std::size_t>(stage)][static_cast<std::size_t>(i)] !=
                             after[static_cast<std::size_t>(stage)][static_cast<std::size_t>(i)]
                         ? 1
                         : 0;
  }
  CHECK(own_changes == 0);
}

TEST_CASE("predicted loss: what never loses exits, what always loses goes on, without a fit") {
  auto trace = weir_test::difficulty_trace(60, 3, 1);
  for (auto& stage : trace.stages) stage.loss.setZero();
  Given given(trace, weir_test::chain_of(trace), 2);
  for (const double limit : {1e-9, 0.5})
    CHECK(PredictedLoss(given.problem()).actions(limit)[0] == weir::detail::Actions(60, 0));
  given.R.col(0).setOnes();
  const PredictedLoss split(given.problem());
  CHECK(split.actions(0.5)[0] == weir::detail::Actions(60, 1));
  CHECK(split.actions(0.5)[1] == weir::detail::Actions(60, 0));
  const auto d = static_cast<std::size_t>(given.X[0].cols());
  CHECK(split.gates(0.5)[0] == weir::Gate::constant(1, 2, d));
  CHECK(split.actions(std::numeric_limits<double>::infinity())[0] == weir::detail::Actions(60, 0));
  // Without inputs the mean is what there is to predict.
  given.R.col(0).head(30).setZero();
  given.columns[0].clear();
  given.folds = 1;
  given.fold.assign(60, 0);
  CHECK(PredictedLoss(given.problem()).actions(0.49)[0] == weir::detail::Actions(60, 1));
  CHECK(PredictedLoss(given.problem()).actions(0.51)[0] == weir::detail::Actions(60, 0));
  CHECK(PredictedLoss(given.problem()).gates(0.49)[0] == weir::Gate::constant(1, 2, d));
  CHECK(PredictedLoss(given.problem()).gates(0.51)[0] == weir::Gate::constant(0, 2, d));
  CHECK_THROWS_AS(PredictedLoss(given.problem(), 0), weir::ArgumentError);
  CHECK_THROWS_AS(PredictedLoss(given.problem(), std::nan("")), weir::ArgumentError);
}

TEST_CASE("predicted loss: reads the chosen inputs alone, and gates stay equal in JSON") {
  const auto trace = weir_test::difficulty_trace(200, 3, 4);
  const auto options = weir::detail::with_learner({.folds = 2}, "predicted_loss");
  CHECK(options.feature("entropy"));
  CHECK(!options.feature("class_3"));
  weir::TrainOptions two = options;
  two.feature = [](std::string_view name) { return name == "entropy" || name == "stage0.entropy"; };
  const weir::PolicyTrainer trainer(trace, weir_test::chain_of(trace), two);
  const auto point = trainer.train(trainer.lambda_grid(5)[2]);
  CHECK(point.policy.gates[1].models()[0].columns().size() == 2);
  for (const weir::Gate& gate : point.policy.gates) {
    weir::Gate loaded;
    from_json(nlohmann::json::parse(nlohmann::json(gate).dump()), loaded);
    CHECK(loaded == gate);
  }
}

TEST_CASE("priced_loss: decides as its gates do, is never behind a fixed exit, and knows what a stage costs") {
  auto fit = weir_test::difficulty_trace(800, 4, 3), fresh = weir_test::difficulty_trace(3000, 4, 4);
  const auto topology = weir_test::all_later_of(fit);
  const auto costs_at_price = [&](std::string_view learner, double lambda) {
    const weir::PolicyTrainer trainer(fit, topology, {.learner = std::string(learner)});
    const auto point = trainer.train(lambda);
    if (learner == weir::detail::priced_loss) {
      CHECK(!trainer.one_parameter());
      CHECK(point.actions == weir::detail::action_table(point.policy, fit));
      for (std::size_t k = 0; k < 4; ++k) {
        const auto e = weir::evaluate(trainer.fixed(k).policy, fit);
        CHECK(point.objective.back() <=
              weir::detail::lagrangian(e, lambda, weir::detail::LossSide::excess) * (1 + 1e-9));
      }
    }
    return weir::detail::lagrangian(weir::evaluate(point.policy, fresh), lambda, weir::detail::LossSide::excess);
  };
  const double full = weir::detail::cheapest_costs(topology, fit).back();
  for (const double lambda : {10 * full, 40 * full})
    static_cast<void>(costs_at_price(weir::detail::priced_loss, lambda));
  // A stage that costs nearly as much as the full network is passed over.
  for (weir::Trace* trace : {&fit, &fresh}) trace->stages[1].cost = 0.9 * trace->stages[3].cost;
  double priced = 0, one_limit = 0;
  for (const double lambda : {10 * full, 20 * full, 40 * full}) {
    priced += costs_at_price(weir::detail::priced_loss, lambda) / full;
    one_limit += costs_at_price(weir::detail::predicted_loss, lambda) / full;
  }
  CHECK(priced < 0.95 * one_limit);
}

}  // namespace WEIR_UNIT
