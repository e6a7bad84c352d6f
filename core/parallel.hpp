/// Sharing a loop or a pipeline among threads.
#pragma once
#include <cstdint>
#include <memory>
#include <weir/core/compile.hpp>
#include <weir/core/function_ref.hpp>

namespace weir::detail {

struct Workers;

/// A fixed number of threads to share loops among; 1 means only the caller, without touching oneTBB. Copies share the
/// same workers, which are oneTBB's, in an arena of this many threads.
class ThreadPool {
 public:
  /// Throws ArgumentError unless 1 <= threads <= 1024.
  explicit ThreadPool(int threads = 1);

  int threads() const { return threads_; }

  /// Calls body(first, last) on disjoint pieces of [0, n), at most one for each thread, and waits for all of them.
  /// The pieces are whole multiples of grain but for the last. What a piece computes must not depend on where it is
  /// cut. Two callers at once, and a loop within a loop, are allowed: the later one computes its pieces itself. What a
  /// piece throws is thrown when all have ended.
  void split(std::int64_t n, std::int64_t grain, FunctionRef<std::int64_t, std::int64_t> body) const;

  /// Calls work(*item) for every item that next() gives, a pointer, until it gives nullptr, and waits for all. At most
  /// threads() items are under way at once; the caller works too, by itself where oneTBB has no other thread to spare.
  /// next() is called by one thread at a time, by whichever has nothing else to do, also while others work: it may wait
  /// for them. Neither may throw.
  template <typename Next, typename Work>
  void pipeline(const Next& next, const Work& work) const {
    using Item = decltype(next());
    const auto next_address = [&](void*& item) { item = next(); };
    const auto work_on = [&](void* item) { work(*static_cast<Item>(item)); };
    pipeline_of_addresses(next_address, work_on);
  }

 private:
  void pipeline_of_addresses(FunctionRef<void*&> next, FunctionRef<void*> work) const;

  int threads_;
  std::shared_ptr<Workers> workers_;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/core/parallel.ipp>
#endif
