#include <doctest/doctest.h>

#include <algorithm>
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
    CHECK(points.size() >= 9);
    CHECK(points.size() % 9 == 0);
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

TEST_CASE("threshold_walks: every way from the first stage, or those that can be told by hand where there are many") {
  const weir::Trace trace = weir_test::difficulty_trace(20, 4, 1);
  using Walks = std::vector<weir::detail::Walk>;
  CHECK(weir::detail::threshold_walks(weir_test::chain_of(trace)) == Walks{{0, 1}, {0, 1, 2}, {0, 1, 2, 3}});
  CHECK(weir::detail::threshold_walks(weir_test::all_later_of(trace)) ==
        Walks{{0, 1}, {0, 2}, {0, 3}, {0, 1, 2}, {0, 1, 3}, {0, 2, 3}, {0, 1, 2, 3}});
  CHECK(weir::detail::threshold_walks(weir_test::all_later_of(trace), 7).size() == 7);
  CHECK(weir::detail::threshold_walks(weir_test::all_later_of(trace), 6) ==
        Walks{{0, 1}, {0, 1, 2}, {0, 1, 2, 3}, {0, 2}, {0, 3}});
  const weir::Trace wide = weir_test::difficulty_trace(5, 40, 1);  // 2^39 ways
  CHECK(weir::detail::threshold_walks(weir_test::all_later_of(wide)).size() == 39 + 38);
}

TEST_CASE("rule_points: a walk that ends before a stage that is dear and no better, and leaves out one") {
  weir::Trace trace = weir_test::difficulty_trace(600, 4, 5);
  trace.stages[3].loss = trace.stages[2].loss;  // the full network answers as the stage before it does
  trace.stages[1].loss = trace.stages[0].loss;  // and this one as the stage before it
  const auto topology = weir_test::all_later_of(trace);
  const weir::PolicyTrainer trainer(trace, topology, {.learner = "threshold"});
  const auto points = weir::detail::rule_points(trainer);
  CHECK(points.size() < 7 * 3 * 39);
  for (const weir::PathPoint& point : points) {
    const auto e = weir::evaluate(point.policy, trace);
    for (const std::size_t stage : {std::size_t{1}, std::size_t{3}}) CHECK(std::ranges::count(e.exit, stage) == 0);
  }
  weir::Budget budget;
  budget.value = 0.02;
  budget.refinements = 0;
  std::vector<weir::PathPoint> nearest, free = points;
  for (const double threshold : {0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99}) {
    nearest.emplace_back();
    nearest.back().policy = weir::detail::threshold_policy(topology, trace, {"max_probability", true}, threshold);
    nearest.back().actions = weir::detail::action_table(nearest.back().policy, trace);
    const auto e = weir::evaluate(nearest.back().policy, trace);
    nearest.back().mean_cost = e.mean_cost();
    nearest.back().mean_excess = e.mean_excess();
    nearest.back().mean_difference = e.mean_difference();
  }
  const double slow = weir::choose(trainer, nearest, trace, budget).calibration.cost;
  CHECK(weir::choose(trainer, free, trace, budget).calibration.cost < 0.95 * slow);
}

}  // namespace WEIR_UNIT
