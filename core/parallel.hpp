/// The only file that knows oneTBB.
#pragma once
#include <tbb/parallel_for.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <weir/core/error.hpp>

#if defined(__SANITIZE_THREAD__)
#define WEIR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR_TSAN 1
#endif
#endif
#if defined(WEIR_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace weir {

namespace detail {

/// What oneTBB orders (before a loop, its pieces, behind it), said to ThreadSanitizer, which does not see into a
/// library that was compiled without it. Nothing without the sanitizer.
class ForkJoin {
 public:
#if defined(WEIR_TSAN)
  void fork() const { __tsan_release(&forked_); }
  void begin() const { __tsan_acquire(&forked_); }
  void end() const { __tsan_release(&ended_); }
  void join() const { __tsan_acquire(&ended_); }

 private:
  mutable char forked_ = 0, ended_ = 0;
#else
  void fork() const {}
  void begin() const {}
  void end() const {}
  void join() const {}
#endif
};

}  // namespace detail

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
    const detail::ForkJoin order;
    order.fork();
    arena_->execute([&] {
      tbb::parallel_for(
          std::int64_t{0}, pieces,
          [&](std::int64_t p) {
            order.begin();
            body(units * p / pieces * grain, std::min(n, units * (p + 1) / pieces * grain));
            order.end();
          },
          tbb::static_partitioner{});
    });
    order.join();
  }

  /// Calls work(*item) for every item that next() gives, a pointer, until it gives nullptr, and waits for all. At most
  /// threads() items are under way at once; the caller works too, and alone where oneTBB has no other thread to spare.
  /// next() is called by one thread at a time, by whichever has nothing else to do, also while others work: it may wait
  /// for them. Neither may throw.
  template <typename Next, typename Work>
  void pipeline(const Next& next, const Work& work) const {
    using Item = decltype(next());
    if (threads_ == 1) {
      while (const Item item = next()) work(*item);
      return;
    }
    const detail::ForkJoin order;
    order.fork();
    arena_->execute([&] {
      tbb::parallel_pipeline(
          static_cast<std::size_t>(threads_),
          tbb::make_filter<void, Item>(tbb::filter_mode::serial_out_of_order, [&](tbb::flow_control& control) {
            order.begin();
            const Item item = next();
            if (!item) control.stop();
            order.end();
            return item;
          }) & tbb::make_filter<Item, void>(tbb::filter_mode::parallel, [&](Item item) {
            order.begin();
            work(*item);
            order.end();
          }));
    });
    order.join();
  }

 private:
  int threads_;
  std::shared_ptr<tbb::task_arena> arena_;
};

}  // namespace weir
