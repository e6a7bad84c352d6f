#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "toy_network.hpp"

namespace WEIR_UNIT {

using weir::Executor, weir::Step;

TEST_CASE("Executor: a whole pass, any batch size, one after the other") {
  Executor run{toy::network()};
  for (std::int64_t n : {1, 5, 2, 5}) {
    const auto result = run(toy::rows(n));
    REQUIRE(result.output.shape() == weir::Shape{n, 1});
    for (std::size_t r = 0; r < static_cast<std::size_t>(n); ++r) {
      CHECK(result.output[r] == 6 * toy::sum_of_row(r));
      CHECK(result.answers[r].exit == "y");
      CHECK_FALSE(result.answers[r].early);
    }
  }
}

TEST_CASE("Executor: hooks see each tensor as the network names it, fusion or not") {
  Executor run{toy::network(false)};
  std::vector<std::string> names;
  auto handle = run.on("*", [&](const Step& s) {
    names.push_back(std::string(s.name()) + "=" + std::to_string(s.output().data[0]).substr(0, 2));
  });
  CHECK(run(toy::rows(1)).output[0] == 40);
  CHECK(names == std::vector<std::string>{"a=2.", "b=4.", "y=40"});
  names.clear();
  handle.detach();
  handle.detach();
  CHECK(run(toy::rows(1)).output[0] == 40);
  CHECK(names.empty());
  CHECK_THROWS_AS(run.on("nothing*", [](const Step&) {}), weir::ArgumentError);
}

TEST_CASE("Executor: a chain without hooks is fused, and hooked it is not") {
  const auto network = toy::network(false);
  const weir::Context context;
  CHECK(weir::detail::Plan::make(network, context, {})->steps().size() == 2);
  CHECK(weir::detail::Plan::make(network, context, {network.id_of("a")})->steps().size() == 3);
  const auto shared = weir::detail::Plan::make(network, context, {});
  CHECK(weir::detail::Plan::make(network, context, {}) == shared);
}

TEST_CASE("Executor: rows that exit leave the batch, the others go on unharmed") {
  Executor run{toy::network()};
  std::vector<std::size_t> seen;
  run.on("a", [](Step& s) {
    for (std::size_t r = 0; r < s.rows(); ++r)
      if (s.example(r) % 2 == 0) s.exit(r, 70 + static_cast<int>(s.example(r)));
  });
  run.on("c", [&](const Step& s) {
    for (std::size_t r = 0; r < s.rows(); ++r) seen.push_back(s.example(r));
  });
  const auto result = run(toy::rows(6));
  CHECK(seen == std::vector<std::size_t>{1, 3, 5});
  CHECK(result.examples == seen);
  for (std::size_t i = 0; i < 3; ++i) CHECK(result.output[i] == 6 * toy::sum_of_row(2 * i + 1));
  for (std::size_t r = 0; r < 6; ++r) {
    CHECK(result.answers[r].early == (r % 2 == 0));
    if (r % 2 == 0) CHECK(result.answers[r].label == 70 + static_cast<int>(r));
  }
}

TEST_CASE("Executor: all rows may leave, a hook may stop, replace, or throw") {
  Executor run{toy::network()};
  int later = 0;
  std::string wish;
  run.on("a", [&](Step& s) {
    if (wish == "leave")
      for (std::size_t r = 0; r < s.rows(); ++r) s.exit(r, 1);
    if (wish == "stop") s.stop();
    if (wish == "throw") throw std::runtime_error("no");
    if (wish == "no such row") s.exit(s.rows(), 0);
    if (wish == "replace")
      for (float& v : s.replace().span()) v = 1;
  });
  run.on("y", [&](const Step&) { ++later; });
  for (const char* w : {"leave", "stop"}) {
    wish = w;
    const auto result = run(toy::rows(3));
    CHECK(later == 0);
    CHECK(result.answers[2].early);
    CHECK(result.answers[2].exit == "a");
    CHECK(result.examples.empty());
  }
  wish = "throw";
  CHECK_THROWS_AS(run(toy::rows(3)), std::runtime_error);
  wish = "no such row";
  CHECK_THROWS_AS(run(toy::rows(3)), weir::ArgumentError);
  wish = "replace";
  CHECK(run(toy::rows(3)).output[2] == 12);  // four columns of 2 * 1 + 1
  wish = "";
  CHECK(run(toy::rows(3)).output[2] == 6 * toy::sum_of_row(2));
}

TEST_CASE("Executor: run to a tensor, drop rows, and go on") {
  Executor run{toy::network()};
  run.begin(toy::rows(5));
  CHECK(run.advance_to("a").data[0] == 2);
  CHECK(run.advance_to("b").data[1] == 8);
  const std::size_t keep[] = {1, 4};
  run.compact(keep);
  CHECK(run.advance_to("b").shape == weir::Shape{2, 4});
  CHECK(run.advance_to("b").data[0] == 8);
  const auto y = run.finish();
  REQUIRE(y.shape == weir::Shape{2, 1});
  CHECK(y.data[0] == 6 * toy::sum_of_row(1));
  CHECK(y.data[1] == 6 * toy::sum_of_row(4));
  CHECK(run.examples()[1] == 4);
  CHECK(run.advance_to("input").data[4] == 5);
}

TEST_CASE("Executor: wrong use is refused by name") {
  Executor run{toy::network()};
  CHECK_THROWS_AS(run.finish(), weir::ArgumentError);
  CHECK_THROWS_AS(run.begin(weir::Tensor(weir::Shape{2, 5})), weir::ShapeError);
  CHECK_THROWS_AS(run.begin(weir::Tensor(weir::Shape{0, 4})), weir::ShapeError);
  run.begin(toy::rows(2));
  CHECK_THROWS_AS(run.advance_to("z"), weir::ArgumentError);
  const std::size_t wrong[] = {1, 0}, beyond[] = {2};
  CHECK_THROWS_AS(run.compact(wrong), weir::ArgumentError);
  CHECK_THROWS_AS(run.compact(beyond), weir::ArgumentError);
}

TEST_CASE("Executor: hooks that compute with their own executor are refused, with another they may") {
  const weir::Network network = toy::network();
  Executor run{network}, other{network};
  std::vector<std::string> errors;
  const std::vector<std::size_t> keep = {0};
  const std::vector<std::function<void()>> calls = {
      [&] { (void)run(toy::rows(1)); },   [&] { run.begin(toy::rows(1)); },
      [&] { (void)run.advance_to("c"); }, [&] { (void)run.finish(); },
      [&] { run.compact(keep); },         [&] { CHECK(other(toy::rows(1)).output[0] == 6 * toy::sum_of_row(0)); }};
  run.on("a", [&](const Step&) {
    for (const auto& call : calls) try {
        call();
      } catch (const weir::ArgumentError& e) {
        errors.emplace_back(e.what());
      }
  });
  const auto result = run(toy::rows(3));
  REQUIRE(errors.size() == 5);
  CHECK(errors[1].find("executor of toy: begin() was called from one of its own hooks") == 0);
  for (std::size_t r = 0; r < 3; ++r) CHECK(result.output[r] == 6 * toy::sum_of_row(r));
}

TEST_CASE("Executor: after an exception the pass is as it was, or begin() is asked for") {
  Executor run{toy::network()};
  run.begin(toy::rows(3));
  (void)run.advance_to("a");
  const std::vector<std::size_t> wrong = {2, 1}, beyond = {7}, keep = {0, 2};
  CHECK_THROWS_AS(run.compact(wrong), weir::ArgumentError);
  CHECK_THROWS_AS(run.compact(beyond), weir::ArgumentError);
  CHECK_THROWS_AS((void)run.advance_to("nothing"), weir::ArgumentError);
  run.compact(keep);
  CHECK(run.finish().data[1] == 6 * toy::sum_of_row(2));

  CHECK_THROWS_AS(run.begin(weir::Tensor(weir::Shape{2, 5})), weir::ShapeError);
  CHECK_THROWS_AS((void)run.finish(), weir::ArgumentError);
  CHECK(run(toy::rows(2)).output[1] == 6 * toy::sum_of_row(1));

  auto handle = run.on("b", [](const Step&) { throw std::runtime_error("a hook's own"); });
  CHECK_THROWS_AS((void)run(toy::rows(2)), std::runtime_error);
  CHECK_THROWS_AS((void)run.finish(), weir::ArgumentError);
  handle.detach();
  CHECK(run(toy::rows(2)).output[1] == 6 * toy::sum_of_row(1));
}

}  // namespace WEIR_UNIT
