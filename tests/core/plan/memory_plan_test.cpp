#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/network.hpp>
#include <weir/core/plan/memory_plan.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

namespace WEIR_UNIT {

namespace {

/// Residual blocks: of one convolution, which adds what it reads ("near"); of two ("far", "last"); and one whose
/// residual is read again later ("kept").
weir::Network blocks() {
  weir::models::GraphWriter g("blocks", {});
  const weir::models::Written a = g.relu(g.conv("a", g.input(3, 14, 14), 48, 3, {.pad = 1}));
  const weir::models::Written near = g.relu(g.plus(a, g.conv("near", a, 48, 1)));
  const weir::models::Written b = g.relu(g.conv("b", near, 20, 1));
  const weir::models::Written far = g.relu(g.plus(near, g.conv("far", b, 48, 3, {.pad = 1})));
  const weir::models::Written c = g.relu(g.conv("c", far, 48, 3, {.pad = 1}));
  const weir::models::Written kept = g.relu(g.plus(far, g.conv("kept", c, 48, 1)));
  const weir::models::Written d = g.relu(g.conv("d", kept, 24, 1));
  const weir::models::Written last = g.plus(kept, g.conv("last", d, 48, 3, {.pad = 1}));
  const weir::models::Written both = g.concat({last, g.relu(g.conv("e", far, 16, 1))});
  return weir::build_network(g.finish(g.linear("fc", g.flatten(g.global_average_pool(both), 64), 5)));
}

weir::Tensor images(std::int64_t n) {
  weir::Tensor x(weir::Shape{n, 3, 14, 14});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(0.7F * static_cast<float>(i));
  return x;
}

/// The step named `name` writes over its residual.
bool writes_over(const weir::detail::Plan& plan, const weir::detail::MemoryPlan& layout, const std::string& name) {
  for (const weir::detail::PlanStep& step : plan.steps())
    if (step.name == name)
      return layout.offset[static_cast<std::size_t>(step.inputs.back())] ==
             layout.offset[static_cast<std::size_t>(step.outputs[0])];
  FAIL("no step " << name);
  return false;
}

}  // namespace

TEST_CASE("memory layout: a convolution writes over its residual if it reads it as the last, and not as its image") {
  const weir::Network net = blocks();
  for (const std::int64_t batch : {1, 3, 64}) {
    CAPTURE(batch);
    const weir::Context context({.threads = 1});
    const auto plan = weir::detail::Plan::make(net, context, {});
    const weir::detail::MemoryPlan layout(*plan, context, batch);
    CHECK_FALSE(writes_over(*plan, layout, "near"));
    CHECK_FALSE(writes_over(*plan, layout, "kept"));
    if (batch > 3) continue;  // in groups of examples some lie in a thread's own memory
    CHECK(writes_over(*plan, layout, "far"));
    CHECK(writes_over(*plan, layout, "last") == (batch > 1));  // of one example it lies in the concatenation
  }
}

TEST_CASE("memory layout: residuals written over change no bit, whoever looks and whoever leaves") {
  const weir::Network net = blocks();
  const weir::Tensor x = images(6);
  for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512})
    for (const int threads : {1, 2, 3}) {
      if (!weir::supported(isa)) continue;
      const weir::ContextOptions options{.threads = threads, .isa = std::string(weir::to_string(isa))};
      // Who sees the residuals keeps them from being written over, but not the same layers from being fused.
      weir::Executor run(net, options), seen(net, options);
      for (const char* residual : {"near", "far", "kept"}) {
        const auto plan = weir::detail::Plan::make(net, seen.context(), {});
        for (const weir::detail::PlanStep& step : plan->steps())
          if (step.name == residual) seen.show(net.value(plan->base(step.outputs[0])).name);
      }
      const weir::Tensor all = run(x).output, expected = seen(x).output;
      CHECK(std::equal(all.data(), all.data() + all.size(), expected.data()));
      for (std::size_t i = 0; i < 6; ++i) {
        const weir::Tensor alone = run(weir::ConstView{x.data() + i * 3 * 196, weir::Shape{1, 3, 14, 14}}).output;
        CHECK(std::equal(alone.data(), alone.data() + 5, all.data() + 5 * i));
      }
      // Rows leave while residuals are alive.
      const std::string name = net.value(weir::detail::Plan::make(net, run.context(), {})->steps()[2].outputs[0]).name;
      run.begin(x);
      run.advance_to(name);
      const std::vector<std::size_t> keep{1, 4, 5};
      run.compact(keep);
      const weir::Tensor rest(run.finish());
      for (std::size_t r = 0; r < keep.size(); ++r)
        CHECK(std::equal(rest.data() + 5 * r, rest.data() + 5 * (r + 1), all.data() + 5 * keep[r]));
    }
}

}  // namespace WEIR_UNIT
