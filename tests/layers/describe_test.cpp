#include <doctest/doctest.h>

#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/shape.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

namespace WEIR_UNIT {

namespace {

using Words = std::vector<std::string>;

/// input [N,3,6,6] -> conv1 3x3, norm, relu -> conv2 1x1 plus the former, relu -> flatten -> linear to 5 -> output
weir::Network residual_block() {
  weir::models::GraphWriter g("block", {});
  const weir::models::Written a = g.relu(g.batch_norm("norm", g.conv("conv1", g.input(3, 6, 6), 8, 3, {.pad = 1})));
  const weir::models::Written b = g.relu(g.plus(g.conv("conv2", a, 8, 1), a));
  return weir::build_network(g.finish(g.linear("linear", g.flatten(b, 8 * 36), 5)));
}

}  // namespace

TEST_CASE("describe: operators, fusion, FLOP and bytes of real layers, counted by hand") {
  weir::Executor run{residual_block(), {.threads = 2, .isa = "portable"}};
  const weir::PlanDescription plan = run.describe(2);
  REQUIRE(plan.steps.size() == 6);
  const auto &conv1 = plan.steps[0], &conv2 = plan.steps[1], &to_plain = plan.steps[2], &flatten = plan.steps[3];
  const auto& linear = plan.steps[4];
  CHECK(plan.isa == weir::Isa::portable);
  CHECK(plan.threads == 2);

  CHECK(conv1.name == "conv1");
  CHECK(conv1.op == "Conv");
  CHECK(conv1.fused == Words{"BatchNormalization", "Relu"});
  CHECK(conv1.output == weir::Shape{2, 8, 6, 6});
  CHECK(conv1.flops == 2 * 2 * 8 * 36 * 27);
  CHECK(conv1.bytes == 4 * (2 * 3 * 36 + 8 * (27 + 1) + 2 * 8 * 36));
  CHECK(conv1.algorithm.find('x') != std::string::npos);

  CHECK(conv2.name == "conv2");
  CHECK(conv2.fused == Words{"Add", "Relu"});
  CHECK(conv2.flops == 2 * 2 * 8 * 36 * 8);
  CHECK(conv2.bytes == 4 * (2 * 8 * 36 + 8 * (8 + 1) + 2 * 8 * 36 + 2 * 8 * 36));
  CHECK(conv2.algorithm.find("direct") != std::string::npos);

  CHECK(to_plain.op == "Reorder");
  CHECK(to_plain.algorithm == "to plain");
  CHECK(to_plain.tensor == conv2.tensor);
  CHECK(to_plain.flops == 0);
  CHECK(to_plain.bytes == 4 * 2 * (2 * 8 * 36));

  CHECK(flatten.algorithm == "view");
  CHECK(flatten.bytes == 0);
  CHECK(linear.op == "Gemm");
  CHECK(linear.output == weir::Shape{2, 5});
  CHECK(linear.flops == 2 * 2 * 288 * 5);
  CHECK(linear.bytes == 4 * (2 * 288 + 289 * 5 + 2 * 5));
  CHECK(plan.steps[5].tensor == "output");
  CHECK(plan.flops() == conv1.flops + conv2.flops + linear.flops);

  CHECK(to_text(plan) == to_text(run.describe(2)));
}

TEST_CASE("describe: a hook on a fused tensor shows in it, timing does not") {
  weir::Executor run{residual_block()};
  run.time_steps([](std::size_t, double) {});
  const weir::PlanDescription plan = run.describe();
  CHECK(plan.steps[0].fused == Words{"BatchNormalization", "Relu"});
  (void)run.on("norm", [](const weir::Step&) {});
  CHECK(run.describe().steps[0].fused == Words{"BatchNormalization"});
}

}  // namespace WEIR_UNIT
