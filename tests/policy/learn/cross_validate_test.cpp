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

}  // namespace WEIR_UNIT
