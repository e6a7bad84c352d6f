#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

namespace WEIR_UNIT {

namespace {

/// input [N,5,9,9] -> conv1, relu -> conv2, of which conv1's result is read by two dense layers too: all summed up.
weir::Network fork() {
  weir::models::GraphWriter g("fork", {});
  const weir::models::Written a = g.relu(g.conv("conv1", g.input(5, 9, 9), 20, 3, {.pad = 1}));
  const weir::models::Written b = g.conv("conv2", a, 20, 3, {.pad = 1});
  const auto dense = [&](const char* name, const weir::models::Written& x) {
    return g.linear(name, g.flatten(x, 20 * 81), 3);
  };
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

TEST_CASE("layouts: channels are joined within blocks too, whatever their numbers, and go on blocked") {
  const std::vector<std::vector<std::int64_t>> widths = {
      {24, 48, 16, 16}, {3, 1, 30}, {16, 5, 16}, {7, 7, 7, 7, 7}, {40}};
  for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    for (const auto& parts : widths) {
      weir::models::GraphWriter g("join", {});
      const weir::models::Written x = g.input(5, 9, 9);
      std::vector<weir::models::Written> branches;
      std::int64_t all = 0;
      for (const std::int64_t n : parts) {
        branches.push_back(g.conv("branch" + std::to_string(branches.size()), x, n, 1));
        all += n;
      }
      const weir::models::Written joined = g.concat(branches);
      const weir::Network net =
          weir::build_network(g.finish(g.linear("fc", g.flatten(g.max_pool(joined, 3, 1, 1), all * 81), 2)));
      for (const int threads : {1, 3}) {
        const weir::ContextOptions options{.threads = threads, .isa = std::string(weir::to_string(isa))};
        weir::Executor run{net, options}, apart{net, options};
        INFO(options.isa, ", ", threads, " threads, ", all, " channels\n", to_text(run.describe(3)));
        // One copy in front and one behind: nothing is made plain in between.
        const auto made = copies(run.describe(3));
        CHECK(made.size() <= 2);
        for (std::size_t b = 0; b < parts.size(); ++b) apart.show("branch" + std::to_string(b));
        const std::string joined_name = net.value(net.state().nodes[parts.size()].outputs[0]).name;
        REQUIRE(net.state().nodes[parts.size()].op == "Concat");
        apart.show(joined_name);
        const weir::Tensor batch = image(3);
        const std::vector<float> answer = floats(run.run(batch).output);
        apart.begin(batch);
        std::vector<std::vector<float>> branch;
        for (std::size_t b = 0; b < parts.size(); ++b)
          branch.push_back(floats(apart.advance_to("branch" + std::to_string(b))));
        const std::vector<float> whole = floats(apart.advance_to(joined_name));
        std::vector<float> expected;
        for (std::size_t image = 0; image < 3; ++image)
          for (std::size_t b = 0; b < parts.size(); ++b) {
            const std::size_t size = branch[b].size() / 3;
            const auto from = branch[b].begin() + static_cast<std::ptrdiff_t>(image * size);
            expected.insert(expected.end(), from, from + static_cast<std::ptrdiff_t>(size));
          }
        CHECK(whole == expected);
        CHECK(floats(apart.finish()) == answer);
      }
    }
  }
}

}  // namespace WEIR_UNIT
