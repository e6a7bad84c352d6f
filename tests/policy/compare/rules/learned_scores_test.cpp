#include <doctest/doctest.h>

#include <cmath>
#include <weir/core/isa.hpp>
#include <weir/policy/compare/rules/exit_score.hpp>
#include <weir/policy/compare/rules/linear_gate.hpp>
#include <weir/policy/compare/rules/scores.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../probability_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("gate statistics: by their formulas") {
  const auto trace = weir_test::probability_trace(40, 2, 5, 2);
  const auto X = weir::detail::gate_statistics(trace.stages[1]);
  for (Eigen::Index i = 0; i < 40; ++i) {
    std::vector<double> p;
    for (Eigen::Index c = 0; c < 5; ++c) p.push_back(static_cast<double>(trace.stages[1].probabilities(i, c)));
    double entropy = 0, squares = 0, entropy_of_squares = 0;
    for (const double v : p) squares += v * v;
    for (const double v : p) {
      entropy -= v * std::log(v);
      entropy_of_squares -= v * v / squares * std::log(v * v / squares);
    }
    std::sort(p.rbegin(), p.rend());
    CHECK(X(i, 0) == p[0]);
    CHECK(X(i, 1) == doctest::Approx(entropy).epsilon(1e-9));
    CHECK(X(i, 2) == doctest::Approx(p[0] - p[1]).epsilon(1e-12));
    CHECK(X(i, 3) == doctest::Approx(entropy_of_squares).epsilon(1e-9));
  }
  CHECK(weir::detail::gate_statistics(std::vector<float>{0, 1, 0}) == std::array<double, 4>{1, 0, 1, 0});
  CHECK_THROWS_WITH_AS(weir::detail::gate_statistics(weir_test::difficulty_trace(5, 1, 1).stages[0]),
                       "stage 'stage0' has no class probabilities", weir::ArgumentError);
}

TEST_CASE("linear gate: each gate is fitted to the best exit of every example, found by trying all") {
  const auto trace = weir_test::probability_trace(120, 4, 5, 4);
  std::vector<Eigen::MatrixXd> X;
  for (std::size_t k = 0; k < 3; ++k) X.push_back(weir::detail::gate_statistics(trace.stages[k]));
  for (const double lambda : {2e-4, 1e-3, 2e-2}) {
    const auto gates = weir::detail::fit_linear_gates(X, trace, lambda);
    for (std::size_t k = 0; k < 3; ++k) {
      weir::Dataset data{X[k], {}, Eigen::VectorXd::Ones(120)};
      for (Eigen::Index i = 0; i < 120; ++i) {
        const auto R = [&](std::size_t j) { return std::max(0.0, trace.stages[j].loss(i) - trace.stages[3].loss(i)); };
        bool exit = true;
        double spent = 0;
        for (std::size_t j = k + 1; j < 4; ++j) {
          spent += trace.stages[j].cost;
          if (spent + lambda * R(j) < lambda * R(k)) exit = false;
        }
        data.y.push_back(exit ? 1 : 0);
      }
      CHECK(gates[k] == weir::detail::LogisticRegression{}.fit(data));
    }
  }
}

TEST_CASE("exit scores: inputs, targets and history by plain loops") {
  for (const std::size_t classes : {std::size_t{5}, std::size_t{21}}) {
    const auto trace = weir_test::probability_trace(100, 4, classes, 5);
    std::vector<weir::detail::LinearModel> models(3);
    const Eigen::MatrixXd scores = weir::detail::exit_scores(models, trace, true);
    for (std::size_t k = 0; k < 3; ++k) {
      const weir::StageTrace& s = trace.stages[k];
      const std::size_t d = 3 + k + (classes <= 20 ? classes : 0);
      REQUIRE(models[k].n_features() == d);
      weir::Dataset data{Eigen::MatrixXd(100, static_cast<Eigen::Index>(d)), {}, Eigen::VectorXd::Ones(100)};
      for (Eigen::Index i = 0; i < 100; ++i) {
        std::vector<double> x{s.features(i, 0), s.features(i, 4)};
        double votes = 0;
        for (std::size_t j = 0; j <= k; ++j)
          if (trace.stages[j].prediction[static_cast<std::size_t>(i)] == s.prediction[static_cast<std::size_t>(i)])
            votes += 1;
        x.push_back(votes / static_cast<double>(k + 1));
        for (std::size_t j = 0; j < k; ++j) x.push_back(scores(i, static_cast<Eigen::Index>(j)));
        for (std::size_t c = 0; x.size() < d; ++c)
          x.push_back(static_cast<double>(s.probabilities(i, static_cast<Eigen::Index>(c))));
        for (std::size_t j = 0; j < d; ++j) data.X(i, static_cast<Eigen::Index>(j)) = x[j];
        data.y.push_back(s.loss(i) == 0 ? 1 : 0);
        CHECK(scores(i, static_cast<Eigen::Index>(k)) == models[k].decision_function(x));
      }
      CHECK(models[k] == weir::detail::LogisticRegression{}.fit(data));
    }
    CHECK(scores.col(3).isZero(0));
    // Without fitting the same models give the same scores.
    CHECK(weir::detail::exit_scores(models, trace, false) == scores);
  }
}

}  // namespace WEIR_UNIT
