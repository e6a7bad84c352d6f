#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/policy.hpp>

#include "../cascade_cases.hpp"

namespace WEIR_UNIT {

using namespace cascade_cases;
using weir::CascadeExecutor;

TEST_CASE("CascadeSpec: what does not fit is refused") {
  const auto spec = [](Stages stages, const Topology& topology) {
    return CascadeSpec(Toys{}.networks(), std::move(stages), topology);
  };
  const auto two = Topology::chain({"a0", "a"});
  CHECK_NOTHROW(spec({a0, a}, two));
  CHECK_THROWS_AS(spec({a0}, two), weir::ArgumentError);
  CHECK_THROWS_AS(spec({a, a0}, two), weir::ArgumentError);                                   // other names
  CHECK_THROWS_AS(spec({a, a0}, Topology::chain({"a", "a0"})), weir::ArgumentError);          // backwards
  CHECK_THROWS_AS(spec({a0, b, a}, Topology::chain({"a0", "b", "a"})), weir::ArgumentError);  // comes back
  CHECK_THROWS_AS(spec({{"a0", 3, "y", std::nullopt}, a}, two), weir::ArgumentError);         // no such network
  CHECK_THROWS_AS(spec({{"a0", 0, "z", std::nullopt}, a}, two), weir::ArgumentError);         // no such tensor
  CHECK_THROWS_AS(spec({{"a0", 0, tensor(0), std::nullopt}, a}, two), weir::ShapeError);      // 60 classes
  CHECK_THROWS_AS(spec({{"a0", 0, tensor(0), toy_cascade::head(3, 1, 0)}, a}, two), weir::ShapeError);
  CHECK_THROWS_AS(spec({{"a0", 0, tensor(0), toy_cascade::head(72, 6, 0)}, a}, two), weir::ShapeError);
  CHECK_THROWS_AS(spec({{"a0", 0, tensor(0), weir::ExitHead({1}, 2, {1, 2, 3, 4}, {0, 0})}, a}, two), weir::ShapeError);

  const auto good = make(cases()[0], {});
  CHECK_THROWS_AS(good->check(weir::MixedPolicy::pure(toy_cascade::policy(make(cases()[1], {}), 0.5))),
                  weir::ArgumentError);
  weir::MixedPolicy wrong = weir::MixedPolicy::pure(toy_cascade::policy(good, 0.5));
  CHECK_NOTHROW(good->check(wrong));
  wrong.b.gates[0] = weir::Gate::constant(0, 2, 4);
  CHECK_THROWS_AS(good->check(wrong), weir::ShapeError);
}

TEST_CASE("CascadeSpec: a head sees a stage that has always run, in its own network, and says so; else refused") {
  const auto spec = [](Stages stages, const Topology& topology) {
    return CascadeSpec(Toys{}.networks(), std::move(stages), topology);
  };
  const auto three = Topology::chain({"a0", "a1", "a"});
  const CascadeSpec good = spec({a0, seeing(a1, "a0"), a}, three);
  CHECK(good.seen_by(0) == 3);
  CHECK(good.seen_by(1) == 0);
  CHECK(good.is_seen(0));
  CHECK(!good.is_seen(1));
  CHECK(weir::detail::stages_behind(good.stages, 1) == std::vector<std::size_t>{0, 1});
  CHECK(weir::detail::stages_behind(good.stages, 0) == std::vector<std::size_t>{0});
  const auto refuses = [&](Stages stages, const Topology& topology, const std::string& part) {
    std::string message;
    try {
      spec(std::move(stages), topology);
    } catch (const weir::Error& e) {
      message = e.what();
    }
    CHECK_MESSAGE(message.find(part) != std::string::npos, message);
  };
  refuses({a0, seeing(a1, "z"), a}, three, "sees 'z', which not every path to it runs");
  refuses({a0, seeing(a1, "a1"), a}, three, "sees 'a1', which not every path");
  refuses({a0, seeing(a1, "a"), a}, three, "sees 'a', which not every path");
  CHECK_NOTHROW(spec({a0, seeing(a1, "a0"), a}, {{{"a0", {1, 2}}, {"a1", {2}}, {"a", {}}}}));
  refuses({b, a0, seeing(a1, "a0"), a}, {{{"b", {1, 2}}, {"a0", {2}}, {"a1", {3}}, {"a", {}}}},
          "sees 'a0', which not every path");
  refuses({b, seeing(a1, "b"), a}, Topology::chain({"b", "a1", "a"}), "another network");
  refuses({a0, seeing(a1, ""), a}, three, "none is named");
  CascadeStage blind = a1;
  blind.sees = "a0";
  refuses({a0, blind, a}, three, "does not read the logits");
  CascadeStage wide = seeing(a1, "a0");
  wide.head = toy_cascade::head(8, 2, 0.7F).seeing_earlier();
  refuses({a0, wide, a}, three, "the head expects 5 pooled values");
}

TEST_CASE("CascadeSpec: exits on branches are computed in the order of the stages") {
  weir::models::GraphWriter g("ensemble", {});
  const weir::models::Written x = g.input(3, 6, 6);
  const auto member = [&](const char* name, std::int64_t channels) {
    const weir::models::Written y = g.relu(g.conv(std::string(name) + ".conv", x, channels, 3));
    return g.linear(name, g.flatten(g.global_average_pool(y), channels), 4);
  };
  const weir::models::Written first = member("first", 8), second = member("second", 5);
  const weir::Network net = weir::build_network(g.finish(g.plus(first, second)));
  const std::string sum = net.output_names().front();
  const auto stages = [&](const std::string& exit) {
    return Stages{{"exit", 0, exit, std::nullopt}, {"all", 0, sum, std::nullopt}};
  };
  const auto two = Topology::chain({"exit", "all"});
  for (const std::string exit : {"first", "second"}) {
    const auto spec = std::make_shared<CascadeSpec>(std::vector{net}, stages(exit), two);
    const auto names = spec->network(0).tensor_names();
    const auto position = [&](const std::string& t) { return std::ranges::find(names, t) - names.begin(); };
    const std::string other = exit == "first" ? "second" : "first";
    CHECK(position(exit) < position(other + ".conv"));
    // What an exit says, and the full answer behind it, are what the network as it is says.
    CascadeExecutor cascade(spec, weir::Context());
    weir::Executor plain(net);
    weir::Tensor input(weir::Shape{1, 3, 6, 6});
    for (std::size_t i = 0; i < input.size(); ++i) input[i] = 0.1F * static_cast<float>(i % 7) - 0.3F;
    const weir::InputMaker maker = [&](std::size_t, std::size_t, weir::View to) {
      std::copy(input.data(), input.data() + input.size(), to.data);
    };
    for (const std::size_t action : {0U, 1U}) {
      const auto answer = cascade.run_one_with(maker, 0, [&](std::size_t, std::span<const double>) { return action; });
      plain.begin(input);
      const auto scores = plain.advance_to(action == 0 ? exit : sum).span();
      CHECK(answer.label == std::ranges::max_element(scores) - scores.begin());
      CHECK(answer.exit == action);
    }
  }
}

TEST_CASE("CascadeSpec: a network is loaded once, however many threads ask for it") {
  const Case t = cases()[1];
  const auto nets = Toys{}.networks();
  std::vector<std::atomic<int>> loads(3);
  std::vector<weir::NetworkSource> sources;
  for (std::size_t n = 0; n < 3; ++n)
    sources.push_back({[&, n] {
                         ++loads[n];
                         std::this_thread::sleep_for(std::chrono::milliseconds(10));  // so that all meet here
                         return nets[n];
                       },
                       true});
  const auto lazy = std::make_shared<CascadeSpec>(std::move(sources), 3, t.stages, t.topology);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      CascadeExecutor cascade(lazy, weir::Context());
      cascade.run_one_with(from(i), 0, [](std::size_t k, std::span<const double>) { return k == 0 ? 1U : 0U; });
    });
  for (auto& thread : threads) thread.join();
  CHECK(loads[0] == 1);
  CHECK(loads[1] == 1);
  CHECK(loads[2] == 0);
}

TEST_CASE("CascadeSpec: networks are loaded when they first run, once, and checked then") {
  const Case t = cases()[1];  // a, b, c: one network each
  const auto nets = Toys{}.networks();
  std::vector<int> loads(3, 0);
  bool broken = false;
  const auto sources = [&](bool rows_leave) {
    std::vector<weir::NetworkSource> all;
    for (std::size_t n = 0; n < 3; ++n)
      all.push_back({[&, n] {
                       ++loads[n];
                       if (broken) throw weir::FormatError("damaged");
                       return nets[n];
                     },
                     rows_leave});
    return all;
  };
  const auto lazy = std::make_shared<CascadeSpec>(sources(true), 3, t.stages, t.topology);
  const auto eager = make(t, {});
  CHECK(lazy->flows_in_batches());
  CHECK(lazy->feature_names() == eager->feature_names());
  CHECK(loads == std::vector<int>{0, 0, 0});
  CascadeExecutor cascade(lazy, weir::Context()), other(lazy, weir::Context());
  const auto stop = mixes(eager)[0], all_the_way = mixes(eager)[4];  // made with a spec of its own
  check_equal(cascade.run_one(stop, from(3), 3), reference(*eager, stop, 3));
  CHECK(loads == std::vector<int>{1, 0, 0});
  broken = true;
  CHECK_THROWS_AS(cascade.run_one(all_the_way, from(3), 3), weir::FormatError);
  CHECK(!lazy->is_loaded(1));
  broken = false;
  std::vector<CascadeAnswer> answers;
  other.run_batch(all_the_way, 5, from(0), 0, answers);
  for (std::size_t r = 0; r < 5; ++r) check_equal(answers[r], reference(*eager, all_the_way, r));
  check_equal(cascade.run_one(all_the_way, from(3), 3), reference(*eager, all_the_way, 3));
  CHECK(loads[0] == 1);
  CHECK(loads[1] + loads[2] <= 4);  // at most one failure and one success each
  CHECK(lazy->networks().size() == 3);

  // What was stated of a network and does not hold.
  const auto refuses = [&](const std::shared_ptr<const CascadeSpec>& spec) {
    CascadeExecutor run(spec, weir::Context());
    CHECK_THROWS_AS(run.run_one_with(from(0), 0, [](std::size_t, std::span<const double>) { return std::size_t{0}; }),
                    weir::Error);
  };
  refuses(std::make_shared<CascadeSpec>(sources(true), 4, t.stages, t.topology));  // classes
  const auto backwards = Topology::chain({"a", "a0"});
  refuses(std::make_shared<CascadeSpec>(sources(true), 3, Stages{a, a0}, backwards));
  const auto missing = Topology::chain({"a0", "a"});
  refuses(std::make_shared<CascadeSpec>(sources(true), 3, Stages{{"a0", 0, "z", std::nullopt}, a}, missing));
  Toys single;
  single.fixed_batch = 1;
  const auto fixed = single.networks()[0];
  const std::vector<weir::NetworkSource> claims{{[&] { return fixed; }, true}}, honest{{[&] { return fixed; }, false}};
  const auto one = Topology::chain({"a"});
  refuses(std::make_shared<CascadeSpec>(claims, 3, Stages{a}, one));
  CHECK_FALSE(std::make_shared<CascadeSpec>(honest, 3, Stages{a}, one)->flows_in_batches());
}

}  // namespace WEIR_UNIT
