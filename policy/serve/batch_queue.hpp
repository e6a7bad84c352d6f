/// BatchQueue: rows that wait in front of stages until a batch of them is worth running.
#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>

namespace weir::detail {

/// in_flight of at least batch x (stages to wait in front of + workers - 1) makes sure that a free worker finds a full
/// batch whenever somebody waits for a row.
struct BatchQueueOptions {
  std::size_t batch = 64;       ///< rows that a stage runs at once
  std::size_t in_flight = 256;  ///< rows that there are
  double max_wait_s = 0.05;     ///< how long a row waits for batch-mates in front of one stage
};

/// A fixed number of rows that are free, wait in front of a stage, or are in a batch that runs. All members may be
/// called from any thread; after the constructor nothing is allocated but what take() needs in the caller's vector.
///
/// A stage can run when a full batch waits in front of it, when one of its rows has waited max_wait_s, when nothing
/// more will come (finish(), flush()), or when no row is free: then the fullest one. Of several the one that is longest
/// overdue comes first, then the latest full one, so that rows become free.
class BatchQueue {
 public:
  /// Where a row goes behind its batch.
  struct Arrival {
    std::size_t stage, row;
  };

  /// Throws ArgumentError for options out of range.
  BatchQueue(std::size_t n_stages, const BatchQueueOptions& options) : options_(options), waiting_(n_stages) {
    if (options.batch < 1 || options.in_flight < options.batch || options.in_flight > 1 << 20)
      throw ArgumentError("stream: batches of 1 to in_flight, which is at most 1048576");
    if (!(options.max_wait_s >= 0) || options.max_wait_s > 3600)
      throw ArgumentError("stream: max_wait_s must be 0 to 3600");
    free_.reserve(options.in_flight);
    for (auto& queue : waiting_) queue.reserve(options.in_flight);
    for (std::size_t r = options.in_flight; r-- > 0;) free_.push_back(r);
  }

  /// A row that was free; waits for one. Nothing after finish(). Whoever got one must let it enter().
  std::optional<std::size_t> claim() {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return !free_.empty() || finished_; });
    if (finished_) return std::nullopt;
    const std::size_t r = free_.back();
    free_.pop_back();
    return r;
  }

  /// Puts a claimed row in front of stage 0.
  void enter(std::size_t row) {
    bool matters = false;
    {
      const std::lock_guard lock(mutex_);
      waiting_[0].push_back({row, Clock::now()});
      hurries_ = false;
      matters = waiting_[0].size() == 1 || waiting_[0].size() == options_.batch || free_.empty() || finished_;
    }
    if (matters) arrived_.notify_one();
  }

  /// Until the next enter() nothing waits for batch-mates.
  void flush() {
    {
      const std::lock_guard lock(mutex_);
      hurries_ = true;
    }
    arrived_.notify_one();
  }

  /// Nothing can be claimed any more, and what waits need not wait for batch-mates.
  void finish() {
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
    }
    arrived_.notify_one();
    room_.notify_all();
  }

  /// Waits until a batch can be run; false if none ever will: finished, and all rows are free.
  bool wait() {
    std::unique_lock lock(mutex_);
    while (!pick()) {
      if (finished_ && free_.size() == options_.in_flight) return false;
      wait_for_change(lock);
    }
    return true;
  }

  /// Takes the next batch, and waits for it while others are under way; false if none is, and there is nothing to run.
  /// One thread at a time, of those that take() and wait().
  bool take(std::size_t& stage, std::vector<std::size_t>& rows) {
    std::unique_lock lock(mutex_);
    std::optional<std::size_t> k;
    while (!(k = pick())) {
      if (n_under_way_ == 0) return false;
      wait_for_change(lock);
    }
    auto& queue = waiting_[*k];
    const auto n = static_cast<std::ptrdiff_t>(std::min(options_.batch, queue.size()));
    stage = *k;
    rows.clear();
    for (auto w = queue.begin(); w != queue.begin() + n; ++w) rows.push_back(w->row);
    queue.erase(queue.begin(), queue.begin() + n);
    ++n_under_way_;
    return true;
  }

  /// A batch has run: each of its rows goes on, or is free.
  void give_back(const std::vector<Arrival>& sent_on, const std::vector<std::size_t>& freed) {
    {
      const std::lock_guard lock(mutex_);
      const auto now = Clock::now();
      for (const Arrival& a : sent_on) waiting_[a.stage].push_back({a.row, now});
      free_.insert(free_.end(), freed.begin(), freed.end());
      --n_under_way_;
    }
    arrived_.notify_one();
    room_.notify_all();
  }

 private:
  using Clock = std::chrono::steady_clock;

  struct Waiting {
    std::size_t row;
    Clock::time_point since;
  };

  Clock::time_point deadline(std::size_t k) const {
    return waiting_[k].front().since +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.max_wait_s));
  }

  std::optional<std::size_t> pick() const {
    std::optional<std::size_t> first, fullest, latest_full, overdue;
    const auto now = Clock::now();
    for (std::size_t k = 0; k < waiting_.size(); ++k) {
      if (waiting_[k].empty()) continue;
      if (!first) first = k;
      if (!fullest || waiting_[k].size() > waiting_[*fullest].size()) fullest = k;
      if (waiting_[k].size() >= options_.batch) latest_full = k;
      if (deadline(k) <= now && (!overdue || deadline(k) < deadline(*overdue))) overdue = k;
    }
    if (overdue) return overdue;
    if (latest_full) return latest_full;
    if (finished_ || hurries_) return first;  // what they send on still meets in the later ones
    return free_.empty() ? fullest : std::nullopt;
  }

  void wait_for_change(std::unique_lock<std::mutex>& lock) {
    std::optional<Clock::time_point> until;
    for (std::size_t k = 0; k < waiting_.size(); ++k)
      if (!waiting_[k].empty()) until = until ? std::min(*until, deadline(k)) : deadline(k);
    if (until)
      arrived_.wait_until(lock, *until);
    else
      arrived_.wait(lock);
  }

  const BatchQueueOptions options_;
  std::mutex mutex_;
  std::condition_variable arrived_, room_;
  std::vector<std::vector<Waiting>> waiting_;  // [stages] the longest waiting first
  std::vector<std::size_t> free_;
  std::size_t n_under_way_ = 0;
  bool finished_ = false, hurries_ = false;
};

}  // namespace weir::detail
