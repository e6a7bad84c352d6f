#include "../../../bench/adapt/learn.hpp"

#include <doctest/doctest.h>

#include <weir/core/isa.hpp>
#include <weir/policy/learn/expected_loss.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../io/io_test.hpp"
#include "../../policy/probability_trace.hpp"

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

}  // namespace WEIR_UNIT
