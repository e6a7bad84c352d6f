#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <thread>
#include <weir/core/isa.hpp>
#include <weir/policy/serve/batch_queue.hpp>

namespace WEIR_UNIT {

using weir::ArgumentError, weir::detail::BatchQueue, weir::detail::BatchQueueOptions;

namespace {

using Rows = std::vector<std::size_t>;

/// What take() gives without waiting for others: none must be under way.
struct Taken {
  std::size_t stage = 99;
  Rows rows;
  bool any = false;
  explicit Taken(BatchQueue& queue) { any = queue.take(stage, rows); }
};

void enter(BatchQueue& queue, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) queue.enter(queue.claim().value());
}

std::vector<BatchQueue::Arrival> to(std::size_t stage, const Rows& rows) {
  std::vector<BatchQueue::Arrival> all;
  for (const std::size_t r : rows) all.push_back({stage, r});
  return all;
}

constexpr double never_s = 3600;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("BatchQueue: full batches run, the latest stage's first, in the order in which rows came") {
  BatchQueue queue(3, {4, 20, never_s});
  enter(queue, 3);
  CHECK(!Taken(queue).any);
  enter(queue, 6);
  Taken a(queue);
  CHECK(a.stage == 0);
  CHECK(a.rows == Rows{0, 1, 2, 3});
  queue.give_back(to(2, a.rows), {});
  Taken b(queue);  // stage 0 has 5 and stage 2 has 4
  CHECK(b.stage == 2);
  CHECK(b.rows == a.rows);
  queue.give_back({}, b.rows);
  const Taken c(queue);
  CHECK(c.stage == 0);
  CHECK(c.rows == Rows{4, 5, 6, 7});
  queue.give_back(to(1, {4, 5}), {6, 7});
  CHECK(!Taken(queue).any);
}

TEST_CASE("BatchQueue: where no row is free the fullest stage runs; a row that is freed can be claimed") {
  BatchQueue queue(2, {4, 5, never_s});
  enter(queue, 4);
  Taken a(queue);
  queue.give_back(to(1, {a.rows[0], a.rows[1], a.rows[2]}), {a.rows[3]});
  enter(queue, 1);
  CHECK(!Taken(queue).any);
  enter(queue, 1);  // none is free: three wait in front of stage 1, two in front of stage 0
  std::size_t claimed = 99;
  std::thread waits([&] { claimed = queue.claim().value(); });
  const Taken b(queue);
  CHECK(b.stage == 1);
  CHECK(b.rows.size() == 3);
  queue.give_back({}, b.rows);
  waits.join();
  CHECK(std::ranges::count(b.rows, claimed) == 1);
}

TEST_CASE("BatchQueue: in_flight of batch x (stages + workers - 1) is enough for full batches under load") {
  const std::size_t stages = 3, batch = 4;
  for (const std::size_t workers : {1U, 2U, 5U}) {
    BatchQueue queue(stages, {batch, batch * (stages + workers - 1), never_s});
    std::mt19937 random(7);
    std::size_t n_free = batch * (stages + workers - 1);
    std::vector<Taken> running;
    for (int step = 0; step < 2000; ++step) {
      enter(queue, std::exchange(n_free, 0));
      while (running.size() < workers) {
        running.emplace_back(queue);
        CHECK(running.back().rows.size() == batch);
      }
      const std::size_t at = random() % workers;  // one of them ends
      std::vector<BatchQueue::Arrival> sent_on;
      Rows freed;
      for (const std::size_t r : running[at].rows)
        if (running[at].stage + 1 < stages && random() % 2 == 0)
          sent_on.push_back({running[at].stage + 1, r});
        else
          freed.push_back(r);
      n_free = freed.size();
      queue.give_back(sent_on, freed);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
}

TEST_CASE("BatchQueue: a row waits for batch-mates no longer than max_wait_s, and no shorter") {
  BatchQueue queue(2, {4, 8, 0.05});
  const auto start = std::chrono::steady_clock::now();
  enter(queue, 1);
  CHECK(!Taken(queue).any);
  CHECK(queue.wait());
  CHECK(seconds_since(start) >= 0.05);
  CHECK(seconds_since(start) < 5);
  const Taken a(queue);
  CHECK(a.rows.size() == 1);
  // While a batch is under way take() itself is the clock.
  enter(queue, 2);
  const Taken b(queue);
  CHECK(b.stage == 0);
  CHECK(b.rows.size() == 2);
  queue.give_back(to(1, b.rows), {});
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  enter(queue, 4);  // a full batch, but the others are overdue
  const Taken c(queue);
  CHECK(c.stage == 1);
  CHECK(c.rows == b.rows);
}

TEST_CASE("BatchQueue: take waits for batches that are under way, and for what they send on") {
  BatchQueue queue(2, {4, 8, never_s});
  enter(queue, 4);
  const Taken a(queue);
  std::thread ends([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    queue.give_back(to(1, a.rows), {});
  });
  const Taken b(queue);
  CHECK(b.any);
  CHECK(b.stage == 1);
  ends.join();
}

TEST_CASE("BatchQueue: flush holds until the next row, finish for good; then everything ends, the claimed rows too") {
  BatchQueue queue(2, {4, 8, never_s});
  enter(queue, 2);
  queue.flush();
  const Taken a(queue);
  CHECK(a.rows.size() == 2);
  queue.give_back({}, a.rows);
  enter(queue, 1);
  CHECK(!Taken(queue).any);
  const auto late = queue.claim();
  queue.finish();
  CHECK(!queue.claim());
  CHECK(queue.wait());
  const Taken b(queue);
  CHECK(b.rows.size() == 1);
  queue.give_back({}, b.rows);
  std::thread enters([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    queue.enter(late.value());
  });
  CHECK(queue.wait());  // not over: a row has been claimed and will come
  const Taken c(queue);
  CHECK(c.rows == Rows{late.value()});
  queue.give_back({}, c.rows);
  CHECK(!queue.wait());
  enters.join();
}

TEST_CASE("BatchQueue: options out of range are refused") {
  for (const BatchQueueOptions& options :
       {BatchQueueOptions{0, 1, 1}, BatchQueueOptions{2, 1, 1}, BatchQueueOptions{1, 1, -1},
        BatchQueueOptions{1, 1, 1e9}, BatchQueueOptions{1, std::size_t{1} << 40, 1}})
    CHECK_THROWS_AS(BatchQueue(1, options), ArgumentError);
}

}  // namespace WEIR_UNIT
