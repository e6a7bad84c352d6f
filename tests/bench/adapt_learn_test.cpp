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

}  // namespace WEIR_UNIT
