#include <doctest/doctest.h>

#include <set>
#include <vector>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/compare/rules/path_points.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../synthetic_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("rule_points: threshold policies, measured as evaluate measures them") {
  const weir::Trace trace = weir_test::difficulty_trace(300, 3, 8);
  for (const auto& topology : {weir_test::chain_of(trace), weir_test::all_later_of(trace)}) {
    const weir::PolicyTrainer trainer(trace, topology, {});
    const auto points = weir::detail::rule_points(trainer, 9);
    CHECK(points.size() == 3 * 9);
    for (const weir::PathPoint& point : points) {
      CHECK(!point.lambda);
      const auto e = weir::evaluate(point.policy, trace);
      CHECK(point.mean_cost == e.mean_cost());
      CHECK(point.mean_excess == e.mean_excess());
      CHECK(point.mean_difference == e.mean_difference());
    }
    CHECK(points.front().mean_cost != points[8].mean_cost);  // thresholds that matter
  }
}

TEST_CASE("rule_points: a choice from path and rules is never slower than from the path alone") {
  const weir::Trace trace = weir_test::difficulty_trace(500, 3, 21),
                    calibration = weir_test::difficulty_trace(500, 3, 22);
  const weir::PolicyTrainer trainer(trace, weir_test::chain_of(trace), {});
  weir::Budget budget;
  budget.value = 0.02;
  budget.refinements = 0;
  const auto alone = trainer.train_path(4);
  auto path = alone, joined = alone;
  const auto rules = weir::detail::rule_points(trainer);
  joined.insert(joined.end(), rules.begin(), rules.end());
  const auto a = weir::choose(trainer, path, calibration, budget),
             b = weir::choose(trainer, joined, calibration, budget);
  CHECK(b.calibration.cost <= a.calibration.cost);
  CHECK(b.calibration.excess <= budget.value + 1e-12);
}

TEST_CASE("rule_points: statistics that a trace lacks are left out") {
  weir::Trace trace = weir_test::difficulty_trace(50, 2, 1);
  trace.stages[0].feature_names = {"a", "entropy", "c", "d"};
  const weir::PolicyTrainer trainer(trace, weir_test::chain_of(trace), {});
  CHECK(weir::detail::rule_points(trainer, 5).size() == 5);
}

}  // namespace WEIR_UNIT
