#include <doctest/doctest.h>

#include <cstddef>
#include <vector>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/folds.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

using weir::Trace;

TEST_CASE("cross_validate: equals a plain loop over folds") {
  const Trace trace = weir_test::difficulty_trace(300, 3, 4);
  const auto topology = weir_test::chain_of(trace);
  weir::TrainOptions train;
  train.passes = 1;
  const weir::detail::CrossValidation options{.folds = 3, .lambdas = 4, .seed = 2, .threads = 2};
  const auto got = weir::detail::cross_validate(trace, topology, train, options);
  REQUIRE(got.size() == 3 + 4);
  const auto fold = weir::detail::deal_folds(300, 3, 2);
  const auto lambdas = weir::PolicyTrainer(trace, topology, train).lambda_grid(4);
  std::vector<double> seconds(7, 0), excess(7, 0);
  for (std::size_t f = 0; f < 3; ++f) {
    std::vector<Eigen::Index> in, out;
    for (Eigen::Index i = 0; i < 300; ++i) (fold[static_cast<std::size_t>(i)] == f ? out : in).push_back(i);
    const Trace learn = trace.rows(in), judge = trace.rows(out);
    const auto path = weir::PolicyTrainer(learn, topology, train).train_path(lambdas);
    for (std::size_t p = 0; p < 7; ++p) {
      const auto e = weir::evaluate(path[p].policy, judge);
      seconds[p] += e.cost.sum() / 300;
      excess[p] += e.excess.sum() / 300;
    }
  }
  for (std::size_t p = 0; p < 7; ++p) {
    CHECK(got[p].cost == doctest::Approx(seconds[p]));
    CHECK(got[p].excess == doctest::Approx(excess[p]));
  }
}

TEST_CASE("cross_validate: gates learn from one trace and are judged by the other") {
  const Trace honest = weir_test::difficulty_trace(400, 3, 4);
  // Lessons that say of every answer that it loses nothing: gates exit at once whatever a loss costs.
  Trace misleading = honest;
  for (weir::StageTrace& s : misleading.stages) s.loss.setZero();
  const auto topology = weir_test::chain_of(honest);
  const weir::detail::CrossValidation options{.folds = 3, .lambdas = 4, .seed = 2};
  weir::TrainOptions train;
  train.passes = 1;
  const auto by_itself = weir::detail::cross_validate(misleading, topology, train, options);
  const auto by_labels = weir::detail::cross_validate({misleading, honest}, topology, train, options);
  REQUIRE(by_labels.size() == by_itself.size());
  const double first = weir::evaluate(weir::detail::fixed_policy(topology, honest, 0), honest).mean_excess();
  REQUIRE(first > 0.1);
  for (std::size_t p = 3; p < by_labels.size(); ++p) {
    CHECK(by_itself[p].excess == 0);
    CHECK(by_labels[p].excess == doctest::Approx(first));
    CHECK(by_labels[p].cost == doctest::Approx(by_itself[p].cost));
  }
  // The same trace twice is that trace.
  const auto same = weir::detail::cross_validate({honest, honest}, topology, train, options);
  const auto alone = weir::detail::cross_validate(honest, topology, train, options);
  for (std::size_t p = 0; p < same.size(); ++p) CHECK(same[p].cost == alone[p].cost);
  const Trace part = honest.rows({0, 1, 2});
  CHECK_THROWS_AS(weir::detail::cross_validate({honest, part}, topology, train, options), weir::ShapeError);
}

}  // namespace WEIR_UNIT
