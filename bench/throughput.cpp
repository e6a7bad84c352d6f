// Images per second of a policy: one by one, in batches, and from a queue that keeps every network's batches full.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <numeric>
#include <string>
#include <vector>
#include <weir/weir.hpp>

#include "adapt/data.hpp"
#include "program.hpp"

namespace {

struct ThroughputArguments {
  std::string policy, networks, images, labels, isa;
  std::size_t batch = 64, in_flight = 256, rounds = 5;
  int threads = 1;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

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

  std::vector<double> measure() {
    std::vector<double> costs;
    for (std::size_t k = 0; k < spec_.stages.size(); ++k) {
      const std::size_t before = own_before(k);
      costs.push_back((up_to(k) - (before == k ? 0 : up_to(before))) / static_cast<double>(images_.size()));
    }
    return costs;
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

  double up_to(std::size_t target) {
    std::size_t start = target;
    while (own_before(start) != start) start = own_before(start);
    inputs_.begin(images_);
    rows_.resize(images_.size());
    std::iota(rows_.begin(), rows_.end(), std::size_t{0});
    const auto begin = Clock::now();
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
    return seconds_since(begin);
  }

  const weir::CascadeSpec& spec_;
  weir::CascadeExecutor executor_;
  weir::CascadeInputs inputs_;
  std::span<const weir::ImageView> images_;
  std::vector<std::size_t> rows_;
  weir::InputMaker maker_ = [this](std::size_t net, std::size_t row, weir::View out) { inputs_.fill(net, row, out); };
};

/// [stages] share of the images that run each stage.
std::vector<double> shares(const weir::Cascade& cascade, std::span<const weir::ImageView> images) {
  weir::CascadeExecutor executor(cascade.stored().spec, cascade.context());
  weir::CascadeInputs inputs(cascade.stored().preprocessing());
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

void stream_all(weir::CascadeStream& stream, const std::vector<weir::Image>& images) {
  std::vector<std::future<weir::Decision>> decisions;  // not taken before the end: who waits for one image holds up all
  for (const weir::Image& image : images) decisions.push_back(stream.submit(image));
  stream.flush();
  for (auto& d : decisions) d.get();
}

void measure(const ThroughputArguments& a) {
  const weir::Cascade cascade =
      weir::load_policy(a.policy, {.networks = a.networks, .context = {.threads = a.threads, .isa = a.isa}});
  if (!cascade.spec().flows_in_batches()) throw weir::ArgumentError(a.policy + ": its networks do not run in batches");
  const adapt::Part part = adapt::load_part(a.images, a.labels);
  std::vector<weir::Image> images;
  for (const std::size_t r : part.rows) images.push_back(part.set->decode(r));
  if (images.size() < a.batch) throw weir::ArgumentError(a.images + ": fewer images than one batch");
  const std::vector<weir::ImageView> views(images.begin(), images.end());
  const auto n = static_cast<double>(images.size());
  StageCosts costs(cascade, std::span(views).first(a.batch));
  const std::vector<double> share = shares(cascade, views);
  weir::CascadeStream stream(cascade, {.batch = a.batch, .in_flight = a.in_flight, .max_wait_s = 60});
  stream_all(stream, images);  // warms up, as shares() did
  static_cast<void>(costs.measure());

  const std::vector<std::string> names = {"batch 1", "batch " + std::to_string(a.batch), "stream", "ideal"};
  std::vector<std::vector<double>> seconds(names.size());  // for one image, by round
  for (std::size_t round = 0; round < a.rounds; ++round) {
    auto start = Clock::now();
    for (const weir::ImageView v : views) cascade.run(v);
    seconds[0].push_back(seconds_since(start) / n);
    start = Clock::now();
    for (std::size_t first = 0; first < views.size(); first += a.batch)
      cascade.run(std::span(views).subspan(first, std::min(a.batch, views.size() - first)));
    seconds[1].push_back(seconds_since(start) / n);
    start = Clock::now();
    stream_all(stream, images);
    seconds[2].push_back(seconds_since(start) / n);
    const std::vector<double> cost = costs.measure();
    seconds[3].push_back(std::inner_product(share.begin(), share.end(), cost.begin(), 0.0));
  }
  std::printf("who,best_images_per_s,median_images_per_s,best_of_ideal,median_of_ideal\n");
  const auto best = [&](std::size_t i) { return *std::ranges::min_element(seconds[i]); };
  for (std::size_t i = 0; i < names.size(); ++i)
    std::printf("%s,%.1f,%.1f,%.3f,%.3f\n", names[i].c_str(), 1 / best(i), 1 / weir::median(seconds[i]),
                best(3) / best(i), weir::median(seconds[3]) / weir::median(seconds[i]));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Images per second of a policy, one by one, in batches, and from a queue, in turn. The ideal: every stage runs\n"
      "as many images as get there, always in full batches (the sum over stages of share x cost of an image in one)."};
  ThroughputArguments a;
  app.add_option("--policy", a.policy, "policy.json")->required();
  app.add_option("--networks", a.networks, "folder of the network files; else where the policy says");
  app.add_option("--images", a.images, "folder, .npy, CIFAR-10 binary or IDX; FILE[a:b] takes a part")->required();
  app.add_option("--labels", a.labels, "their labels");
  app.add_option("--batch", a.batch, "images in a full batch")->check(CLI::Range(1, 4096));
  app.add_option("--in-flight", a.in_flight, "images on their way at once")->check(CLI::Range(1, 1 << 20));
  app.add_option("--rounds", a.rounds, "times that everybody runs")->check(CLI::Range(1, 1000));
  app.add_option("--threads", a.threads, "threads of the kernels")->check(CLI::Range(1, 1024));
  app.add_option("--isa", a.isa, "portable, avx2 or avx512; the best of this CPU if not given");
  return program::run(app, argc, argv, [&] { measure(a); });
}
