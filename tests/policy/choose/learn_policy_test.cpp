#include <doctest/doctest.h>

#include <weir/core/isa.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/choose/learn_policy.hpp>
#include <weir/policy/choose/limits.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/run/topology.hpp>

#include "../../io/io_test.hpp"
#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;

TEST_CASE("learn_policy: is the trainer's path and choose(), charged for what the budget is on") {
  const auto training = weir_test::difficulty_trace(400, 3, 1), calibration = weir_test::difficulty_trace(800, 3, 2);
  const auto topology = weir_test::chain_of(training);
  for (const weir::BudgetOn on : {weir::BudgetOn::excess, weir::BudgetOn::difference}) {
    const weir::Budget budget{.on = on, .value = 0.03, .margin = weir::Margin::upper_limit, .seed = 5};
    const weir::PolicyTrainer trainer(
        training, topology,
        weir::detail::with_learner(
            {.side = on == weir::BudgetOn::excess ? weir::detail::LossSide::excess : weir::detail::LossSide::difference,
             .folds = 5,
             .seed = 5},
            "predicted_loss"));
    auto path = trainer.train_path(30);
    const weir::Choice by_hand = weir::choose(trainer, path, calibration, budget);
    const weir::Choice choice = weir::learn_policy(training, calibration, {.budget = budget, .seed = 5});
    CHECK(choice.calibration.cost == by_hand.calibration.cost);
    CHECK(choice.upper_limit == by_hand.upper_limit);
    CHECK(weir::evaluate(choice.policy, calibration).exit == weir::evaluate(by_hand.policy, calibration).exit);
    CHECK(*choice.upper_limit <= 0.03);
  }
}

TEST_CASE("learn_policy: further limits are certified with the budget; a choice of all stages is a topology's") {
  const auto training = weir_test::difficulty_trace(400, 3, 1), calibration = weir_test::difficulty_trace(800, 3, 2);
  weir::LearnOptions options;
  options.budget.value = 0.05;
  options.limits.given_exit = 0.2;
  const weir::Choice choice = weir::learn_policy(training, calibration, weir_test::all_later_of(training), options);
  REQUIRE(choice.limits.size() == 3);
  for (const weir::LimitFound& l : choice.limits) CHECK(l.p_value <= 0.05);
  CHECK(*choice.upper_limit <= 0.05);
  options.limits.given_exit = 2;
  CHECK_THROWS_AS(weir::learn_policy(training, calibration, options), weir::ArgumentError);
}

TEST_CASE("learn_policy: what calibration examples cannot certify is refused before anything is learned") {
  const auto training = weir_test::difficulty_trace(100, 2, 1), few = weir_test::difficulty_trace(298, 2, 2);
  weir::LearnOptions options;
  options.progress = [](std::size_t, std::size_t) { FAIL("something was learned"); };
  const auto refusal = [&] {
    return message_of<weir::ArgumentError>([&] { static_cast<void>(weir::learn_policy(training, few, options)); });
  };
  CHECK(contains(refusal(), "needs 299 examples"));
  options.budget.on = weir::BudgetOn::difference;  // repairs might hide regressions: more are needed
  CHECK(contains(refusal(), "examples"));
  options.budget = {};
  options.learner = "nosuch";
  CHECK(contains(refusal(), "nosuch"));
}

TEST_CASE("learn_policy: its policy file decides as the choice") {
  const auto training = weir_test::difficulty_trace(300, 3, 1), calibration = weir_test::difficulty_trace(400, 3, 2);
  const weir::LearnOptions options;
  const weir::Choice choice = weir::learn_policy(training, calibration, options);
  const std::string text = weir::to_text(weir::policy_file(choice, training, options.budget));
  const weir::PolicyFile back = weir::policy_from_text(text, "policy.json");
  CHECK(weir::evaluate(back.policy, calibration).exit == weir::evaluate(choice.policy, calibration).exit);
  CHECK(back.stages.size() == 3);
  CHECK(back.stages[2].cost == training.stages[2].cost);
  CHECK(back.lambda_a == choice.lambda_a);
}

}  // namespace WEIR_UNIT
