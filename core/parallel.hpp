/// The only file that knows oneTBB.
#pragma once
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <weir/core/error.hpp>
#include <weir/core/function_ref.hpp>

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

namespace weir::detail {

/// What oneTBB orders (before a task, in it; before a pipeline, its items, behind it), said to ThreadSanitizer, which
/// does not see into a library that was compiled without it. Nothing without the sanitizer.
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

/// Hands the pieces of one loop at a time to each thread that asks. The caller of run() asks as well, so that it never
/// depends on a worker that does not come; workers go on asking for a while after the last piece, as a network has a
/// loop every few microseconds and waking a thread takes longer than that.
class Team  // NOLINT(clang-analyzer-optin.performance.Padding): what all threads write lies on lines of its own
    : public std::enable_shared_from_this<Team> {
 public:
  using Piece = void (*)(const void* body, std::int64_t piece);

  /// Workers come from the arena. False, and nothing was done, if another loop is under way: of another caller, or one
  /// around this.
  bool run(std::int64_t pieces, const void* body, Piece piece, tbb::task_arena& arena) {
    if (busy_.test_and_set(std::memory_order_acquire)) return false;
    while (workers_.load(std::memory_order_relaxed) < pieces - 1) {
      workers_.fetch_add(1, std::memory_order_relaxed);
      order_.fork();
      try {
        arena.enqueue([team = shared_from_this()] { team->work(); });
      } catch (...) {  // out of memory: the caller can do without
        workers_.fetch_sub(1, std::memory_order_relaxed);
        break;
      }
    }
    body_ = body;
    piece_ = piece;
    done_.store(0, std::memory_order_relaxed);
    ticket_.store(static_cast<std::uint32_t>(pieces) << 16, std::memory_order_release);
    while (take_piece()) {
    }
    for (unsigned spin = 1; done_.load(std::memory_order_acquire) < pieces; ++spin) wait(spin);
    const std::exception_ptr error = std::exchange(error_, nullptr);
    busy_.clear(std::memory_order_release);
    if (error) std::rethrow_exception(error);
    return true;
  }

  /// What a worker does. Leaves when there was no piece for some time.
  void work() {
    using Clock = std::chrono::steady_clock;
    order_.begin();
    auto last = Clock::now();
    for (unsigned spin = 1;; ++spin) {
      if (take_piece()) {
        spin = 0;
        continue;
      }
      wait(spin);
      if (spin % 64 != 0) continue;
      if (spin == 64) last = Clock::now();
      if (Clock::now() - last > std::chrono::microseconds(200)) break;
    }
    workers_.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  static void wait(unsigned spin) {
    if (spin % 64 == 0) return std::this_thread::yield();  // another thread may need this core
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  /// Computes a piece, if there is one left. The ticket holds how many pieces there are and how many were taken, so
  /// what a late worker takes belongs to the loop that is under way then.
  bool take_piece() {
    const auto left = [](std::uint32_t t) { return (t & 0xFFFFU) < (t >> 16); };
    std::uint32_t ticket = ticket_.load(std::memory_order_acquire);
    if (!left(ticket)) return false;
    ticket = ticket_.fetch_add(1, std::memory_order_acq_rel);
    if (!left(ticket)) return false;
    try {
      piece_(body_, ticket & 0xFFFFU);
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      error_ = std::current_exception();
    }
    done_.fetch_add(1, std::memory_order_acq_rel);
    return true;
  }

  [[no_unique_address]] ForkJoin order_;
  std::atomic_flag busy_;
  std::atomic<std::int64_t> workers_{0};
  const void* body_ = nullptr;
  Piece piece_ = nullptr;
  std::mutex error_mutex_;
  std::exception_ptr error_;
  alignas(64) std::atomic<std::uint32_t> ticket_{0};
  alignas(64) std::atomic<std::int64_t> done_{0};
};

/// A fixed number of threads to share loops among; 1 means only the caller, without touching oneTBB. Copies share the
/// same workers, which are oneTBB's, in an arena of this many threads.
class ThreadPool {
 public:
  /// Throws ArgumentError unless 1 <= threads <= 1024.
  explicit ThreadPool(int threads = 1) : threads_(threads) {
    if (threads < 1 || threads > 1024)
      throw ArgumentError(detail::message({"threads must be 1 to 1024, not ", threads}));
    if (threads == 1) return;
    arena_ = std::make_shared<tbb::task_arena>(threads);
    team_ = std::make_shared<Team>();
  }

  int threads() const { return threads_; }

  /// Calls body(first, last) on disjoint pieces of [0, n), at most one for each thread, and waits for all of them.
  /// The pieces are whole multiples of grain but for the last. What a piece computes must not depend on where it is
  /// cut. Two callers at once, and a loop within a loop, are allowed: the later one computes its pieces itself. What a
  /// piece throws is thrown when all have ended.
  void split(std::int64_t n, std::int64_t grain, FunctionRef<std::int64_t, std::int64_t> body) const {
    const std::int64_t units = (n + grain - 1) / grain;
    const std::int64_t pieces = std::min<std::int64_t>(threads_, units);
    if (pieces <= 1) {
      if (n > 0) body(0, n);
      return;
    }
    const auto piece = [&](std::int64_t p) {
      body(units * p / pieces * grain, std::min(n, units * (p + 1) / pieces * grain));
    };
    using P = decltype(piece);
    const auto call = [](const void* f, std::int64_t p) { (*static_cast<const P*>(f))(p); };
    if (team_->run(pieces, &piece, call, *arena_)) return;
    for (std::int64_t p = 0; p < pieces; ++p) piece(p);
  }

  /// Calls work(*item) for every item that next() gives, a pointer, until it gives nullptr, and waits for all. At most
  /// threads() items are under way at once; the caller works too, by itself where oneTBB has no other thread to spare.
  /// next() is called by one thread at a time, by whichever has nothing else to do, also while others work: it may wait
  /// for them. Neither may throw.
  template <typename Next, typename Work>
  void pipeline(const Next& next, const Work& work) const {
    using Item = decltype(next());
    if (threads_ == 1) {
      while (const Item item = next()) work(*item);
      return;
    }
    const ForkJoin order;
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
  std::shared_ptr<Team> team_;
};

}  // namespace weir::detail
