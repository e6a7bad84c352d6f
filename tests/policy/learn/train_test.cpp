#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/compare/oracle.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/hinge_solver.hpp>
#include <weir/policy/learners/learner.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

/// Two stages, one feature: 0/1 losses with the chance of being right growing in the feature, and some luck.
weir::Trace one_feature(std::size_t n, std::uint64_t seed) {
  auto trace = weir_test::difficulty_trace(n, 2, seed, 0);
  trace.stages[0].features = trace.stages[0].features.col(0).eval();
  trace.stages[0].feature_names = {"max_probability"};
  // Rounded, so that values repeat.
  trace.stages[0].features = (trace.stages[0].features.array() * 20).round() / 20;
  return trace;
}

double value_of(const weir::PathPoint& point, double lambda, weir::detail::LossSide side) {
  return point.mean_cost +
         lambda * (side == weir::detail::LossSide::excess ? point.mean_excess : point.mean_difference);
}

}  // namespace

TEST_CASE("train: with one feature and two stages the threshold learner finds the brute-force optimum") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const auto trace = one_feature(60, seed);
    const auto topology = weir_test::chain_of(trace);
    for (const double lambda : {1e-5, 3e-4, 1e-3, 1e-2, 1.0}) {
      const weir::PolicyTrainer trainer(trace, topology, {.learner = "threshold"});
      const auto point = trainer.train(lambda);
      double best = std::numeric_limits<double>::infinity();
      for (int direction : {-1, 1})
        for (int cut = -1; cut <= 41; ++cut) {
          double sum = 0;
          for (Eigen::Index i = 0; i < 60; ++i) {
            const bool go_on = direction * (trace.stages[0].features(i, 0) - cut / 40.0 - 1e-9) > 0;
            const double excess = std::max(0.0, trace.stages[0].loss(i) - trace.stages[1].loss(i));
            sum += trace.stages[0].cost + (go_on ? trace.stages[1].cost : lambda * excess);
          }
          best = std::min(best, sum / 60);
        }
      CHECK(point.objective.back() == doctest::Approx(best).epsilon(1e-12));
    }
  }
}

TEST_CASE("train: a feature that tells all reaches the oracle, on chains and where three ways are open") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    auto trace = weir_test::difficulty_trace(300, 3, seed, 0);
    for (std::size_t k = 0; k < 3; ++k) {
      // Which later stages, and this one, have an excess loss on the example.
      trace.stages[k].features.resize(300, 2);
      trace.stages[k].feature_names = {"this", "next"};
      for (Eigen::Index i = 0; i < 300; ++i)
        for (std::size_t j = 0; j < 2; ++j) {
          const std::size_t of = std::min<std::size_t>(k + j, 2);
          trace.stages[k].features(i, static_cast<Eigen::Index>(j)) =
              trace.stages[of].loss(i) > trace.stages[2].loss(i) ? 1 : 0;
        }
    }
    for (const auto& topology : {weir_test::chain_of(trace), weir_test::all_later_of(trace)})
      for (const char* learner : {"tree", "logistic", "svm"}) {
        const double lambda = 0.01;
        const auto policy = weir::train(trace, topology, lambda, {.learner = learner});
        const auto oracle = weir::lagrangian_oracle(topology, trace, lambda);
        CHECK(weir::detail::lagrangian(weir::evaluate(policy, trace), lambda, weir::detail::LossSide::excess) ==
              doctest::Approx(weir::detail::lagrangian(oracle, lambda, weir::detail::LossSide::excess)).epsilon(1e-9));
      }
  }
}

TEST_CASE("train: the objective never rises over passes, sometimes falls, and no fixed exit beats it") {
  int falls = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const auto trace = weir_test::difficulty_trace(150, 4, seed);
    const auto topology = seed % 2 == 0 ? weir_test::chain_of(trace) : weir_test::random_dag(trace, seed);
    for (const auto& learner : weir::learner_names())
      for (const std::size_t folds : {1U, 3U})
        for (const auto side : {weir::detail::LossSide::excess, weir::detail::LossSide::difference}) {
          const weir::PolicyTrainer trainer(trace, topology,
                                            {.learner = learner, .side = side, .passes = 4, .folds = folds});
          const double lambda = 2e-3;
          const auto point = trainer.train(lambda);
          for (std::size_t p = 1; p < point.objective.size(); ++p) {
            CHECK(point.objective[p] <= point.objective[p - 1]);
            falls += point.objective[p] < point.objective[p - 1] ? 1 : 0;
          }
          CHECK(point.objective.back() == doctest::Approx(value_of(point, lambda, side)).epsilon(1e-12));
          for (std::size_t k = 0; k < topology.size(); ++k)
            CHECK(point.objective.back() <= value_of(trainer.fixed(k), lambda, side) + 1e-15);
          if (folds == 1) {
            const auto e = weir::evaluate(point.policy, trace);
            CHECK(point.objective.back() == doctest::Approx(weir::detail::lagrangian(e, lambda, side)).epsilon(1e-12));
            CHECK(point.actions == weir::detail::action_table(point.policy, trace));
            CHECK(weir::detail::lagrangian(weir::lagrangian_oracle(topology, trace, lambda, side), lambda, side) <=
                  point.objective.back() + 1e-15);
          }
        }
  }
  CHECK(falls > 20);
}

TEST_CASE("train: out-of-fold decisions are honest where features are noise") {
  // Nothing can be learned, yet a tree fits its own examples.
  auto trace = weir_test::difficulty_trace(300, 3, 5, 4);
  for (auto& s : trace.stages) {
    std::fill(s.prediction.begin(), s.prediction.end(), 0);  // agreement tells nothing either
    for (Eigen::Index j = 0; j < s.features.cols(); ++j)
      for (Eigen::Index i = 0; i < 300; ++i)
        s.features(i, j) =
            weir::detail::counter_uniform(9 + static_cast<std::uint64_t>(j), static_cast<std::uint64_t>(i));
  }
  const auto topology = weir_test::chain_of(trace);
  const double lambda = 3e-3;
  const auto own = weir::PolicyTrainer(trace, topology, {.learner = "tree"}).train(lambda);
  const auto crossed = weir::PolicyTrainer(trace, topology, {.learner = "tree", .folds = 5}).train(lambda);
  double fixed = 1;
  for (std::size_t k = 0; k < 3; ++k)
    fixed =
        std::min(fixed, weir::detail::lagrangian(weir::evaluate(weir::detail::fixed_policy(topology, trace, k), trace),
                                                 lambda, weir::detail::LossSide::excess));
  CHECK(own.objective.back() < 0.97 * fixed);      // believes its own noise
  CHECK(crossed.objective.back() > 0.97 * fixed);  // knows better
  CHECK(crossed.objective.back() <= fixed + 1e-15);
}

TEST_CASE("train: lambda 0 exits at once; a large one loses nothing that the features tell") {
  const auto trace = weir_test::difficulty_trace(200, 4, 2);
  const auto topology = weir_test::chain_of(trace);
  const auto free = weir::evaluate(weir::train(trace, topology, 0), trace);
  CHECK(free.shares(4)[0] == 1);
  const auto dear = weir::evaluate(weir::train(trace, topology, 1e6), trace);
  CHECK(dear.mean_excess() == 0);
}

TEST_CASE("train_path: deterministic, no worse than the neighbour it started from, fixed exits first, progress told") {
  const auto trace = weir_test::difficulty_trace(250, 4, 7);
  const auto topology = weir_test::all_later_of(trace);
  std::vector<std::size_t> told;
  const weir::TrainOptions options{.learner = "tree", .folds = 2, .progress = [&](std::size_t done, std::size_t total) {
                                     CHECK(total == 6);
                                     told.push_back(done);
                                   }};
  const weir::PolicyTrainer trainer(trace, topology, options);
  const auto path = trainer.train_path(6);
  CHECK(told == std::vector<std::size_t>{1, 2, 3, 4, 5, 6});
  REQUIRE(path.size() == 4 + 6);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK_FALSE(path[k].lambda);
    CHECK(weir::evaluate(path[k].policy, trace).shares(4)[k] == 1);
  }
  for (std::size_t g = 4; g + 1 < path.size(); ++g) {
    CHECK(*path[g].lambda < *path[g + 1].lambda);
    CHECK(path[g].objective.back() <= value_of(path[g + 1], *path[g].lambda, weir::detail::LossSide::excess) + 1e-15);
  }
  const auto again = weir::PolicyTrainer(trace, topology, options).train_path(6);
  for (std::size_t p = 0; p < path.size(); ++p) {
    CHECK(again[p].policy == path[p].policy);
    CHECK(again[p].actions == path[p].actions);
  }
  // The ends of the grid: nothing is worth a further stage; almost everything is.
  CHECK(path[4].mean_cost == doctest::Approx(trace.stages[0].cost));
  CHECK(path.back().mean_excess < 0.02);
}

TEST_CASE("train: a learner of one's own, no features at all, losses without any excess") {
  const auto trace = weir_test::difficulty_trace(100, 3, 1);
  const auto topology = weir_test::chain_of(trace);
  int fits = 0;
  const auto own = [&](const weir::Dataset& data) {
    ++fits;
    return weir::detail::GateModel("logistic", weir::detail::LogisticRegression{.C = 1}.fit(data));
  };
  const auto policy = weir::train(trace, topology, 2e-3, {.fit = own});
  CHECK(fits > 0);
  CHECK(policy != weir::train(trace, topology, 2e-3));

  auto bare = trace;
  for (auto& s : bare.stages) {
    s.features.resize(100, 0);
    s.feature_names.clear();
  }
  CHECK(weir::evaluate(weir::train(bare, topology, 2e-3), bare).size() == 100);

  auto equal = trace;
  for (auto& s : equal.stages) s.loss.setOnes();
  const weir::PolicyTrainer trainer(equal, topology, {});
  CHECK(trainer.lambda_grid(5) == std::vector<double>{1.0});
  CHECK(trainer.train(1).mean_cost == doctest::Approx(equal.stages[0].cost));
}

TEST_CASE("train: options out of range are refused") {
  const auto trace = weir_test::difficulty_trace(20, 2, 1);
  const auto topology = weir_test::chain_of(trace);
  CHECK_THROWS_AS(weir::PolicyTrainer(trace, topology, {.learner = "oracle"}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::PolicyTrainer(trace, topology, {.passes = -1}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::PolicyTrainer(trace, topology, {.folds = 0}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::PolicyTrainer(trace, topology, {.folds = 21}), weir::ArgumentError);
  const weir::PolicyTrainer trainer(trace, topology, {});
  CHECK_THROWS_AS(trainer.train(-1), weir::ArgumentError);
  CHECK_THROWS_AS(trainer.train(std::numeric_limits<double>::infinity()), weir::ArgumentError);
  CHECK_THROWS_AS(trainer.train(std::nan("")), weir::ArgumentError);
  CHECK_THROWS_AS(trainer.lambda_grid(1), weir::ArgumentError);
  CHECK_THROWS_AS(trainer.train_path(std::vector<double>{2, 1}), weir::ArgumentError);
  auto nan = trace;
  nan.stages[1].features(3, 0) = std::nan("");
  CHECK_THROWS_AS(weir::PolicyTrainer(nan, topology, {}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::PolicyTrainer(trace, weir::Topology::chain({"stage0"}), {}), weir::ShapeError);
}

}  // namespace WEIR_UNIT
