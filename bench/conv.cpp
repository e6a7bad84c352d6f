// A microbenchmark per convolution kernel: one benchmark for each layer shape of the eight networks and each algorithm
// that can compute it, named network/layer/algorithm, on one thread. GFLOP/s count a direct convolution's operations,
// whatever the algorithm does; `chosen` is 1 where the engine takes that algorithm. Google Benchmark's own options:
//   conv --benchmark_filter='resnet18/.*' --benchmark_enable_random_interleaving=true --benchmark_repetitions=5
#include <benchmark/benchmark.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/version.hpp>

namespace {

struct Layer {
  const char* name;
  std::int64_t in, out, side, kernel, stride = 1, pad = 0, groups = 1;
};

/// Each shape once, under the name of the first layer that has it; Inception's are those of torchvision's modules.
constexpr Layer layers[] = {
    {"alexnet/conv1", 3, 96, 227, 11, 4},
    {"alexnet/conv2", 96, 256, 27, 5, 1, 2, 2},
    {"alexnet/conv3", 256, 384, 13, 3, 1, 1},
    {"alexnet/conv4", 384, 384, 13, 3, 1, 1, 2},
    {"alexnet/conv5", 384, 256, 13, 3, 1, 1, 2},
    {"googlenet/conv1", 3, 64, 224, 7, 2, 3},
    {"googlenet/conv2", 64, 64, 56, 1},
    {"googlenet/conv3", 64, 192, 56, 3, 1, 1},
    {"googlenet/inception3a.branch1", 192, 64, 28, 1},
    {"googlenet/inception3a.branch2.1", 96, 128, 28, 3, 1, 1},
    {"googlenet/inception3a.branch3.1", 16, 32, 28, 3, 1, 1},
    {"googlenet/inception3b.branch2.1", 128, 192, 28, 3, 1, 1},
    {"googlenet/inception3b.branch3.1", 32, 96, 28, 3, 1, 1},
    {"googlenet/inception4a.branch1", 480, 192, 14, 1},
    {"googlenet/inception4a.branch2.1", 96, 208, 14, 3, 1, 1},
    {"googlenet/inception4a.branch3.1", 16, 48, 14, 3, 1, 1},
    {"googlenet/inception4b.branch2.1", 112, 224, 14, 3, 1, 1},
    {"googlenet/inception4e.branch2.1", 160, 320, 14, 3, 1, 1},
    {"googlenet/inception5a.branch2.1", 160, 320, 7, 3, 1, 1},
    {"googlenet/inception5a.branch3.1", 32, 128, 7, 3, 1, 1},
    {"googlenet/inception5b.branch2.1", 192, 384, 7, 3, 1, 1},
    {"resnet18/conv1", 3, 64, 224, 7, 2, 3},
    {"resnet18/layer1.0.conv1", 64, 64, 56, 3, 1, 1},
    {"resnet18/layer2.0.conv1", 64, 128, 56, 3, 2, 1},
    {"resnet18/layer2.0.downsample", 64, 128, 56, 1, 2},
    {"resnet18/layer2.0.conv2", 128, 128, 28, 3, 1, 1},
    {"resnet18/layer3.0.conv2", 256, 256, 14, 3, 1, 1},
    {"resnet18/layer4.0.conv2", 512, 512, 7, 3, 1, 1},
    {"resnet50/layer1.0.conv1", 64, 64, 56, 1},
    {"resnet50/layer1.0.conv3", 64, 256, 56, 1},
    {"resnet50/layer2.0.conv2", 128, 128, 56, 3, 2, 1},
    {"resnet50/layer2.0.conv3", 128, 512, 28, 1},
    {"resnet50/layer3.1.conv1", 1024, 256, 14, 1},
    {"resnet50/layer3.1.conv3", 256, 1024, 14, 1},
    {"resnet50/layer4.1.conv1", 2048, 512, 7, 1},
    {"resnet50/layer4.1.conv3", 512, 2048, 7, 1},
    {"squeezenet11/conv1", 3, 64, 224, 3, 2},
    {"squeezenet11/fire2.expand3x3", 16, 64, 55, 3, 1, 1},
    {"squeezenet11/fire4.expand3x3", 32, 128, 27, 3, 1, 1},
    {"squeezenet11/fire6.expand3x3", 48, 192, 13, 3, 1, 1},
    {"squeezenet11/fire8.expand3x3", 64, 256, 13, 3, 1, 1},
    {"squeezenet11/conv10", 512, 1000, 13, 1},
    {"mobilenet_v2/conv1", 3, 32, 224, 3, 2, 1},
    {"mobilenet_v2/block1.depthwise", 32, 32, 112, 3, 1, 1, 32},
    {"mobilenet_v2/block2.depthwise", 96, 96, 112, 3, 2, 1, 96},
    {"mobilenet_v2/block6.expand", 32, 192, 28, 1},
    {"mobilenet_v2/block8.depthwise", 384, 384, 14, 3, 1, 1, 384},
    {"mobilenet_v2/conv18", 320, 1280, 7, 1},
    {"cifar_resnet20/conv1", 3, 16, 32, 3, 1, 1},
    {"cifar_resnet20/stage1", 16, 16, 32, 3, 1, 1},
    {"cifar_resnet20/stage2.0.conv1", 16, 32, 32, 3, 2, 1},
    {"cifar_resnet20/stage2", 32, 32, 16, 3, 1, 1},
    {"cifar_resnet20/stage3", 64, 64, 8, 3, 1, 1},
};

weir::Tensor noise(const weir::Shape& shape) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-0.5F, 0.5F);
  weir::Tensor t(shape);
  for (float& v : t.span()) v = uniform(random);
  return t;
}

/// As a plan has it: blocked, but for an image of few channels.
weir::Layout input_layout(const weir::kernels::Conv2dParams& p) {
  return p.in_channels < weir::lanes(weir::default_isa()) ? weir::Layout::plain : weir::Layout::blocked;
}

/// Plans and packs anew: no more than one layer is in memory.
void time_layer(benchmark::State& state, const weir::kernels::Conv2dParams& p, const weir::Shape& shape,
                std::size_t which, bool chosen) {
  const weir::Isa isa = weir::default_isa();
  auto algorithms = weir::kernels::conv2d_algorithms(p, shape, input_layout(p), weir::kernels::microkernels(isa));
  weir::kernels::Conv2dAlgorithm& algorithm = *algorithms[which];
  const weir::Tensor x = noise({weir::floats_of(shape, input_layout(p), isa)}), bias = noise({p.out_channels + 32});
  const weir::Tensor weights = noise({p.out_channels, p.in_channels / p.groups, p.kernel_h, p.kernel_w});
  algorithm.pack(weights.span());
  weir::Tensor y(weir::Shape{weir::floats_of(p.output_shape(shape), weir::Layout::blocked, isa)});
  weir::Buffer workspace;
  float* memory = workspace.reserve(algorithm.workspace_floats(1) + 1);
  const weir::detail::ThreadPool alone(1);
  for (auto _ : state) {
    algorithm.run(alone, {x.data(), nullptr, y.data(), 1, {.lo = 0}}, bias.data(), memory);
    benchmark::ClobberMemory();
  }
  state.counters["GFLOP/s"] = benchmark::Counter(p.flops(shape) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["chosen"] = chosen ? 1 : 0;
  state.counters["Mcycles"] = algorithm.cost() * 1e-6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--version") return std::printf("weir %s\n", weir::version) < 0 ? 1 : 0;
  static const std::string program = argc > 0 ? argv[0] : "conv";
  for (const Layer& l : layers) {
    const weir::kernels::Conv2dParams p{.in_channels = l.in,
                                        .out_channels = l.out,
                                        .groups = l.groups,
                                        .kernel_h = l.kernel,
                                        .kernel_w = l.kernel,
                                        .stride_h = l.stride,
                                        .stride_w = l.stride,
                                        .pad_top = l.pad,
                                        .pad_left = l.pad,
                                        .pad_bottom = l.pad,
                                        .pad_right = l.pad};
    const weir::Shape shape{1, l.in, l.side, l.side};
    const weir::kernels::Microkernels& micro = weir::kernels::microkernels(weir::default_isa());
    const auto all = weir::kernels::conv2d_algorithms(p, shape, input_layout(p), micro);
    const std::string best(weir::kernels::choose_conv2d(p, shape, input_layout(p), micro, true)->name());
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string name(all[i]->name());
      benchmark::RegisterBenchmark((std::string(l.name) + "/" + name).c_str(),
                                   [=](benchmark::State& state) { time_layer(state, p, shape, i, name == best); });
    }
  }
  benchmark::Initialize(&argc, argv, [] {
    std::printf(
        "Times convolutions: a benchmark network/layer/algorithm for each shape and algorithm, on one thread.\n\n");
    benchmark::PrintDefaultHelp();
    std::printf("\nExamples:\n  %s --benchmark_filter='resnet18/.*'\n", program.c_str());
  });
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
