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
#include <weir/core/network.hpp>
#include <weir/core/plan/liveness.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

namespace WEIR_UNIT {

namespace {

/// Two joins, one within the other; of their parts one is read again later, one comes twice, and the last ends within a
/// block.
weir::Network joins() {
  weir::models::GraphWriter g("joins", {});
  const weir::models::Written a = g.relu(g.conv("a", g.input(3, 9, 7), 32, 3, {.pad = 1}));
  const weir::models::Written b = g.conv("b", a, 16, 1);
  const weir::models::Written c = g.conv("c", a, 48, 3, {.pad = 1});
  const weir::models::Written inner = g.concat({b, c, b, g.max_pool(a, 3, 1, 1)});
  const weir::models::Written d = g.conv("d", c, 20, 1);
  const weir::models::Written outer = g.concat({g.conv("e", a, 16, 1), inner, d});
  return weir::build_network(g.finish(g.linear("fc", g.flatten(g.global_average_pool(g.relu(outer)), 148), 5)));
}

weir::Tensor images(std::int64_t n) {
  weir::Tensor x(weir::Shape{n, 3, 9, 7});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(0.7F * static_cast<float>(i));
  return x;
}

std::vector<weir::detail::ValueId> outputs_of(const weir::detail::Plan& plan, const std::string& op) {
  std::vector<weir::detail::ValueId> all;
  for (std::size_t i = 0; i < plan.steps().size(); ++i)
    if (plan.op_of(i).starts_with(op)) all.push_back(plan.steps()[i].outputs[0]);
  return all;
}

}  // namespace

TEST_CASE("lives: of one example, what a join alone still needs lies in its output") {
  const weir::Network net = joins();
  for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    const weir::Context context({.isa = std::string(weir::to_string(isa))});
    const auto plan = weir::detail::Plan::make(net, context, {});
    const weir::detail::Liveness one(*plan, 1), three(*plan, 3);
    const auto at = [](weir::detail::ValueId v) { return static_cast<std::size_t>(v); };
    const auto concats = outputs_of(*plan, "Concat");
    REQUIRE(concats.size() == 2);
    const weir::detail::ValueId inner = concats[0], outer = concats[1];
    const std::size_t pixels = 63;
    const auto lies = [&](const char* name, weir::detail::ValueId in, std::size_t channel) {
      CAPTURE(name);
      const weir::detail::ValueId v = net.id_of(name);
      CHECK(one.root[at(v)] == at(in));
      CHECK(one.shift[at(v)] == channel * pixels);
      CHECK(three.root[at(v)] == at(v));
      CHECK(three.shift[at(v)] == 0);
    };
    lies("e", outer, 0);
    lies("d", outer, 16 + 112);
    lies("b", outer, 16);
    CHECK(one.root[at(inner)] == at(outer));
    CHECK(one.shift[at(inner)] == 16 * pixels);
    // Read again after the join, so it keeps a place of its own.
    CHECK(one.root[at(net.id_of("c"))] == at(net.id_of("c")));
    // Whoever looks at a part wants it to last.
    const auto seen = weir::detail::Plan::make(net, context, {net.id_of("e")});
    const weir::detail::Liveness shown(*seen, 1);
    CHECK(shown.root[at(net.id_of("e"))] == at(net.id_of("e")));
  }
}

TEST_CASE("lives: joins in place change no bit, whoever looks") {
  const weir::Network net = joins();
  const weir::Tensor x = images(3);
  for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512})
    for (const int threads : {1, 2}) {
      if (!weir::supported(isa)) continue;
      weir::Executor run(net, {.threads = threads, .isa = std::string(weir::to_string(isa))});
      weir::Executor hooked(net, {.threads = threads, .isa = std::string(weir::to_string(isa))});
      int calls = 0;
      const auto hook = hooked.on("*", [&](const weir::Step&) { ++calls; });
      const weir::Tensor all = run(x).output;
      for (std::size_t i = 0; i < 3; ++i) {
        const weir::ConstView one{x.data() + i * 3 * 63, weir::Shape{1, 3, 9, 7}};
        const weir::Tensor alone = run(one).output, seen = hooked(one).output;
        CHECK(std::equal(alone.data(), alone.data() + 5, all.data() + 5 * i));
        // With everything visible, fewer layers are fused: other roundings.
        for (std::size_t j = 0; j < 5; ++j) CHECK(seen[j] == doctest::Approx(alone[j]).epsilon(1e-4));
      }
      CHECK(calls > 0);
    }
}

}  // namespace WEIR_UNIT
