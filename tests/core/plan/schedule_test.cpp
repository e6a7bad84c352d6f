#include <doctest/doctest.h>
#include <sys/resource.h>

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
#include <weir/core/plan/liveness.hpp>
#include <weir/core/plan/memory_plan.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/plan/schedule.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

#include "../../policy/count_allocations.hpp"

namespace WEIR_UNIT {

namespace {

/// Residual, concatenation, depthwise convolution and pooling on images large enough to be worth grouping.
weir::Network branches() {
  weir::models::GraphWriter g("branches", {});
  const weir::models::Written a = g.relu(g.conv("c1", g.input(3, 40, 40), 36, 3, {.pad = 1}));
  const weir::models::Written b = g.relu(g.plus(a, g.conv("c2", a, 36, 3, {.pad = 1})));
  const weir::models::Written c =
      g.concat({g.relu(g.conv("e1", b, 20, 1)), g.relu(g.conv("e3", b, 44, 3, {.pad = 1})), g.max_pool(b, 3, 1, 1)});
  const weir::models::Written d = g.relu6(g.conv("d", c, 100, 3, {.stride = 2, .pad = 1, .groups = 100}));
  return weir::build_network(g.finish(g.linear("fc", g.flatten(g.global_average_pool(d), 100), 7)));
}

weir::Tensor images(std::int64_t n) {
  weir::Tensor x(weir::Shape{n, 3, 40, 40});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(0.7F * static_cast<float>(i % 9973));
  return x;
}

/// Tensors of which one example's are too large for a cache: inverted residuals, pooling, a stem on few channels.
weir::Network tall() {
  weir::models::GraphWriter g("tall", {});
  weir::models::Written a = g.relu6(g.conv("stem", g.input(3, 150, 70), 24, 3, {.stride = 1, .pad = 1}));
  const auto block = [&](const std::string& name, const weir::models::Written& x, int stride, bool adds) {
    const weir::models::Written e = g.relu6(g.conv(name + "e", x, 100, 1));
    const weir::models::Written d = g.relu6(g.conv(name + "d", e, 100, 3, {.stride = stride, .pad = 1, .groups = 100}));
    const weir::models::Written p = g.conv(name + "p", d, 24, 1);
    return adds ? g.plus(x, p) : p;
  };
  a = block("a", a, 1, true);
  a = block("b", a, 1, true);
  a = block("c", g.max_pool(a, 3, 1, 1), 2, false);
  a = block("d", a, 1, true);
  return weir::build_network(g.finish(g.linear("fc", g.flatten(g.global_average_pool(a), 24), 7)));
}

/// Steps that go by bands of rows.
std::size_t in_bands(const weir::PlanDescription& plan) {
  return static_cast<std::size_t>(
      std::count_if(plan.steps.begin(), plan.steps.end(), [](const weir::StepDescription& s) { return s.rows > 0; }));
}

/// One image of a batch.
weir::ConstView image(const weir::Tensor& x, std::size_t i) {
  return {x.data() + i * x.size() / static_cast<std::size_t>(x.shape()[0]), x.shape().with(0, 1)};
}

/// Steps that fewer examples pass at a time than the batch has, together with another step.
std::size_t grouped(const weir::PlanDescription& plan) {
  std::size_t n = 0;
  for (std::size_t i = 1; i < plan.steps.size(); ++i)
    n += plan.steps[i].group == plan.steps[i - 1].group && plan.steps[i].examples < plan.batch;
  return n;
}

}  // namespace

TEST_CASE("schedule: groups are in order, leave no step out, and end where somebody looks") {
  const weir::Network net = branches();
  const weir::Context context({.threads = 2, .isa = "portable"});
  for (const bool look : {false, true}) {
    std::set<weir::detail::ValueId> visible;
    if (look) visible = {net.id_of("c2"), net.id_of("e1")};
    const auto plan = weir::detail::Plan::make(net, context, visible);
    for (const std::int64_t batch : {1, 2, 3, 16, 300}) {
      const weir::detail::Schedule schedule(*plan, weir::detail::Liveness(*plan, batch), context.schedule_costs(),
                                            context.threads(), batch);
      int next = 0;
      for (const weir::detail::StepGroup& g : schedule.groups()) {
        CHECK(g.first == next);
        CHECK(g.last > g.first);
        next = g.last;
        CHECK(g.examples >= 1);
        CHECK(g.examples <= batch);
        CHECK(g.operations >= 0);
        if (g.whole) {
          CHECK(g.last == g.first + 1);
          CHECK(g.examples == batch);
        } else if (g.rows > 0) {
          CHECK(g.last > g.first + 1);
          CHECK(g.examples == 1);
        } else {
          CHECK(2 * g.examples <= batch);
        }
        for (int i = g.first; i + 1 < g.last; ++i)
          for (const weir::detail::ValueId v : plan->steps()[static_cast<std::size_t>(i)].outputs)
            CHECK_FALSE(plan->visible(v));
      }
      CHECK(next == static_cast<int>(plan->steps().size()));
    }
  }
}

TEST_CASE("schedule: a batch large enough is grouped, and takes less memory for it") {
  const weir::Network net = branches();
  const weir::Context context({.isa = "portable"});  // four channels a vector: all tensors can be blocked
  weir::Executor run{net, context};
  CHECK(grouped(run.describe(1)) == 0);
  INFO(to_text(run.describe(64)));
  CHECK(grouped(run.describe(64)) >= 4);
  const auto plan = weir::detail::Plan::make(net, context, {});
  const weir::detail::MemoryPlan one(*plan, context, 1), many(*plan, context, 64);
  CHECK(many.arena_floats + many.thread_floats < 32 * one.arena_floats);
}

TEST_CASE("schedule: whatever passes together, an example's bits stay the same") {
  const weir::Network net = branches();
  const weir::Tensor x = images(37);
  for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    const std::string name(weir::to_string(isa));
    weir::Executor single{net, {.isa = name}};
    std::vector<std::vector<float>> expected;
    for (std::size_t i = 0; i < 37; ++i) {
      const auto y = single.run(image(x, i)).output;
      expected.emplace_back(y.span().begin(), y.span().end());
    }
    for (const int threads : {1, 2, 3}) {
      weir::Executor run{net, {.threads = threads, .isa = name}};
      for (const std::int64_t n : {2, 5, 16, 37, 16}) {
        INFO(name << ", threads " << threads << ", batch " << n);
        const auto y = run.run({x.data(), x.shape().with(0, n)}).output;
        for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
          CHECK(std::equal(expected[i].begin(), expected[i].end(), y.data() + i * 7));
      }
    }
  }
}

TEST_CASE("schedule: by bands of rows an example's bits stay the same, whatever the threads and the batch") {
  const weir::Network net = tall();
  weir::Tensor x(weir::Shape{5, 3, 150, 70});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(0.7F * static_cast<float>(i % 9973));
  for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    const std::string name(weir::to_string(isa));
    weir::Executor seen{net, {.isa = name}};
    // Somebody looks at every tensor but the last two before the mean, which sums in another order if they are plain.
    const std::vector<std::string> tensors = net.tensor_names();
    const auto mean = std::find_if(tensors.begin(), tensors.end(),
                                   [](const std::string& t) { return t.starts_with("globalaveragepool"); });
    REQUIRE(mean != tensors.end());
    for (auto tensor = tensors.begin(); tensor != mean - 2; ++tensor) seen.show(*tensor);
    CHECK(in_bands(seen.describe(1)) == 0);
    const weir::Tensor expected = seen.run(x).output;
    for (const int threads : {1, 2, 3, 16}) {
      weir::Executor run{net, {.threads = threads, .isa = name}};
      INFO(name << ", threads " << threads << "\n" << to_text(run.describe(1)));
      CHECK(in_bands(run.describe(1)) >= 6);
      for (const std::int64_t n : {1, 2, 5, 1}) {
        INFO("batch " << n);
        const weir::Tensor y = run.run({x.data(), x.shape().with(0, n)}).output;
        CHECK(std::equal(y.span().begin(), y.span().end(), expected.data()));
      }
    }
  }
}

TEST_CASE("schedule: steps that go by bands are timed, take less memory, and take none after the first pass") {
  const weir::Network net = tall();
  weir::Tensor x(weir::Shape{1, 3, 150, 70});
  weir::Executor run{net};
  REQUIRE(in_bands(run.describe(1)) >= 6);
  std::vector<double> seconds(run.describe(1).steps.size(), -1);
  run.time_steps([&](std::size_t step, double s) { seconds[step] = s; });
  (void)run.run(x);
  CHECK(*std::min_element(seconds.begin(), seconds.end()) >= 0);
  CHECK(seconds[0] > 0);
  run.time_steps({});
  const auto pass = [&] {
    run.begin(x);
    (void)run.finish();
  };
  pass();
  const std::size_t before = weir_test::allocations();
  pass();
  CHECK(weir_test::allocations() == before);
  const auto plan = weir::detail::Plan::make(net, run.context(), {});
  std::set<weir::detail::ValueId> all;
  for (const std::string& tensor : net.tensor_names()) all.insert(net.id_of(tensor));
  const auto seen = weir::detail::Plan::make(net, run.context(), all);
  const weir::detail::MemoryPlan bands(*plan, run.context(), 1), whole(*seen, run.context(), 1);
  CHECK(bands.arena_floats + bands.thread_floats < whole.arena_floats / 2);
}

TEST_CASE("schedule: rows leave between groups, down to one, and the others are unharmed") {
  const weir::Network net = branches();
  const weir::Tensor x = images(24);
  for (const int threads : {1, 2, 3}) {
    weir::Executor single{net}, run{net, {.threads = threads}};
    run.show("c2");
    run.show("e1");
    run.begin(x);
    CHECK(grouped(run.describe(24)) >= 2);
    (void)run.advance_to("c2");
    std::vector<std::size_t> left(24);
    for (std::size_t i = 0; i < 24; ++i) left[i] = i;
    const auto keep = [&](const std::vector<std::size_t>& rows) {
      run.compact(rows);
      std::vector<std::size_t> now;
      for (const std::size_t r : rows) now.push_back(left[r]);
      left = now;
    };
    keep({1, 2, 5, 7, 11, 20, 23});
    (void)run.advance_to("e1");
    if (threads != 3) keep(threads == 1 ? std::vector<std::size_t>{0, 4, 6} : std::vector<std::size_t>{5});
    const weir::ConstView y = run.finish();
    REQUIRE(y.shape[0] == static_cast<std::int64_t>(left.size()));
    for (std::size_t r = 0; r < left.size(); ++r) {
      const auto expected = single.run(image(x, left[r])).output;
      CHECK(std::equal(expected.data(), expected.data() + 7, y.data + r * 7));
    }
  }
}

TEST_CASE("schedule: time_steps reports each step once, in order, where steps are grouped") {
  weir::Executor run{branches(), {.threads = 2}};
  std::vector<std::size_t> steps;
  double sum = 0;
  run.time_steps([&](std::size_t step, double seconds) {
    steps.push_back(step);
    sum += seconds;
  });
  (void)run.run(images(64));
  CHECK(steps.size() == run.describe(64).steps.size());
  CHECK(std::is_sorted(steps.begin(), steps.end()));
  CHECK(std::adjacent_find(steps.begin(), steps.end()) == steps.end());
  CHECK(sum > 0);
}

TEST_CASE("schedule: a shape seen before takes no allocation and no page") {
  for (const std::int64_t n : {1, 64}) {
    weir::Executor run{branches()};
    const weir::Tensor x = images(n);
    const auto pass = [&] {
      run.begin(x);
      (void)run.finish();
    };
    pass();
    const std::size_t before = weir_test::allocations();
    std::int64_t fewest = 1 << 30;
    for (int i = 0; i < 5; ++i) {
      rusage a{}, b{};
      getrusage(RUSAGE_THREAD, &a);
      pass();
      getrusage(RUSAGE_THREAD, &b);
      fewest = std::min<std::int64_t>(fewest, b.ru_minflt - a.ru_minflt);
    }
    CHECK(weir_test::allocations() == before);
    CHECK(fewest == 0);
  }
}

}  // namespace WEIR_UNIT
