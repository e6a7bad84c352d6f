/// CascadeStream: throughput. Images from a queue, regrouped into full batches in front of every network.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/parallel.hpp>
#include <weir/io/image_view.hpp>
#include <weir/policy/serve/batch_queue.hpp>
#include <weir/policy/serve/cascade.hpp>

namespace weir {

/// in_flight of at least batch x (networks + workers - 1) makes sure that a free worker finds a full batch whenever
/// submit() has to wait.
struct StreamOptions {
  std::size_t batch = 64;       ///< images that a network runs at once
  std::size_t in_flight = 256;  ///< images taken and not answered yet; submit() waits while they are so many
  double max_wait_s = 0.05;     ///< latency limit: how long an image waits for batch-mates in front of one network
  int workers = 1;              ///< batches that run at once, each with the threads of the cascade's context
};

/// A cascade that runs on images as they come, several batches at once: workers x the context's threads should be at
/// most the cores. Several workers of one thread do more in all than one worker of several threads, which the layers of
/// a small network do not keep busy; one worker of several threads needs the memory of one.
///
/// In front of every network its images wait until they fill a batch, until one of them has waited max_wait_s, or until
/// in_flight is reached (BatchQueue); so late networks run on full batches too, though few images of each batch get
/// there. Exits inside a network make its batch smaller. Where whole batches cannot flow
/// (CascadeSpec::flows_in_batches) images run one by one, those of different batches at once. Decisions equal
/// Cascade::run's bit for bit whatever the batches and the workers, but for their seconds, which count from submit().
/// Time in which all workers are busy is not part of max_wait_s; of what waits, the longest overdue comes next.
///
/// A worker takes a batch all the way through one network: decoding (where images come as functions), preprocessing,
/// layers, gates. With two workers or more these of one batch overlap with the layers of another. The workers are one
/// thread of the stream's own and as many of oneTBB's as it has to spare (ThreadPool::pipeline): whichever is free
/// looks for the next batch, so that none is needed to hand out work and keep the time; while nothing runs, only the
/// stream's own thread waits. A flow graph with a node for each network would need that thread for max_wait_s, and a
/// bound on each edge where one for the whole is enough.
///
/// Memory: in_flight images, each with the inputs that several networks share and its answers (CascadeRows); and for
/// each worker the tensors of the networks that it has run, for one batch. Networks are loaded when the first image
/// needs them; workers share their weights.
class CascadeStream {
 public:
  /// Throws ArgumentError for options out of range, and if the policy was learned on float tensors.
  explicit CascadeStream(Cascade cascade, const StreamOptions& options = {})
      : cascade_(std::move(cascade)),
        queue_(cascade_.spec().stages.size(), queue_options(options)),
        pool_(options.workers),
        inputs_(cascade_.stored().preprocessing()),
        jobs_(options.in_flight) {
    const auto rows = std::make_shared<CascadeRows>(cascade_.spec());
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
  CascadeStream(const CascadeStream&) = delete;
  CascadeStream& operator=(const CascadeStream&) = delete;

  /// Answers everything that was submitted.
  ~CascadeStream() {
    finish();
    thread_.join();
  }

  /// An image to be decided; any thread may submit. Waits while in_flight images are on their way. What goes wrong with
  /// this image alone (a network that cannot be loaded, NaN) is thrown by the future's get(). Throws ArgumentError for
  /// an image without pixels and after finish().
  std::future<Decision> submit(Image image, std::optional<std::uint64_t> id = {}) {
    CascadeInputs::check(image);
    if (!id) id = cascade_.default_id(image);
    return submit(Job{std::move(image), {}, id, {}, Clock::now()});
  }

  /// An image that a worker makes (reads, decodes) by calling image() once, when its first batch runs; until then there
  /// are no pixels. What image() throws, and ArgumentError for one without pixels, the future's get() throws.
  std::future<Decision> submit(std::function<Image()> image, std::optional<std::uint64_t> id = {}) {
    if (!image) throw ArgumentError("stream: a function that makes an image is needed");
    return submit(Job{{}, std::move(image), id, {}, Clock::now()});
  }

  /// No more images come for a while: until the next submit() nothing waits for batch-mates.
  void flush() { queue_.flush(); }

  /// No more images come: what waits need not wait for batch-mates any longer.
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
    std::size_t stage = 0;
    std::vector<std::size_t> batch, rows, freed;
    std::vector<BatchQueue::Arrival> sent_on;

    Lane(const std::shared_ptr<const CascadeSpec>& spec, const Context& context,
         const std::shared_ptr<CascadeRows>& store, std::size_t n)
        : together(spec, context, store), alone(spec, context) {
      for (auto* list : {&batch, &rows, &freed}) list->reserve(n);
      sent_on.reserve(n);
    }
  };

  static BatchQueueOptions queue_options(const StreamOptions& o) {
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
    const MixedPolicy& policy = cascade_.policy();
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
      decide(lane, r, lane.alone.run_one(cascade_.policy(), maker, *jobs_[r].id));
    } catch (...) {
      fail(lane, r);
    }
  }

  void decide(Lane& lane, std::size_t r, const CascadeAnswer& answer) {
    Decision d = cascade_.decision(answer);
    d.seconds = std::chrono::duration<double>(Clock::now() - jobs_[r].submitted).count();
    close(lane, r);
    jobs_[r].decision.set_value(std::move(d));
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
  BatchQueue queue_;
  const ThreadPool pool_;
  // What belongs to a row belongs to whoever has the row: submit(), or the lane in whose batch it is.
  CascadeInputs inputs_;
  std::vector<Job> jobs_;                     // [in_flight]
  std::vector<std::unique_ptr<Lane>> lanes_;  // [workers]
  std::mutex idle_mutex_;
  std::vector<Lane*> idle_;
  std::thread thread_;
};

}  // namespace weir
