#include "../../../bench/adapt/learn.hpp"

#include <doctest/doctest.h>

#include <weir/core/isa.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/learn/expected_loss.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../io/io_test.hpp"
#include "../../policy/cascade_cases.hpp"
#include "../../policy/probability_trace.hpp"
#include "../../policy/toy_cascade.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;

TEST_CASE("adapt: gates learn from expected losses where probabilities are there, unless labels are asked for") {
  const weir::Loss loss("top1");
  adapt::Options o;
  weir::Trace policy = weir_test::probability_trace(200, 2, 5, 4);
  const adapt::Prices prices{{policy.cost_unit, {1}, {policy.costs()}}, 1, {policy.costs(), {1, 1}}};
  const auto taught = [&] { return adapt::with_lessons({}, prices, policy, o, loss); };
  const double T = weir::detail::full_temperature(policy);
  const adapt::PricedMode expected = taught();
  CHECK(expected.lessons.stages[0].loss ==
        weir::detail::with_expected_losses(policy, loss, weir::detail::LossSide::excess, T).stages[0].loss);
  CHECK(contains(expected.learned_from, "expected under stage1"));
  o.learn_from = "labels";
  CHECK(taught().lessons.stages[0].loss == policy.stages[0].loss);
  CHECK(taught().learned_from == "labels");
  for (weir::StageTrace& s : policy.stages) s.probabilities.resize(0, 0);
  o.learn_from = "auto";
  CHECK(taught().learned_from == "labels");
  o.learn_from = "full";
  CHECK(contains(message_of<weir::ArgumentError>([&] { static_cast<void>(taught()); }), "--learn-from full"));
}

TEST_CASE("adapt: other prices for a mode's stages are in all that is learned from it") {
  const adapt::Options o;
  const weir::Trace policy = weir_test::probability_trace(50, 2, 5, 4);
  const std::vector<weir::StageCost> dear{{3, 1}, {7, 2}};
  const adapt::Prices before{{policy.cost_unit, {1}, {policy.costs()}}, 1, {policy.costs(), {1, 1}}};
  const adapt::PricedMode m = adapt::with_lessons({}, before, policy, o, weir::Loss("top1"));
  CHECK(m.costs() == policy.costs());
  const adapt::PricedMode priced = adapt::at_prices(m, adapt::full_batches({"EUR", {1}, {dear}}, 1));
  CHECK(priced.costs() == dear);
  for (const weir::Trace* trace : {&priced.policy, &priced.lessons}) {
    CHECK(trace->costs() == dear);
    CHECK(trace->cost_unit == "EUR");
  }
  CHECK(m.policy.costs() == policy.costs());  // a value is returned, the mode that was given stays
}

TEST_CASE("adapt: rules are tuned for the budget, and none where further limits are asked for, with a reason") {
  const weir::Trace policy = weir_test::probability_trace(200, 2, 5, 4),
                    calibration = weir_test::probability_trace(200, 2, 5, 9);
  const auto tuned = [&](const adapt::Options& o) {
    return adapt::tune_rules(policy, calibration, weir::Topology::chain({"stage0", "stage1"}), o, weir::Loss("top1"));
  };
  adapt::Options o;
  o.max_loss = 0.1;
  o.confidence = 0;
  CHECK(tuned(o).rules.size() > 3);
  o.rules = {"margin", "two_stages"};  // two_stages is for stages that can be skipped
  REQUIRE(tuned(o).rules.size() == 1);
  CHECK(tuned(o).rules[0].name == "margin");
  o.rules = {"none"};
  CHECK(tuned(o).rules.empty());
  CHECK(tuned(o).left_out.empty());
  o.rules = {"all"};
  o.also = {"top2:0.05"};
  CHECK(tuned(o).rules.empty());
  REQUIRE(tuned(o).left_out.size() == 1);
  CHECK(contains(tuned(o).left_out[0], "would not keep --also and --given-exit"));
  o.also.clear();
  o.given_exit = 0.1;
  CHECK(tuned(o).rules.empty());
}

TEST_CASE("adapt: beside a policy stand the paper's reduction and the other budget, on as many prices; or a reason") {
  using cascade_cases::a, cascade_cases::b, cascade_cases::c;
  const cascade_cases::Toys toys;
  const weir::Loss loss("top1");
  const auto named = [](weir::Trace trace) {
    for (std::size_t k = 0; k < 3; ++k) trace.stages[k].name = std::string(1, "abc"[k]);
    return trace;
  };
  adapt::Options o;
  o.quick = true;
  o.max_loss = 0.05;
  CHECK(adapt::prices_of_loss(o) == 10);
  const auto beside = [&](std::size_t n_calibration) {
    adapt::LearnedMode m;
    m.name = "selection";
    m.spec = std::make_shared<weir::CascadeSpec>(toys.networks(), cascade_cases::Stages{a, b, c},
                                                 weir::Topology::chain({"a", "b", "c"}));
    m.policy = named(weir_test::probability_trace(400, 3, 5, 1));
    m.lessons = program::lessons(m.policy, loss, "auto", adapt::loss_side(adapt::budget_on(o.budget))).trace;
    m.calibration = named(weir_test::probability_trace(n_calibration, 3, 5, 2));
    m.train = adapt::predicted_losses(o);
    m.certified = o.confidence > 0;
    return adapt::learned_beside(m, o, loss);
  };
  const auto names = [](const adapt::BesideLearned& made) {
    std::vector<std::string> all;
    for (const adapt::Learned& l : made.policies) {
      all.push_back(l.name);
      CHECK((l.on == weir::BudgetOn::difference) == contains(l.name, "net loss"));
    }
    return all;
  };
  const std::string paper = "the paper's reduction (logistic), ";
  const adapt::BesideLearned both = beside(500);
  CHECK(names(both) ==
        std::vector<std::string>{paper + "excess loss", "learned, budget on the net loss", paper + "net loss"});
  CHECK(both.left_out.empty());
  for (const adapt::Learned& l : both.policies) {
    REQUIRE(l.choice.redrawn);
    CHECK(l.choice.redrawn->draws == 1000);
    CHECK(l.choice.redrawn->share95().low < 0.05);
  }
  const adapt::BesideLearned few = beside(100);  // enough for the excess loss (59), not for the net loss
  CHECK(names(few) == std::vector<std::string>{paper + "excess loss"});
  REQUIRE(few.left_out.size() == 1);
  const std::size_t least = weir::bounds::least_paired_examples(0.05, 0.05);
  CHECK(few.left_out[0] == "policies with the budget on the net loss left out: 95 % for a net loss of 5 % needs " +
                               std::to_string(least) +
                               " images on which nothing differs; there are 100 for calibration");
  o.budget = "net";
  CHECK(names(beside(500)) ==
        std::vector<std::string>{paper + "net loss", "learned, budget on the excess loss", paper + "excess loss"});
  o.confidence = 0;
  const adapt::BesideLearned in_the_mean = beside(100);
  CHECK(in_the_mean.policies.size() == 3);
  CHECK_FALSE(in_the_mean.policies[0].choice.redrawn);
  o.confidence = 0.95;
  o.given_exit = 0.2;
  CHECK(adapt::promised_budget(o).redraws == 0);  // limits that are tested together are not drawn anew
}

}  // namespace WEIR_UNIT
