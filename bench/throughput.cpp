// Images per second of a policy: one by one, in batches, and from a queue that keeps every network's batches full.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <functional>
#include <future>
#include <memory>
#include <numeric>
#include <string>
#include <vector>
#include <weir/weir.hpp>

#include "adapt/data.hpp"
#include "program.hpp"
#include "programs.hpp"

namespace {

struct ThroughputArguments {
  std::string policy, networks, classes, images, labels, isa;
  std::size_t batch = 64, in_flight = 0, rounds = 5;
  int threads = 1;
  std::vector<int> workers = {1, 2};
  bool allow_outside = false;
};

/// Wall time, and processor time of all threads of this process: on a busy machine the second still tells what was
/// done.
struct Seconds {
  double wall = 0, cpu = 0;

  static Seconds now() {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return {std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(),
            static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec)};
  }
  Seconds operator-(const Seconds& o) const { return {wall - o.wall, cpu - o.cpu}; }
  Seconds operator+(const Seconds& o) const { return {wall + o.wall, cpu + o.cpu}; }
  Seconds operator*(double f) const { return {wall * f, cpu * f}; }
};

/// Runs f(0) .. f(n - 1), each in a thread of its own, and throws what the first of them throws.
template <typename F>
void at_once(int n, const F& f) {
  std::vector<std::future<void>> all;
  for (int i = 0; i < n; ++i) all.push_back(std::async(std::launch::async, [&f, i] { f(i); }));
  for (auto& one : all) one.wait();
  for (auto& one : all) one.get();
}

/// Seconds that each stage takes for one image in a full batch, preprocessing in front of its network included.
class StageCosts {
 public:
  StageCosts(const weir::Cascade& cascade, std::span<const weir::ImageView> batch)
      : spec_(cascade.spec()),
        executor_(cascade.stored().spec, cascade.context()),
        inputs_(cascade.stored().preprocessing()),
        images_(batch) {
    inputs_.begin(images_);
    executor_.record(images_.size(), maker_, [](auto&&...) {});  // so that every stage finds its earlier answers
  }

  /// For one of n images, of which `share` [stages] run each stage: every stage runs as many batches as they fill, so
  /// that this takes as long as a contestant and meets as much of what else the machine does.
  Seconds measure(const std::vector<double>& share, std::size_t n) {
    Seconds sum;
    const auto batch = static_cast<double>(images_.size());
    for (std::size_t k = 0; k < spec_.stages.size(); ++k) {
      const std::size_t before = own_before(k);
      const auto batches = static_cast<int>(std::ceil(share[k] * static_cast<double>(n) / batch));
      for (int i = 0; i < batches; ++i) {
        const Seconds own = up_to(k) - (before == k ? Seconds{} : up_to(before));
        sum = sum + own * (share[k] / batch / batches);
      }
    }
    return sum;
  }

 private:
  /// The stage of the same network that leads to k; k itself where k starts its network.
  std::size_t own_before(std::size_t k) const {
    for (std::size_t j = 0; j < k; ++j)
      if (spec_.stages[j].network == spec_.stages[k].network &&
          std::ranges::count(spec_.topology.stages[j].next, k) > 0)
        return j;
    return k;
  }

  Seconds up_to(std::size_t target) {
    std::size_t start = target;
    while (own_before(start) != start) start = own_before(start);
    if (start == 0) inputs_.begin(images_);  // later networks find what they share with the first
    rows_.resize(images_.size());
    std::iota(rows_.begin(), rows_.end(), std::size_t{0});
    const Seconds begin = Seconds::now();
    executor_.run_network(
        start, rows_, maker_,
        [&](std::size_t) {
          return [&](std::size_t k, std::span<const double>) -> std::size_t {
            if (k == target) return 0;
            const auto& next = spec_.topology.stages[k].next;
            for (std::size_t a = 0; a < next.size(); ++a)
              if (spec_.stages[next[a]].network == spec_.stages[k].network) return a + 1;
            return 0;
          };
        },
        [](const weir::CascadeAnswer&, std::size_t) {}, [](std::size_t, std::size_t) {});
    return Seconds::now() - begin;
  }

  const weir::CascadeSpec& spec_;
  weir::CascadeExecutor executor_;
  weir::detail::CascadeInputs inputs_;
  std::span<const weir::ImageView> images_;
  std::vector<std::size_t> rows_;
  weir::InputMaker maker_ = [this](std::size_t net, std::size_t row, weir::View out) { inputs_.fill(net, row, out); };
};

/// [stages] share of the images that run each stage.
std::vector<double> shares(const weir::Cascade& cascade, std::span<const weir::ImageView> images) {
  weir::CascadeExecutor executor(cascade.stored().spec, cascade.context());
  weir::detail::CascadeInputs inputs(cascade.stored().preprocessing());
  std::vector<double> share(cascade.spec().stages.size(), 0);
  for (const weir::ImageView image : images) {
    inputs.begin(std::span(&image, 1));
    executor.run_one(
        cascade.policy(), [&](std::size_t net, std::size_t row, weir::View out) { inputs.fill(net, row, out); },
        cascade.default_id(image));
    for (const std::size_t k : executor.visited()) share[k] += 1 / static_cast<double>(images.size());
  }
  return share;
}

/// One way of running all images.
struct Contestant {
  std::string who;
  int workers = 1, threads = 1;
  std::function<Seconds()> run;   ///< for one image
  std::vector<double> wall, cpu;  ///< by round
};

template <typename F>
Seconds timed(std::size_t n, const F& f) {
  const Seconds start = Seconds::now();
  f();
  return (Seconds::now() - start) * (1 / static_cast<double>(n));
}

class Race {
 public:
  explicit Race(const ThroughputArguments& a) : a_(a) {
    const weir::Cascade cascade = load(a.threads);
    if (!cascade.spec().flows_in_batches())
      throw weir::ArgumentError(a.policy + ": its networks do not run in batches");
    static_cast<void>(cascade.spec().networks());  // what cannot be loaded is known before images are decoded
    const adapt::Part part = adapt::load_part(a.images, a.labels, adapt::class_names(a.classes, ""));
    for (const std::size_t r : part.rows) images_.push_back(part.set->decode(r));
    if (images_.size() < a.batch) throw weir::ArgumentError(a.images + ": fewer images than one batch");
    views_.assign(images_.begin(), images_.end());
    share_ = shares(cascade, views_);
    for (const int w : a.workers) {
      add("batch 1", cascade, w, [this, cascade, w] { call(cascade, w, 1); });
      add("batch " + std::to_string(a.batch), cascade, w, [this, cascade, w] { call(cascade, w, a_.batch); });
      add_stream(cascade, w);
      if (w > 1) add_stream(load(w * a.threads), 1);
      std::vector<std::shared_ptr<StageCosts>> costs;
      for (int i = 0; i < w; ++i)
        costs.push_back(
            std::make_shared<StageCosts>(a.threads == 1 ? cascade : load(a.threads), std::span(views_).first(a.batch)));
      all_.push_back({"ideal",
                      w,
                      a.threads,
                      [this, costs] {
                        std::vector<Seconds> each(costs.size());
                        at_once(static_cast<int>(costs.size()), [&](int i) {
                          each[static_cast<std::size_t>(i)] =
                              costs[static_cast<std::size_t>(i)]->measure(share_, images_.size() / costs.size());
                        });
                        const Seconds sum = std::accumulate(each.begin(), each.end(), Seconds{});
                        const auto n = static_cast<double>(costs.size());
                        return Seconds{sum.wall / n / n, sum.cpu / n / n};  // every one saw the time of all
                      },
                      {},
                      {}});
    }
  }

  void run() {
    for (std::size_t round = 0; round <= a_.rounds; ++round)
      for (Contestant& c : all_) {
        const Seconds s = c.run();
        if (round == 0) continue;  // warms up
        c.wall.push_back(s.wall);
        c.cpu.push_back(s.cpu);
      }
  }

  void print() const {
    std::printf(
        "who,workers,threads,best_images_per_s,median_images_per_s,best_of_ideal,median_of_ideal,cpu_of_ideal\n");
    const auto best = [](const std::vector<double>& v) { return *std::ranges::min_element(v); };
    for (const Contestant& c : all_) {
      const Contestant& ideal = *std::ranges::find_if(all_, [&](const Contestant& i) {
        return i.who == "ideal" && i.workers * i.threads == c.workers * c.threads;
      });
      std::printf("%s,%d,%d,%.1f,%.1f,%.3f,%.3f,%.3f\n", c.who.c_str(), c.workers, c.threads, 1 / best(c.wall),
                  1 / weir::detail::median(c.wall), best(ideal.wall) / best(c.wall),
                  weir::detail::median(ideal.wall) / weir::detail::median(c.wall), best(ideal.cpu) / best(c.cpu));
    }
  }

 private:
  weir::Cascade load(int threads) const {
    return weir::load_policy(
        a_.policy,
        {.networks = a_.networks, .context = {.threads = threads, .isa = a_.isa}, .allow_outside = a_.allow_outside});
  }

  void add(const std::string& who, const weir::Cascade& cascade, int workers, std::function<void()> run) {
    all_.push_back({who,
                    workers,
                    cascade.context().threads(),
                    [this, run = std::move(run)] { return timed(images_.size(), run); },
                    {},
                    {}});
  }

  void add_stream(const weir::Cascade& cascade, int workers) {
    const auto w = static_cast<std::size_t>(workers);
    const std::size_t full = a_.batch * (cascade.spec().n_networks() + w - 1);
    const auto stream = std::make_shared<weir::CascadeStream>(
        cascade, weir::StreamOptions{a_.batch, a_.in_flight > 0 ? a_.in_flight : full, 60, workers});
    add("stream", cascade, workers, [this, stream] {
      // Not taken before the end: waiting for one would hold up all.
      std::vector<std::future<weir::Decision>> decisions;
      for (const weir::Image& image : images_) decisions.push_back(stream->submit(image));
      stream->flush();
      for (auto& d : decisions) d.get();
    });
  }

  /// Callers that take turns with the batches.
  void call(const weir::Cascade& cascade, int callers, std::size_t batch) const {
    at_once(callers, [&](int i) {
      for (std::size_t first = static_cast<std::size_t>(i) * batch; first < views_.size();
           first += static_cast<std::size_t>(callers) * batch)
        if (batch == 1)
          cascade.run(views_[first]);
        else
          cascade.run(std::span(views_).subspan(first, std::min(batch, views_.size() - first)));
    });
  }

  const ThroughputArguments& a_;
  std::vector<weir::Image> images_;
  std::vector<weir::ImageView> views_;
  std::vector<double> share_;
  std::vector<Contestant> all_;
};

}  // namespace

int weir::programs::throughput(int argc, char** argv) {
  program::App app{
      "Images per second of a policy, one by one, in batches, and from a queue, in turn. The ideal: every stage runs\n"
      "as many images as get there, always in full batches (the sum over stages of share x cost of an image in one),\n"
      "on all workers at once. Columns *_of_ideal: the ideal's time over this one's, of the same workers x threads;\n"
      "cpu_of_ideal: of processor time, which tells what was done besides the stages even where the machine is "
      "shared.",
      "  @ --policy bundle/policy.json --images folder/ --labels labels.csv --workers 1,2,4\n"
      "  @ --policy results/policy.json --allow-outside --images x.npy --labels y.npy --batch 64\n"};
  ThroughputArguments a;
  app.add_option("--policy", a.policy, "policy.json")->required();
  app.add_option("--networks", a.networks, "folder of the network files; else where the policy says");
  app.add_flag("--allow-outside", a.allow_outside, "the policy may name network files outside its folder");
  app.add_option("--images", a.images, "folder, .npy, CIFAR-10 binary or IDX; FILE[a:b] takes a part")->required();
  app.add_option("--labels", a.labels, "their labels");
  app.add_option("--classes", a.classes, "names of the classes, one a line: labels may then be names");
  app.add_option("--batch", a.batch, "images in a full batch")->check(CLI::Range(1, 4096));
  app.add_option("--in-flight", a.in_flight, "images on their way at once in the stream; 0: as many as fill batches")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--rounds", a.rounds, "times that everybody runs")->check(CLI::Range(1, 1000));
  app.add_option("--threads", a.threads, "threads of the kernels, for each worker")->check(CLI::Range(1, 1024));
  app.add_option("--workers", a.workers, "callers, or batches of the stream, at once; a list, each is measured")
      ->delimiter(',')
      ->check(CLI::Range(1, 256));
  app.add_option("--isa", a.isa, "portable, avx2 or avx512; the best of this CPU if not given");
  return program::run(app, argc, argv, [&] {
    Race race(a);
    race.run();
    race.print();
  });
}
