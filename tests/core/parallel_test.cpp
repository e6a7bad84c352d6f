#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/parallel.hpp>

namespace WEIR_UNIT {

TEST_CASE("ThreadPool: split covers every index once, in multiples of the grain") {
  for (int threads : {1, 2, 3, 7}) {
    const weir::detail::ThreadPool pool(threads);
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

TEST_CASE("ThreadPool: loops within loops and of many callers at once are all computed") {
  const weir::detail::ThreadPool pool(3);
  std::atomic<int> sum = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round)
        pool.split(6, 1, [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t i = first; i < last; ++i)
            pool.split(5, 1, [&](std::int64_t from, std::int64_t to) { sum += static_cast<int>(to - from); });
        });
    });
  for (std::thread& t : callers) t.join();
  CHECK(sum == 4 * 50 * 6 * 5);
}

TEST_CASE("ThreadPool: what a piece throws is thrown when all have ended, and the next loop runs") {
  const weir::detail::ThreadPool pool(2);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> ended = 0;
    CHECK_THROWS_AS(pool.split(2, 1,
                               [&](std::int64_t first, std::int64_t) {
                                 ++ended;
                                 if (first == 1) throw weir::ArgumentError("piece");
                               }),
                    weir::ArgumentError);
    CHECK(ended == 2);
    pool.split(2, 1, [&](std::int64_t first, std::int64_t last) { ended += static_cast<int>(last - first); });
    CHECK(ended == 4);
  }
}

TEST_CASE("ThreadPool: pipeline works on every item once, no more at a time than threads; next is called by one") {
  for (const int threads : {1, 2, 3, 7}) {
    const weir::detail::ThreadPool pool(threads);
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
  const weir::detail::ThreadPool pool(3);
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

}  // namespace WEIR_UNIT
