#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/compare/rules/ensemble.hpp>
#include <weir/policy/run/joined_answer.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>
#include <weir/policy/trace/trace_file.hpp>

#include "../../probability_trace.hpp"

namespace WEIR_UNIT {

namespace {

/// The joined probabilities of stages 0 .. k for example i, by the formula.
std::vector<double> joined(const weir::Trace& trace, weir::detail::Join kind, std::size_t k, std::size_t i) {
  const auto row = static_cast<Eigen::Index>(i);
  std::vector<double> p;
  for (Eigen::Index c = 0; c < trace.stages[0].probabilities.cols(); ++c) {
    double sum = 0, product = 1;
    for (std::size_t j = 0; j <= k; ++j) {
      sum += static_cast<double>(trace.stages[j].probabilities(row, c));
      product *= static_cast<double>(trace.stages[j].probabilities(row, c));
    }
    const auto m = static_cast<double>(k + 1);
    p.push_back(kind == weir::detail::Join::mean ? sum / m : std::pow(product, 1 / m));
  }
  double total = 0;
  for (const double v : p) total += v;
  for (double& v : p) v /= total;
  return p;
}

}  // namespace

TEST_CASE("ensemble: answers, confidences and losses are those of the joined probabilities") {
  for (const char* name : {"top1", "top2", "cross_entropy"})
    for (const auto kind : {weir::detail::Join::geometric, weir::detail::Join::mean}) {
      const weir::Loss loss(name);
      const auto trace = weir_test::probability_trace(80, 4, 6, 3, loss);
      const auto seen = weir::detail::ensemble_trace(trace, kind, loss);
      REQUIRE(seen.stages.size() == 5);
      CHECK(seen.label == trace.label);
      for (std::size_t k = 0; k < 4; ++k) {
        CHECK(seen.stages[k].cost == trace.stages[k].cost);
        for (std::size_t i = 0; i < 80; ++i) {
          const auto p = joined(trace, kind, k, i);
          const auto best = std::max_element(p.begin(), p.end());
          const auto row = static_cast<Eigen::Index>(i);
          CHECK(seen.stages[k].prediction[i] == best - p.begin());
          CHECK(seen.stages[k].features(row, 0) == doctest::Approx(*best).epsilon(1e-5));
          const std::vector<float> rounded(p.begin(), p.end());
          CHECK(seen.stages[k].loss(row) == doctest::Approx(loss(rounded, trace.label[i])).epsilon(1e-5));
        }
      }
      CHECK(seen.stages[0].loss == trace.stages[0].loss);
      CHECK(seen.stages[4].loss == trace.stages[3].loss);
      CHECK(seen.stages[4].prediction == trace.stages[3].prediction);
      CHECK(seen.stages[4].cost == 0);
    }
}

TEST_CASE("ensemble: a probability of 0 vetoes a class in the geometric mean only") {
  weir::Trace trace;
  trace.label = {0};
  for (const std::vector<float>& p : {std::vector<float>{0.9F, 0.1F}, std::vector<float>{0, 1}}) {
    trace.stages.push_back(
        weir::stage_from_probabilities("s" + std::to_string(trace.stages.size()), 1, p, 2, trace.label));
    trace.stages.back().probabilities = Eigen::RowVector2f(p[0], p[1]);
  }
  CHECK(weir::detail::ensemble_trace(trace, weir::detail::Join::geometric).stages[1].prediction[0] == 1);
  CHECK(weir::detail::ensemble_trace(trace, weir::detail::Join::mean).stages[1].prediction[0] == 1);
  trace.stages[0].probabilities = Eigen::RowVector2f(1, 0);
  trace.stages[1].probabilities = Eigen::RowVector2f(0.1F, 0.9F);
  CHECK(weir::detail::ensemble_trace(trace, weir::detail::Join::geometric).stages[1].prediction[0] == 0);
  CHECK(weir::detail::ensemble_trace(trace, weir::detail::Join::mean).stages[1].features(0, 0) ==
        doctest::Approx(0.55));
}

TEST_CASE("ensemble: what cannot be joined is refused by name") {
  auto trace = weir_test::probability_trace(20, 3, 4, 1);
  const auto geometric = [&] { return weir::detail::ensemble_trace(trace, weir::detail::Join::geometric); };
  CHECK_THROWS_WITH_AS(weir::detail::ensemble_trace(trace, weir::detail::Join::mean, weir::Loss("top2")),
                       "ensemble: the losses of stage 'stage0' are not 'top2' of its probabilities",
                       weir::ArgumentError);
  const Eigen::MatrixXf good = trace.stages[1].probabilities;
  trace.stages[1].probabilities = good.leftCols(3);
  CHECK_THROWS_WITH_AS(geometric(), "ensemble: stage 'stage1' has probabilities of 3 classes, the first stage of 4",
                       weir::ArgumentError);
  trace.stages[1].probabilities.resize(0, 0);
  CHECK_THROWS_WITH_AS(geometric(), "ensemble: stage 'stage1' has no class probabilities", weir::ArgumentError);
  trace.stages[1].probabilities = good.topRows(19);
  CHECK_THROWS_AS(geometric(), weir::ShapeError);
  trace.stages[1].probabilities = good;
  trace.stages[1].probabilities(7, 2) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(geometric(), "trace, stage 'stage1': probability of class 2 must be finite and >= 0 at row 7",
                       weir::ArgumentError);
  trace.stages[1].probabilities = good;
  trace.stages[0].probabilities *= 2;
  CHECK_THROWS_WITH_AS(geometric(), "stage 'stage0', row 0: not probabilities that add up to 1", weir::ArgumentError);
}

TEST_CASE("ensemble: rows of a trace keep their probabilities") {
  const auto trace = weir_test::probability_trace(20, 2, 4, 1);
  const auto part = trace.rows({5, 3});
  CHECK(part.stages[1].probabilities.row(0) == trace.stages[1].probabilities.row(5));
  CHECK(part.stages[1].probabilities.row(1) == trace.stages[1].probabilities.row(3));
}

}  // namespace WEIR_UNIT
