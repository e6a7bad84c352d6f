// What cascade_stream.hpp declares.
#pragma once
#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/parallel.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/serve/batch_queue.hpp>
#include <weir/policy/serve/cascade.ipp>
#include <weir/policy/serve/cascade_inputs.hpp>
#include <weir/policy/serve/cascade_stream.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

namespace weir {

/// The queue and the threads of a stream.
class CascadeStream::Workers {
 public:
  Workers(Cascade cascade, const StreamOptions& options)
      : cascade_(std::move(cascade)),
        queue_(cascade_.spec().stages.size(), queue_options(options)),
        pool_(options.workers),
        inputs_(cascade_.stored().preprocessing()),
        jobs_(options.in_flight) {
    const auto rows = std::make_shared<detail::CascadeRows>(cascade_.spec());
    rows->reserve(options.in_flight);
    inputs_.reserve(options.in_flight);
    for (int w = 0; w < options.workers; ++w) {
      const Context context = w == 0 ? cascade_.context() : another(cascade_.context());
      lanes_.push_back(std::make_unique<Lane>(cascade_.stored().spec, context, rows, options.batch));
      idle_.push_back(lanes_.back().get());
    }
    thread_ = std::thread([this] {
      while (queue_.wait())
        pool_.pipeline([this] { return take(); },
                       [this](Lane& lane) {
                         run(lane);
                         give_back(lane);
                       });
    });
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  ~Workers() {
    finish();
    thread_.join();
  }

  std::future<Decision> submit(Image image, std::optional<std::uint64_t> id) {
    detail::CascadeInputs::check(image);
    if (!id) id = cascade_.default_id(image);
    return submit(Job{std::move(image), {}, id, {}, Clock::now()});
  }

  std::future<Decision> submit(std::function<Image()> image, std::optional<std::uint64_t> id) {
    if (!image) throw ArgumentError("stream: a function that makes an image is needed");
    return submit(Job{{}, std::move(image), id, {}, Clock::now()});
  }

  void flush() { queue_.flush(); }

  void finish() { queue_.finish(); }

 private:
  using Clock = std::chrono::steady_clock;

  /// An image on its way.
  struct Job {
    Image image;
    std::function<Image()> make;  ///< set until the image is made
    std::optional<std::uint64_t> id;
    std::promise<Decision> decision;
    Clock::time_point submitted;
    bool is_open = false;  ///< in a batch that runs, and neither answered nor sent on
  };

  /// What a worker needs to run a batch; one at a time has it.
  struct Lane {
    CascadeExecutor together, alone;
    Preprocess::Scratch scratch;
    std::size_t stage = 0, rung = 0;  // rung: of the policy that decides
    std::vector<std::size_t> batch, rows, freed;
    std::vector<detail::BatchQueue::Arrival> sent_on;

    Lane(const std::shared_ptr<const CascadeSpec>& spec, const Context& context,
         const std::shared_ptr<detail::CascadeRows>& store, std::size_t n)
        : together(spec, context, store), alone(spec, context) {
      for (auto* list : {&batch, &rows, &freed}) list->reserve(n);
      sent_on.reserve(n);
    }
  };

  static detail::BatchQueueOptions queue_options(const StreamOptions& o) {
    if (o.workers < 1 || o.workers > 1024) throw ArgumentError("stream: workers must be 1 to 1024");
    return {o.batch, o.in_flight, o.max_wait_s};
  }

  /// The same with threads of its own: threads are shared among the layers of one batch, not among batches.
  static Context another(const Context& c) {
    return Context({.threads = c.threads(),
                    .isa = std::string(to_string(c.isa())),
                    .gemm = c.openblas() ? "openblas" : "weir",
                    .winograd = c.winograd()});
  }

  std::future<Decision> submit(Job job) {
    const auto r = queue_.claim();
    if (!r) throw ArgumentError("stream: submit() after finish()");
    jobs_[*r] = std::move(job);
    auto future = jobs_[*r].decision.get_future();
    queue_.enter(*r);
    return future;
  }

  /// A lane with the next batch. At most as many batches as workers are under way, so one lane is idle.
  Lane* take() {
    Lane* lane = nullptr;
    {
      const std::lock_guard lock(idle_mutex_);
      lane = idle_.back();
      idle_.pop_back();
    }
    if (queue_.take(lane->stage, lane->batch)) return lane;
    const std::lock_guard lock(idle_mutex_);
    idle_.push_back(lane);
    return nullptr;
  }

  void give_back(Lane& lane) {
    queue_.give_back(lane.sent_on, lane.freed);
    lane.sent_on.clear();
    lane.freed.clear();
    const std::lock_guard lock(idle_mutex_);
    idle_.push_back(&lane);
  }

  void run(Lane& lane) {
    std::sort(lane.batch.begin(), lane.batch.end());
    if (lane.stage == 0) std::erase_if(lane.batch, [&](std::size_t r) { return !prepare(lane, r); });
    for (const std::size_t r : lane.batch) jobs_[r].is_open = true;
    lane.rows = lane.batch;
    lane.rung = cascade_.shared_->policies->now();
    const MixedPolicy& policy = (*cascade_.shared_->policies)[lane.rung];
    try {
      if (cascade_.spec().flows_in_batches())
        lane.together.run_network(
            lane.stage, lane.rows,
            [&](std::size_t net, std::size_t row, View out) { inputs_.fill(net, row, out, lane.scratch); },
            [&](std::size_t r) {
              return [&policy, id = *jobs_[r].id](std::size_t stage, std::span<const double> x) {
                return policy.pick(id).action(stage, x);
              };
            },
            [&](const CascadeAnswer& answer, std::size_t r) { decide(lane, r, answer); },
            [&](std::size_t next, std::size_t r) {
              lane.sent_on.push_back({next, r});
              jobs_[r].is_open = false;
            });
    } catch (...) {  // of one image, or of all: each is asked by itself
    }
    for (const std::size_t r : lane.batch)
      if (jobs_[r].is_open) run_alone(lane, r);
  }

  /// False if there is no image: its future says why.
  bool prepare(Lane& lane, std::size_t r) {
    Job& job = jobs_[r];
    try {
      if (job.make) job.image = std::exchange(job.make, {})();
      inputs_.put(r, job.image);
      if (!job.id) job.id = cascade_.default_id(job.image);
      return true;
    } catch (...) {
      fail(lane, r);
      return false;
    }
  }

  void run_alone(Lane& lane, std::size_t r) {
    try {
      const InputMaker maker = [&](std::size_t net, std::size_t, View out) { inputs_.fill(net, r, out, lane.scratch); };
      decide(lane, r, lane.alone.run_one((*cascade_.shared_->policies)[lane.rung], maker, *jobs_[r].id));
    } catch (...) {
      fail(lane, r);
    }
  }

  void decide(Lane& lane, std::size_t r, const CascadeAnswer& answer) {
    Decision d = cascade_.decision(answer);
    d.seconds = std::chrono::duration<double>(Clock::now() - jobs_[r].submitted).count();
    const double seconds = d.seconds;
    Image image = std::move(jobs_[r].image);
    close(lane, r);
    jobs_[r].decision.set_value(std::move(d));
    try {
      cascade_.shared_->note(answer, seconds, lane.rung, [&] {
        return detail::CascadeAudit::Source{std::move(image), {}, {}};
      });
    } catch (...) {  // out of memory: the image is answered, only not counted
    }
  }

  /// Passes the exception that is being handled on to the image's future.
  void fail(Lane& lane, std::size_t r) {
    close(lane, r);
    jobs_[r].decision.set_exception(std::current_exception());
  }

  void close(Lane& lane, std::size_t r) {
    jobs_[r].image = {};
    jobs_[r].is_open = false;
    lane.freed.push_back(r);
  }

  const Cascade cascade_;
  detail::BatchQueue queue_;
  const detail::ThreadPool pool_;
  // What belongs to a row belongs to whoever has the row: submit(), or the lane in whose batch it is.
  detail::CascadeInputs inputs_;
  std::vector<Job> jobs_;                     // [in_flight]
  std::vector<std::unique_ptr<Lane>> lanes_;  // [workers]
  std::mutex idle_mutex_;
  std::vector<Lane*> idle_;
  std::thread thread_;
};

WEIR_INLINE CascadeStream::CascadeStream(Cascade cascade, const StreamOptions& options)
    : workers_(std::make_unique<Workers>(std::move(cascade), options)) {}
WEIR_INLINE CascadeStream::~CascadeStream() = default;
WEIR_INLINE std::future<Decision> CascadeStream::submit(Image image, std::optional<std::uint64_t> id) {
  return workers_->submit(std::move(image), id);
}
WEIR_INLINE std::future<Decision> CascadeStream::submit(std::function<Image()> image, std::optional<std::uint64_t> id) {
  return workers_->submit(std::move(image), id);
}
WEIR_INLINE void CascadeStream::flush() { workers_->flush(); }
WEIR_INLINE void CascadeStream::finish() { workers_->finish(); }

}  // namespace weir
