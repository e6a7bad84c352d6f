/// The only file that knows oneTBB.
#pragma once
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <weir/core/error.hpp>

namespace weir {

/// A fixed number of threads to share loops among; 1 means the caller alone, without touching oneTBB.
/// Copies share the same arena.
class ThreadPool {
 public:
  /// Throws ArgumentError unless 1 <= threads <= 1024.
  explicit ThreadPool(int threads = 1) : threads_(threads) {
    if (threads < 1 || threads > 1024) throw ArgumentError("threads must be 1 to 1024, not " + std::to_string(threads));
    if (threads > 1) arena_ = std::make_shared<tbb::task_arena>(threads);
  }

  int threads() const { return threads_; }

  /// Calls body(first, last) on disjoint pieces of [0, n), at most one for each thread, and waits for all of them.
  /// The pieces are whole multiples of grain but for the last. What a piece computes must not depend on where it is
  /// cut.
  template <typename Body>
  void split(std::int64_t n, std::int64_t grain, const Body& body) const {
    const std::int64_t units = (n + grain - 1) / grain;
    const std::int64_t pieces = std::min<std::int64_t>(threads_, units);
    if (pieces <= 1) {
      if (n > 0) body(std::int64_t{0}, n);
      return;
    }
    arena_->execute([&] {
      tbb::parallel_for(
          std::int64_t{0}, pieces,
          [&](std::int64_t p) { body(units * p / pieces * grain, std::min(n, units * (p + 1) / pieces * grain)); },
          tbb::static_partitioner{});
    });
  }

 private:
  int threads_;
  std::shared_ptr<tbb::task_arena> arena_;
};

}  // namespace weir
