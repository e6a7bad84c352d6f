#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>
#include <weir/core/executor.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

namespace WEIR_UNIT {

namespace {

/// input [N,5,9,9] -> conv1, relu -> conv2, of which conv1's result is read by two dense layers too: all summed up.
weir::Network fork() {
  weir::GraphWriter g("fork", {});
  const weir::Written a = g.relu(g.conv("conv1", g.input(5, 9, 9), 20, 3, {.pad = 1}));
  const weir::Written b = g.conv("conv2", a, 20, 3, {.pad = 1});
  const auto dense = [&](const char* name, const weir::Written& x) { return g.linear(name, g.flatten(x, 20 * 81), 3); };
  return weir::build_network(g.finish(g.plus(g.plus(dense("fc1", a), dense("fc2", a)), dense("fc3", b))));
}

weir::Tensor image(std::int64_t n) {
  weir::Tensor x(weir::Shape{n, 5, 9, 9});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(0.7F * static_cast<float>(i));
  return x;
}

std::vector<std::string> copies(const weir::PlanDescription& plan) {
  std::vector<std::string> all;
  for (const weir::StepDescription& s : plan.steps)
    if (s.op == "Reorder") all.push_back(s.tensor + " " + s.algorithm);
  return all;
}

std::vector<float> floats(weir::ConstView v) {
  const auto s = v.span();
  return {s.begin(), s.end()};
}

}  // namespace

TEST_CASE("layouts: a tensor between blocked layers is copied once for all plain readers, and for nobody else") {
  weir::Executor run{fork(), {.isa = "portable"}};
  const weir::PlanDescription plan = run.describe();
  const auto all = copies(plan);
  INFO(to_text(plan));
  REQUIRE(all.size() == 3);
  CHECK(all[0] == "input to blocked");
  for (const std::size_t i : {1U, 2U}) CHECK(all[i].ends_with("to plain"));
  CHECK(all[1] != all[2]);
}

TEST_CASE("layouts: a hook costs one copy of its tensor, sees [N, C, H, W], and changes no bit of the answer") {
  for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    const std::string name(weir::to_string(isa));
    INFO(name);
    const weir::Network net = fork();
    weir::Executor plain{net, {.isa = name}}, hooked{net, {.isa = name}}, slow{net, {.isa = "portable"}};
    const weir::Tensor x = image(3);
    const std::vector<float> expected = floats(plain.run(x).output);
    std::vector<float> seen, wanted;
    weir::Shape shape;
    (void)hooked.on("conv1", [&](const weir::Step& s) {  // fused with what follows, were it not for the hook
      shape = s.output().shape;
      seen = floats(s.output());
    });
    (void)slow.on("conv1", [&](const weir::Step& s) { wanted = floats(s.output()); });
    CHECK(floats(hooked.run(x).output) == expected);
    (void)slow.run(x);
    CHECK(shape == weir::Shape{3, 20, 9, 9});
    REQUIRE(seen.size() == wanted.size());
    float worst = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) worst = std::max(worst, std::abs(seen[i] - wanted[i]));
    CHECK(worst < 1e-5F);
    CHECK(copies(hooked.describe(3)).size() == copies(plain.describe(3)).size() + 1);
  }
}

}  // namespace WEIR_UNIT
