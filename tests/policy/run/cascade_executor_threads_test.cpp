// Executors of one cascade in several threads.
#include <doctest/doctest.h>

#include <memory>
#include <span>
#include <thread>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_rows.hpp>

#include "../cascade_cases.hpp"

namespace WEIR_UNIT {

using namespace cascade_cases;
using weir::CascadeExecutor;

TEST_CASE("CascadeExecutor: threads share a spec, each with an executor of its own") {
  const auto spec = make(cases()[2], {});
  const auto all = mixes(spec);
  std::vector<std::vector<int>> exits(3);
  std::vector<std::thread> threads;
  for (auto& own : exits)
    threads.emplace_back([&] {
      CascadeExecutor cascade(spec, weir::Context());
      for (const auto& mix : all)
        for (std::size_t r = 0; r < 30; ++r) own.push_back(static_cast<int>(cascade.run_one(mix, from(r), r).exit));
    });
  for (auto& thread : threads) thread.join();
  CHECK(exits[0] == exits[1]);
  CHECK(exits[0] == exits[2]);
  for (std::size_t r = 0; r < 30; ++r)
    CHECK(exits[0][r] == static_cast<int>(reference(*spec, all[0], r).visited.back()));
}

TEST_CASE("CascadeExecutor: executors that share rows take examples over from each other, in threads of their own") {
  for (const Case& t : cases()) {
    if (!t.flows) continue;
    INFO(t.name);
    const auto spec = make(t, {});
    const auto all = mixes(spec);
    const std::size_t n = 24, n_threads = 3, stages = spec->stages.size();
    const auto store = std::make_shared<weir::detail::CascadeRows>(*spec);
    store->reserve(n);
    std::vector<std::unique_ptr<CascadeExecutor>> executors;
    for (std::size_t i = 0; i < n_threads; ++i)
      executors.push_back(std::make_unique<CascadeExecutor>(spec, weir::Context(), store));
    for (const auto& mix : all) {
      std::vector<std::size_t> at(n, 0);  // stage in front of which a row waits; stages: answered
      std::vector<CascadeAnswer> answers(n);
      std::vector<std::vector<float>> probabilities(n);
      for (std::size_t k = 0; k < stages; ++k) {
        if (!spec->starts_network(k)) continue;
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < n_threads; ++i)
          threads.emplace_back([&, i] {
            std::vector<std::size_t> rows;  // another share than in front of the network before
            for (std::size_t r = 0; r < n; ++r)
              if ((r + k) % n_threads == i && at[r] == k) rows.push_back(r);
            executors[i]->run_network(
                k, rows, from(0),
                [&](std::size_t r) {
                  return
                      [&mix, r](std::size_t stage, std::span<const double> x) { return mix.pick(r).action(stage, x); };
                },
                [&](const CascadeAnswer& answer, std::size_t r) {
                  answers[r] = answer;
                  probabilities[r].assign(answer.probabilities.begin(), answer.probabilities.end());
                  at[r] = stages;
                },
                [&](std::size_t next, std::size_t r) { at[r] = next; });
          });
        for (auto& thread : threads) thread.join();
      }
      for (std::size_t r = 0; r < n; ++r) {
        CHECK(at[r] == stages);
        answers[r].probabilities = probabilities[r];
        check_equal(answers[r], reference(*spec, mix, r));
      }
    }
  }
}

}  // namespace WEIR_UNIT
