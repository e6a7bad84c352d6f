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

#include "policy_inputs.hpp"
#include "program.hpp"

namespace {

struct ThroughputArguments {
  std::string policy, networks, images, labels, isa;
  std::size_t batch = 64, in_flight = 256, rounds = 5;
  int threads = 1;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

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
  weir::CascadeExecutor executor(cascade.stored().spec, cascade.context());
  program::PolicyInputs inputs(cascade.stored(), part, a.batch);
  std::vector<std::size_t> rows(a.batch);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  const auto stage_costs = [&] {
    return weir::measure_cost_model(
        executor, inputs.maker(), rows, {{a.batch}, 1, 0}, [](std::size_t, std::span<const double>) {},
        [](std::size_t, std::size_t) {});
  };
  const std::vector<double> share = shares(cascade, views);
  weir::CascadeStream stream(cascade, {.batch = a.batch, .in_flight = a.in_flight, .max_wait_s = 60});
  stream_all(stream, images);  // warms up, as shares() did
  static_cast<void>(stage_costs());

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
    const auto cost = stage_costs().costs[0];
    seconds[3].push_back(0);
    for (std::size_t k = 0; k < share.size(); ++k) seconds[3].back() += share[k] * cost[k].seconds;
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
