/// CascadeStream: throughput. Images from a queue, regrouped into full batches in front of every network.
#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/image_view.hpp>
#include <weir/policy/serve/cascade.hpp>

namespace weir {

struct StreamOptions {
  std::size_t batch = 64;       ///< images that a network runs at once
  std::size_t in_flight = 256;  ///< images taken and not answered yet; submit() waits while they are so many
  double max_wait_s = 0.05;     ///< latency limit: how long an image waits for batch-mates in front of one network
};

/// One worker thread that runs a cascade on images as they come; kernels use the threads of the cascade's context.
///
/// In front of every network its images wait until they fill a batch, until one of them has waited max_wait_s, or until
/// nothing else can be run; so late networks run on full batches too, though few images of each batch get there. Exits
/// inside a network make its batch smaller. Where whole batches cannot flow (CascadeSpec::flows_in_batches) images run
/// one by one. Decisions equal Cascade::run's bit for bit, but for their seconds, which count from submit().
///
/// Memory: in_flight images with their inputs and answers, and the networks' tensors for one batch.
class CascadeStream {
 public:
  /// Throws ArgumentError for options out of range, and if the policy was learned on float tensors.
  explicit CascadeStream(Cascade cascade, const StreamOptions& options = {})
      : cascade_(std::move(cascade)),
        options_(options),
        executor_(cascade_.stored().spec, cascade_.context()),
        alone_(cascade_.stored().spec, cascade_.context()),
        inputs_(cascade_.stored().preprocessing()) {
    if (options.batch < 1 || options.in_flight < options.batch || options.in_flight > 1 << 20)
      throw ArgumentError("stream: batches of 1 to in_flight, which is at most 1048576");
    if (!(options.max_wait_s >= 0) || options.max_wait_s > 3600)
      throw ArgumentError("stream: max_wait_s must be 0 to 3600");
    inputs_.reserve(options.in_flight);
    executor_.reserve(options.in_flight);
    jobs_.resize(options.in_flight);
    waiting_.resize(cascade_.spec().stages.size());
    for (auto* rows : {&free_, &freed_}) rows->reserve(options.in_flight);
    for (auto& rows : waiting_) rows.reserve(options.in_flight);
    for (std::size_t r = options.in_flight; r-- > 0;) free_.push_back(r);
    worker_ = std::thread([this] { work(); });
  }
  CascadeStream(const CascadeStream&) = delete;
  CascadeStream& operator=(const CascadeStream&) = delete;

  /// Answers everything that was submitted.
  ~CascadeStream() {
    finish();
    worker_.join();
  }

  /// An image to be decided; any thread may submit. Waits while in_flight images are on their way. What goes wrong with
  /// this image alone (a network that cannot be loaded, NaN) is thrown by the future's get(). Throws ArgumentError for
  /// an image without pixels and after finish().
  std::future<Decision> submit(Image image, std::optional<std::uint64_t> id = {}) {
    CascadeInputs::check(image);
    if (!id) id = cascade_.default_id(image);
    const auto now = Clock::now();
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return !free_.empty() || finished_; });
    if (finished_) throw ArgumentError("stream: submit() after finish()");
    const std::size_t r = free_.back();
    jobs_[r] = {std::move(image), *id, std::promise<Decision>(), now, now};
    auto future = jobs_[r].decision.get_future();
    free_.pop_back();
    waiting_[0].push_back(r);
    hurries_ = false;
    lock.unlock();
    arrived_.notify_one();
    return future;
  }

  /// No more images come for a while: until the next submit() nothing waits for batch-mates.
  void flush() {
    {
      const std::lock_guard lock(mutex_);
      hurries_ = true;
    }
    arrived_.notify_one();
  }

  /// No more images come: what waits need not wait for batch-mates any longer.
  void finish() {
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
    }
    arrived_.notify_one();
    room_.notify_all();
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// An image on its way.
  struct Job {
    Image image;
    std::uint64_t id = 0;
    std::promise<Decision> decision;
    Clock::time_point submitted, queued;  ///< queued: in front of the network where it waits
    bool is_open = false;                 ///< in the batch that runs, and neither answered nor sent on
  };

  Clock::time_point deadline(std::size_t k) const {
    return jobs_[waiting_[k].front()].queued +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.max_wait_s));
  }

  /// The stage to run now, or none: full ones first, the latest of them, so that images leave.
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

  void work() {
    std::vector<std::size_t> batch;
    batch.reserve(options_.batch);
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto k = pick();
      if (!k) {
        if (finished_) return;
        std::optional<Clock::time_point> until;
        for (std::size_t s = 0; s < waiting_.size(); ++s)
          if (!waiting_[s].empty()) until = until ? std::min(*until, deadline(s)) : deadline(s);
        if (until)
          arrived_.wait_until(lock, *until);
        else
          arrived_.wait(lock);
        continue;
      }
      auto& rows = waiting_[*k];
      const auto n = static_cast<std::ptrdiff_t>(std::min(options_.batch, rows.size()));
      batch.assign(rows.begin(), rows.begin() + n);
      rows.erase(rows.begin(), rows.begin() + n);
      lock.unlock();
      run(*k, batch);
      lock.lock();
      for (const auto& [stage, r] : sent_on_) waiting_[stage].push_back(r);
      free_.insert(free_.end(), freed_.begin(), freed_.end());
      sent_on_.clear();
      freed_.clear();
      room_.notify_all();
    }
  }

  void run(std::size_t k, std::vector<std::size_t>& batch) {
    std::sort(batch.begin(), batch.end());
    for (const std::size_t r : batch) {
      if (k == 0) inputs_.put(r, jobs_[r].image);
      jobs_[r].is_open = true;
    }
    rows_ = batch;
    const MixedPolicy& policy = cascade_.policy();
    try {
      if (cascade_.spec().flows_in_batches())
        executor_.run_network(
            k, rows_, [&](std::size_t net, std::size_t row, View out) { inputs_.fill(net, row, out); },
            [&](std::size_t r) {
              return [&policy, id = jobs_[r].id](std::size_t stage, std::span<const double> x) {
                return policy.pick(id).action(stage, x);
              };
            },
            [&](const CascadeAnswer& answer, std::size_t r) { decide(r, answer); },
            [&](std::size_t next, std::size_t r) {
              sent_on_.emplace_back(next, r);
              jobs_[r].queued = Clock::now();
              jobs_[r].is_open = false;
            });
    } catch (...) {  // of one image, or of all: each is asked by itself
    }
    for (const std::size_t r : batch)
      if (jobs_[r].is_open) run_alone(r);
  }

  void run_alone(std::size_t r) {
    try {
      const InputMaker maker = [&](std::size_t net, std::size_t, View out) { inputs_.fill(net, r, out); };
      decide(r, alone_.run_one(cascade_.policy(), maker, jobs_[r].id));
    } catch (...) {
      close(r);
      jobs_[r].decision.set_exception(std::current_exception());
    }
  }

  void decide(std::size_t r, const CascadeAnswer& answer) {
    Decision d = cascade_.decision(answer);
    d.seconds = std::chrono::duration<double>(Clock::now() - jobs_[r].submitted).count();
    close(r);
    jobs_[r].decision.set_value(std::move(d));
  }

  void close(std::size_t r) {
    jobs_[r].is_open = false;
    freed_.push_back(r);
  }

  const Cascade cascade_;
  const StreamOptions options_;
  // Of the worker alone, but for a job's first filling.
  CascadeExecutor executor_, alone_;
  CascadeInputs inputs_;
  std::vector<Job> jobs_;  // [in_flight]
  std::vector<std::size_t> rows_, freed_;
  std::vector<std::pair<std::size_t, std::size_t>> sent_on_;  // {stage, row}
  // Shared.
  std::mutex mutex_;
  std::condition_variable arrived_, room_;
  std::vector<std::size_t> free_;
  std::vector<std::vector<std::size_t>> waiting_;  // [stages] rows in front of the network that a stage starts
  bool finished_ = false, hurries_ = false;
  std::thread worker_;
};

}  // namespace weir
