#include <doctest/doctest.h>

#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune_groups.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

/// A trace whose confidence says little, whose "energy" says which examples its first stages get wrong, whose "image"
/// is noise, and in which each of these two groups takes so many seconds.
weir::Trace informed_trace(double seconds) {
  weir::Trace trace = weir_test::difficulty_trace(600, 3, 4);
  std::uint64_t counter = 0;
  for (std::size_t k = 0; k + 1 < trace.stages.size(); ++k) {
    weir::StageTrace& s = trace.stages[k];
    Eigen::MatrixXd X(s.features.rows(), 3);
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      const double excess = std::max(0.0, s.loss(i) - trace.stages.back().loss(i));
      X(i, 0) = weir::detail::counter_uniform(1, counter++);
      X(i, 1) = excess + 0.3 * weir::detail::counter_uniform(2, counter++);
      X(i, 2) = weir::detail::counter_uniform(3, counter++);
    }
    s.feature_names = {"max_probability", "energy", "image_entropy"};
    s.features = std::move(X);
    s.cost += 2 * seconds;
    s.answer_cost = 2 * seconds;
    s.feature_costs = {{"energy", seconds}, {"image", seconds}};
  }
  return trace;
}

}  // namespace

TEST_CASE("tune_groups: takes what pays, leaves noise, and leaves what costs more than it brings") {
  const weir::detail::CrossValidation options{.folds = 3, .lambdas = 6, .seed = 1, .threads = 2};
  weir::Budget budget;
  budget.value = 0.02;
  using Groups = std::vector<std::string>;
  for (const double seconds : {0.0, 1e-6, 1e-2}) {  // nothing, little, much more than the stages themselves
    const weir::Trace trace = informed_trace(seconds);
    const auto topology = weir_test::chain_of(trace);
    const weir::TrainOptions train;
    std::size_t last = 0, total = 0;
    const auto found = weir::detail::tune_groups(trace, topology, train, {"image", "energy"}, budget, options, 0.01,
                                                 [&](std::size_t done, std::size_t of) {
                                                   CHECK(done >= last);
                                                   last = done;
                                                   total = of;
                                                 });
    CHECK(last == total);
    CHECK(found.tried[0].groups == Groups{"confidence"});
    CHECK(found.best.groups == (seconds < 1e-3 ? Groups{"confidence", "energy"} : Groups{"confidence"}));
    CHECK(found.tried.size() == (seconds < 1e-3 ? 4 : 3));
    if (seconds < 1e-3) CHECK(found.best.cost < 0.9 * found.tried[0].cost);
    for (const auto& tried : found.tried) {
      const auto path =
          weir::detail::cross_validate(weir::detail::keep_groups(trace, tried.groups), topology, train, options);
      CHECK(tried.cost == weir::detail::system_cost(path, budget));
    }
  }
  CHECK_THROWS_AS(weir::detail::tune_groups(weir_test::difficulty_trace(100, 3, 4),
                                            weir_test::chain_of(weir_test::difficulty_trace(100, 3, 4)), {}, {"x"},
                                            budget, options),
                  weir::ArgumentError);
}

}  // namespace WEIR_UNIT
