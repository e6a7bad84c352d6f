#include <doctest/doctest.h>

#include <vector>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/choose/guarantee.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("family: of a path with one parameter, its own policies at the asked distance") {
  const auto trace = weir_test::difficulty_trace(1500, 4, 7), calibration = weir_test::difficulty_trace(400, 4, 8);
  for (const auto& topology : {weir_test::chain_of(trace), weir_test::all_later_of(trace)})
    for (const weir::Risk risk : {weir::Risk::excess, weir::Risk::disagreement}) {
      const weir::PolicyTrainer trainer(trace, topology, {.learner = "predicted_loss", .folds = 3});
      const auto path = trainer.train_path(8);
      std::vector<double> risks;
      for (int step = 1; step <= 50; ++step) risks.push_back(0.002 * step);
      const auto family = weir::policy_family(trainer, path, risk, risks, 5);
      REQUIRE(family.size() > 50);
      CHECK(family.predicted.front().loss <= 0.004);
      CHECK(family.predicted.back().loss <= 0.1);
      if (topology.stages[0].next.size() == 1) CHECK(family.predicted.back().loss > 0.09);
      std::size_t wide = 0;
      for (std::size_t j = 0; j < family.size(); ++j) {
        CHECK(family.members[j].p == 1);
        REQUIRE(family.faster(j).lambda);
        const auto point = trainer.train(*family.faster(j).lambda);
        CHECK(point.policy == family.faster(j).policy);
        CHECK(point.mean_cost == doctest::Approx(family.predicted[j].cost));
        if (j == 0) continue;
        CHECK(*family.faster(j).lambda < *family.faster(j - 1).lambda);
        CHECK(family.predicted[j].loss >= family.predicted[j - 1].loss);
        CHECK(family.predicted[j].cost < family.predicted[j - 1].cost);
        wide += family.predicted[j].loss - family.predicted[j - 1].loss > 0.0045 ? 1 : 0;
      }
      // Passing over stages may make a larger limit the slower one; such members are left out.
      if (topology.stages[0].next.size() == 1) CHECK(wide <= 2);
      const auto table = weir::evaluate(family, calibration);
      const auto last = weir::evaluate(family.policy(family.size() - 1), calibration);
      CHECK((table.cost.rightCols(1) - last.cost).norm() == 0);
      CHECK((table.risk.rightCols(1) - weir::risk_of(calibration, last, risk)).norm() == 0);
    }
}

TEST_CASE("family: of a path with one parameter, certified policies come out of it") {
  const auto trace = weir_test::difficulty_trace(2000, 4, 1), calibration = weir_test::difficulty_trace(2000, 4, 2);
  const weir::PolicyTrainer trainer(trace, weir_test::chain_of(trace), {.learner = "predicted_loss", .folds = 3});
  const auto path = trainer.train_path(8);
  double before = 1e9;
  for (const double epsilon : {0.005, 0.01, 0.02, 0.05}) {
    const auto found = weir::guarantee(trainer, path, calibration, {.epsilon = epsilon});
    CHECK(found.upper_limit <= epsilon);
    const auto e = weir::evaluate(found.policy, calibration);
    CHECK(e.mean_excess() == doctest::Approx(found.mean_risk));
    CHECK(e.mean_cost() < before);
    before = e.mean_cost();
  }
  // Nothing to lose: the first exit, certain of it or not.
  weir::Trace easy = trace, easy_calibration = calibration;
  for (auto* t : {&easy, &easy_calibration})
    for (auto& stage : t->stages) stage.loss.setZero();
  const weir::PolicyTrainer free(easy, weir_test::chain_of(trace), {.learner = "predicted_loss"});
  const auto found = weir::guarantee(free, free.train_path(3), easy_calibration, {.epsilon = 0.01});
  CHECK(weir::evaluate(found.policy, easy_calibration).mean_cost() == doctest::Approx(trace.stages[0].cost));
}

}  // namespace WEIR_UNIT
