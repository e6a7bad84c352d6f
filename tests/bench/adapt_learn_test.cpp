#include <doctest/doctest.h>

#include <weir/core/isa.hpp>
#include <weir/policy/learn/expected_loss.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../bench/adapt/learn.hpp"
#include "../io/io_test.hpp"
#include "../policy/probability_trace.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;

TEST_CASE("adapt: gates learn from expected losses where probabilities are there, unless labels are asked for") {
  const weir::Loss loss("top1");
  adapt::Options o;
  adapt::Mode m;
  m.policy = weir_test::probability_trace(200, 2, 5, 4);
  adapt::take_lessons(m, o, loss);
  const double T = weir::detail::full_temperature(m.policy);
  CHECK(m.lessons.stages[0].loss ==
        weir::detail::with_expected_losses(m.policy, loss, weir::detail::LossSide::excess, T).stages[0].loss);
  CHECK(contains(m.learned_from, "expected under stage1"));
  o.learn_from = "labels";
  adapt::take_lessons(m, o, loss);
  CHECK(m.lessons.stages[0].loss == m.policy.stages[0].loss);
  CHECK(m.learned_from == "labels");
  for (weir::StageTrace& s : m.policy.stages) s.probabilities.resize(0, 0);
  o.learn_from = "auto";
  adapt::take_lessons(m, o, loss);
  CHECK(m.learned_from == "labels");
  o.learn_from = "full";
  CHECK(contains(message_of<weir::ArgumentError>([&] { adapt::take_lessons(m, o, loss); }), "--learn-from full"));
}

TEST_CASE("adapt: rules are tuned for the budget, and none where further limits are asked for, with a reason") {
  const weir::Loss loss("top1");
  const weir::Topology topology = weir::Topology::chain({"stage0", "stage1"});
  adapt::Mode m;
  m.policy = weir_test::probability_trace(200, 2, 5, 4);
  m.calibration = weir_test::probability_trace(200, 2, 5, 9);
  weir::Budget budget;
  budget.value = 0.1;
  const auto tuned = [&](const adapt::Options& o) {
    m.rules.clear();
    m.left_out.clear();
    adapt::tune_rules(m, topology, o, loss, budget);
    return m.rules.size();
  };
  adapt::Options o;
  CHECK(tuned(o) > 3);
  o.also = {"top2:0.05"};
  CHECK(tuned(o) == 0);
  REQUIRE(m.left_out.size() == 1);
  CHECK(contains(m.left_out[0], "would not keep --also and --given-exit"));
  o.also.clear();
  o.given_exit = 0.1;
  CHECK(tuned(o) == 0);
}

}  // namespace WEIR_UNIT
