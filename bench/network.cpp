// Times whole passes of an ONNX network. --profile: the plan, with the time of each step. --startup: only the
// first answer, and the memory it took. The header lines of what is printed are time_columns and startup_columns.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/policy/measure/cost_model.hpp>

#include "peak.hpp"
#include "profile.hpp"
#include "program.hpp"
#include "programs.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* time_columns = "engine,network,batch,threads,min_ms,median_ms";
/// before_mb: what the process held before it opened the file.
constexpr const char* startup_columns = "engine,network,batch,threads,first_ms,peak_mb,before_mb";

double ms_since(Clock::time_point start) { return 1e3 * std::chrono::duration<double>(Clock::now() - start).count(); }

/// The most memory that this process ever held, in MB; 0 where the system does not say.
double peak_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) * 1024e-6;
  return 0;
}

std::vector<weir::Tensor> random_inputs(const weir::Network& network, std::int64_t batch) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-0.5F, 0.5F);
  std::vector<weir::Tensor> inputs;
  for (std::size_t i = 0; i < network.input_names().size(); ++i) {
    inputs.emplace_back(network.input_shape(i).with(0, batch));
    for (float& v : inputs.back().span()) v = uniform(random);
  }
  return inputs;
}

/// At least three passes, until the seconds are over; the time of each in ms.
template <typename Pass>
std::vector<double> measure(double seconds, const Pass& pass) {
  std::vector<double> ms;
  const auto begin = Clock::now();
  while (ms.size() < 3 || ms_since(begin) < 1e3 * seconds) {
    const auto start = Clock::now();
    pass();
    ms.push_back(ms_since(start));
  }
  return ms;
}

}  // namespace

int weir::programs::network(int argc, char** argv) {
  program::App app{"Times whole passes of an ONNX network on random input: " + std::string(time_columns) +
                       ";\nwith --startup " + startup_columns + ".",
                   "  @ --onnx network.onnx --batch 8 --threads 4\n"
                   "  @ --onnx network.onnx --profile\n"
                   "  @ --onnx network.onnx --startup\n"};
  std::string onnx, isa, gemm = "weir";
  std::vector<std::string> shapes, hooks;
  std::int64_t batch = 1;
  int threads = 1;
  double seconds = 2;
  bool no_winograd = false, with_profile = false, startup = false;
  app.add_option("--onnx", onnx, "the network")->required();
  app.add_option("--batch", batch, "examples in a batch")->check(CLI::Range(1, 1 << 20));
  app.add_option("--threads", threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--seconds", seconds, "how long to measure")->check(CLI::Range(0.0, 1e6));
  app.add_option("--isa", isa, "portable, avx2 or avx512; the best of this CPU if not given");
  app.add_option("--gemm", gemm, "weir or openblas");
  app.add_flag("--no-winograd", no_winograd, "computes every convolution directly");
  app.add_option("--shape", shapes, "NAME=3x224x224, for inputs whose file leaves more than the batch free");
  app.add_option("--hook", hooks, "tensors, by name or pattern, that a hook which does nothing looks at");
  auto* flag = app.add_flag("--profile", with_profile, "the plan, with the time of each step");
  app.add_flag("--startup", startup, "the time from the file to the first answer, and the memory")->excludes(flag);
  return program::run(app, argc, argv, [&] {
    const double base_mb = peak_mb();
    const auto start = Clock::now();
    const weir::Network net = weir::build_network(weir::read_onnx(onnx), program::build_options(shapes));
    weir::Executor run{net,
                       weir::ContextOptions{.threads = threads, .isa = isa, .gemm = gemm, .winograd = !no_winograd}};
    for (const std::string& pattern : hooks) run.on(pattern, [](const weir::Step&) {});
    const std::vector<weir::Tensor> inputs = random_inputs(net, batch);
    const std::vector<weir::ConstView> views(inputs.begin(), inputs.end());
    if (!hooks.empty() && views.size() != 1)
      throw weir::ArgumentError("--hook: " + net.source() + " has several inputs");
    const auto pass = [&] {
      if (!hooks.empty()) return (void)run.run(views[0]);
      run.begin(views);
      (void)run.finish();
    };
    const std::string row = "weir," + std::filesystem::path(onnx).stem().string() + "," + std::to_string(batch) + "," +
                            std::to_string(threads);
    pass();
    if (startup) {
      const double first_ms = ms_since(start);
      std::printf("%s\n%s,%.3f,%.1f,%.1f\n", startup_columns, weir::detail::printable(row).c_str(), first_ms, peak_mb(),
                  base_mb);
      return;
    }
    pass();  // warm
    if (with_profile) {
      const weir::PlanDescription plan = run.describe(batch);
      std::vector<std::vector<double>> seconds_of(plan.steps.size());
      run.time_steps([&](std::size_t step, double s) { seconds_of[step].push_back(s); });
      (void)measure(seconds, pass);
      const double peak = peak::flops_per_second(run.context().isa(), threads);
      std::fputs(profile::to_text(plan, profile::step_times(plan, seconds_of, peak), peak).c_str(), stdout);
      return;
    }
    std::vector<double> ms = measure(seconds, pass);
    std::printf("%s\n%s,%.3f,%.3f\n", time_columns, weir::detail::printable(row).c_str(),
                *std::min_element(ms.begin(), ms.end()), weir::detail::median(ms));
  });
}
