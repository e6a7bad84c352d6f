#include <doctest/doctest.h>

#include <numeric>
#include <weir/core/executor.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/plan/describe.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/shape.hpp>

#include "../toy_network.hpp"

namespace WEIR_UNIT {

TEST_CASE("describe: what was fused is named, and a hook undoes it") {
  weir::Executor run{toy::network(false)};
  const weir::PlanDescription plan = run.describe(3);
  REQUIRE(plan.steps.size() == 2);
  CHECK(plan.batch == 3);
  CHECK(plan.threads == 1);
  CHECK(plan.steps[0].name == "first");
  CHECK(plan.steps[0].op == "Double");
  CHECK(plan.steps[0].fused == std::vector<std::string>{"Double"});
  CHECK(plan.steps[0].tensor == "b");
  CHECK(plan.steps[0].output == weir::Shape{3, 4});
  CHECK(plan.steps[0].algorithm == "");
  CHECK(plan.steps[0].bytes == 4 * (3 * 4 + 3 * 4));
  CHECK(plan.steps[1].fused.empty());
  CHECK(plan.steps[1].bytes == 4 * (3 * 4 + 3));
  auto handle = run.on("a", [](const weir::Step&) {});
  CHECK(run.describe().steps.size() == 3);
  handle.detach();
  CHECK(run.describe().steps.size() == 2);
  CHECK_THROWS_AS((void)run.describe(0), weir::ShapeError);
}

TEST_CASE("describe: in the middle of a pass it disturbs nothing") {
  weir::Executor run{toy::network()};
  run.begin(toy::rows(2));
  (void)run.advance_to("a");
  (void)run.describe(7);
  CHECK(run.finish().data[1] == 6 * toy::sum_of_row(1));
}

TEST_CASE("time_steps: every step once, in order, of the same plan; nothing once it is taken off") {
  weir::Executor run{toy::network(false)};
  std::vector<std::size_t> steps;
  run.time_steps([&](std::size_t step, double seconds) {
    steps.push_back(step);
    CHECK(seconds >= 0);
  });
  CHECK(run(toy::rows(2)).output[1] == 4 * toy::sum_of_row(1));
  std::vector<std::size_t> all(run.describe().steps.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  CHECK(steps == all);
  run.time_steps({});
  CHECK(run(toy::rows(2)).output[0] == 4 * toy::sum_of_row(0));
  CHECK(steps == all);
}

TEST_CASE("to_text: columns that fit, words flush left, numbers flush right") {
  CHECK(weir::detail::aligned({{"a", "n"}, {"long", "1"}, {"b", "123"}}, 1) == "a       n\nlong    1\nb     123\n");
  CHECK(weir::detail::aligned({}, 1).empty());
  const weir::PlanDescription plan{weir::Isa::portable, 2, 4, {{"c", "Conv", {"Relu"}, "", "y", {4, 1}, 2.5e6, 1536}}};
  CHECK(weir::to_text(plan) ==
        "portable, 2 threads, batch 4, 2.500 MFLOP\n"
        "layer  operators  algorithm  output  at once  MFLOP  KiB\n"
        "c      Conv+Relu  -          [4, 1]        1  2.500  1.5\n");
}

}  // namespace WEIR_UNIT
