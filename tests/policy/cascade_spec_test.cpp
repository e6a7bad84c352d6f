#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "cascade_cases.hpp"

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
