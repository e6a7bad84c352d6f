// Executors of several threads that share one network: its weights, its cache of plans, and its end.
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/hook.hpp>

#include "toy_network.hpp"

namespace WEIR_UNIT {

namespace {

constexpr int n_threads = 4, passes = 20;

/// Calls work(t) on threads t = 0, 1, ... at once, and waits for all.
template <class F>
void on_threads(const F& work) {
  std::vector<std::thread> threads;
  for (int t = 0; t < n_threads; ++t) threads.emplace_back([&work, t] { work(t); });
  for (std::thread& thread : threads) thread.join();
}

/// Whether the sums of a pass over n rows are right.
bool right(weir::Executor& executor, std::int64_t n) {
  const weir::Result result = executor.run(toy::rows(n));
  for (std::size_t r = 0; r < static_cast<std::size_t>(n); ++r)
    if (result.output[r] != 6 * toy::sum_of_row(r)) return false;
  return true;
}

}  // namespace

TEST_CASE("shared network: threads make executors at once, run any batch, hook and plan again; all answers are right") {
  const weir::Network network = toy::network();
  for (const int threads_each : {1, 2}) {
    std::vector<int> wrong(n_threads, 0), seen(n_threads, 0);
    on_threads([&](int t) {
      const auto own = static_cast<std::size_t>(t);
      for (int pass = 0; pass < passes; ++pass) {
        weir::Executor executor{network, {.threads = threads_each}};
        if (!right(executor, 1 + (t + pass) % 5)) ++wrong[own];
        auto handle = executor.on(t % 2 == 0 ? "a" : "*", [&](const weir::Step&) { ++seen[own]; });
        if (!right(executor, 3)) ++wrong[own];
        handle.detach();
        executor.begin(toy::rows(2));
        (void)executor.advance_to("b");
        if (executor.finish().data[1] != 6 * toy::sum_of_row(1)) ++wrong[own];
      }
    });
    CHECK(wrong == std::vector<int>(n_threads, 0));
    for (const int n : seen) CHECK(n >= passes);
  }
}

TEST_CASE("shared network: executors end, and the last handle of the network too, while others compute") {
  for (int round = 0; round < passes; ++round) {
    std::optional<weir::Network> network{toy::network()};
    std::vector<std::unique_ptr<weir::Executor>> executors;
    for (int t = 0; t < n_threads; ++t) executors.push_back(std::make_unique<weir::Executor>(*network));
    network.reset();
    std::vector<int> wrong(n_threads, 0);
    on_threads([&](int t) {
      const auto own = static_cast<std::size_t>(t);
      for (int pass = 0; pass <= t; ++pass)
        if (!right(*executors[own], 2 + pass)) ++wrong[own];
      executors[own].reset();  // the first ends while the others are at work
    });
    CHECK(wrong == std::vector<int>(n_threads, 0));
  }
}

TEST_CASE("shared network: a copied context shares its threads among executors that run at once") {
  const weir::Context context({.threads = 2});
  const weir::Network network = toy::network();
  std::vector<int> wrong(n_threads, 0);
  on_threads([&](int t) {
    weir::Executor executor{network, context};
    for (int pass = 0; pass < passes; ++pass)
      if (!right(executor, 1 + pass % 7)) ++wrong[static_cast<std::size_t>(t)];
  });
  CHECK(wrong == std::vector<int>(n_threads, 0));
}

}  // namespace WEIR_UNIT
