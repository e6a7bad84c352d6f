// What parallel.hpp declares. The only file that knows oneTBB.
#pragma once
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <weir/core/error.hpp>
#include <weir/core/parallel.hpp>

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

/// Gives the pieces of one loop to the threads that ask for them. The caller of run() takes pieces too, so it never
/// waits for a worker that does not start. Workers keep asking for a while after the last piece: a network starts a
/// loop every few microseconds, and waking a thread takes longer.
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

/// The threads of a ThreadPool.
struct Workers {
  explicit Workers(int threads) : arena(threads), team(std::make_shared<Team>()) {}
  tbb::task_arena arena;
  std::shared_ptr<Team> team;
};

WEIR_INLINE ThreadPool::ThreadPool(int threads) : threads_(threads) {
  if (threads < 1 || threads > 1024) throw ArgumentError(message({"threads must be 1 to 1024, not ", threads}));
  if (threads > 1) workers_ = std::make_shared<Workers>(threads);
}

WEIR_INLINE void ThreadPool::split(std::int64_t n, std::int64_t grain,
                                   FunctionRef<std::int64_t, std::int64_t> body) const {
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
  if (workers_->team->run(pieces, &piece, call, workers_->arena)) return;
  for (std::int64_t p = 0; p < pieces; ++p) piece(p);
}

WEIR_INLINE void ThreadPool::pipeline_of_addresses(FunctionRef<void*&> next, FunctionRef<void*> work) const {
  const auto next_item = [&] {
    void* item = nullptr;
    next(item);
    return item;
  };
  if (threads_ == 1) {
    while (void* const item = next_item()) work(item);
    return;
  }
  const ForkJoin order;
  order.fork();
  workers_->arena.execute([&] {
    tbb::parallel_pipeline(
        static_cast<std::size_t>(threads_),
        tbb::make_filter<void, void*>(tbb::filter_mode::serial_out_of_order, [&](tbb::flow_control& control) {
          order.begin();
          void* const item = next_item();
          if (item == nullptr) control.stop();
          order.end();
          return item;
        }) & tbb::make_filter<void*, void>(tbb::filter_mode::parallel, [&](void* item) {
          order.begin();
          work(item);
          order.end();
        }));
  });
  order.join();
}

}  // namespace weir::detail
