#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>
#include <weir/core/context.hpp>

TEST_CASE("Context: options out of range are refused by name") {
  CHECK_THROWS_AS(weir::Context({.threads = 0}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Context({.threads = 5000}), weir::ArgumentError);
  CHECK_THROWS_WITH_AS(weir::Context({.isa = "sse9"}), "instruction set 'sse9' is unknown: portable, avx2, avx512",
                       weir::ArgumentError);
  CHECK_THROWS_AS(weir::Context({.gemm = "mkl"}), weir::ArgumentError);
  CHECK(weir::Context({.isa = "portable"}).isa() == weir::Isa::portable);
}

TEST_CASE("ThreadPool: split covers every index once, in multiples of the grain") {
  for (int threads : {1, 2, 3, 7}) {
    const weir::ThreadPool pool(threads);
    for (std::int64_t n : {0, 1, 5, 16, 17, 1000})
      for (std::int64_t grain : {1, 4, 16, 5000}) {
        std::vector<std::atomic<int>> seen(static_cast<std::size_t>(n));
        std::atomic<bool> aligned = true;
        std::atomic<int> pieces = 0;
        pool.split(n, grain, [&](std::int64_t first, std::int64_t last) {
          ++pieces;
          if (first % grain != 0 || (last != n && last % grain != 0)) aligned = false;
          for (std::int64_t i = first; i < last; ++i) ++seen[static_cast<std::size_t>(i)];
        });
        CHECK(aligned);
        CHECK(pieces <= threads);
        for (auto& s : seen) CHECK(s == 1);
      }
  }
}

TEST_CASE("ThreadPool: pipeline works on every item once, no more at a time than threads; next is called by one") {
  for (const int threads : {1, 2, 3, 7}) {
    const weir::ThreadPool pool(threads);
    for (const std::size_t n : {0U, 1U, 2U, 50U}) {
      std::vector<std::atomic<int>> items(n);
      std::atomic<int> asking = 0, working = 0, most = 0;
      std::atomic<bool> alone = true;
      std::size_t given = 0;
      pool.pipeline(
          [&]() -> std::atomic<int>* {
            if (++asking != 1) alone = false;
            std::atomic<int>* const item = given < n ? &items[given++] : nullptr;
            --asking;
            return item;
          },
          [&](std::atomic<int>& item) {
            const int now = ++working;
            for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
            ++item;
            --working;
          });
      CHECK(alone);
      CHECK(most <= threads);
      CHECK(std::ranges::all_of(items, [](const auto& i) { return i == 1; }));
    }
  }
}

TEST_CASE("ThreadPool: in a pipeline next may wait for work that is under way") {
  const weir::ThreadPool pool(3);
  std::mutex mutex;
  std::condition_variable done;
  int items = 0, given = 0, finished = 0;
  pool.pipeline(
      [&]() -> int* {
        std::unique_lock lock(mutex);
        if (given == 100) return nullptr;
        // Of two items the second comes when the first is finished, whoever works on it.
        done.wait(lock, [&] { return given % 2 == 0 || finished == given; });
        ++given;
        return &items;
      },
      [&](int& count) {
        const std::lock_guard lock(mutex);
        ++count;
        ++finished;
        done.notify_one();
      });
  CHECK(items == 100);
}
