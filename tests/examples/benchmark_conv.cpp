// A microbenchmark of one convolution, with Google Benchmark: 64 channels of 56 x 56, kernel 3 x 3, with Winograd's
// algorithm and without. The program `conv` does this for every layer shape of eight networks.
#include <benchmark/benchmark.h>

#include <weir/core/executor.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/layers/build_network.hpp>

static void convolution(benchmark::State& state) {
  weir::GraphDef graph;
  graph.source = "one convolution";
  graph.inputs = {{"x", {-1, 64, 56, 56}, {"N", "", "", ""}}};
  graph.constants["w"] = {weir::Shape{64, 64, 3, 3}, std::vector<float>(64 * 64 * 9, 0.01F), {}, false};
  graph.nodes = {{"conv", "Conv", {"x", "w"}, {"y"}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}}};
  graph.outputs = {"y"};
  weir::Executor run(weir::build_network(graph), {.threads = 1, .winograd = state.range(0) != 0});
  const weir::Tensor x(weir::Shape{1, 64, 56, 56});
  for (auto _ : state) {
    run.begin(x);
    benchmark::DoNotOptimize(run.finish().data);
  }
  state.SetLabel(run.describe().steps.at(0).algorithm);
  state.counters["GFLOP/s"] =
      benchmark::Counter(run.describe().flops() * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(convolution)->ArgName("winograd")->Arg(0)->Arg(1);

BENCHMARK_MAIN();
