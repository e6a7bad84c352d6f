// Times whole passes of an ONNX network: prints `weir,model,batch,threads,min_ms,median_ms`.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <weir/weir.hpp>

#include "program.hpp"

int main(int argc, char** argv) {
  CLI::App app{"Times whole passes of an ONNX network on random input: weir,model,batch,threads,min_ms,median_ms"};
  std::string onnx, isa, gemm = "weir";
  std::vector<std::string> shapes;
  std::int64_t batch = 1;
  int threads = 1;
  double seconds = 2;
  bool no_winograd = false;
  app.add_option("--onnx", onnx, "the network")->required();
  app.add_option("--batch", batch, "examples in a batch")->check(CLI::Range(1, 1 << 20));
  app.add_option("--threads", threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--seconds", seconds, "how long to measure")->check(CLI::Range(0.0, 1e6));
  app.add_option("--isa", isa, "portable, avx2 or avx512; the best of this CPU if not given");
  app.add_option("--gemm", gemm, "weir or openblas");
  app.add_flag("--no-winograd", no_winograd, "computes every 3x3 convolution directly");
  app.add_option("--shape", shapes, "NAME=3x224x224, for inputs whose file leaves more than the batch free");
  return program::run(app, argc, argv, [&] {
    const weir::Network net = weir::load_onnx(onnx, program::build_options(shapes));
    weir::Executor run{net,
                       weir::ContextOptions{.threads = threads, .isa = isa, .gemm = gemm, .winograd = !no_winograd}};
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-0.5F, 0.5F);
    std::vector<weir::Tensor> inputs;
    for (std::size_t i = 0; i < net.input_names().size(); ++i) {
      inputs.emplace_back(net.input_shape(i).with(0, batch));
      for (float& v : inputs.back().span()) v = uniform(random);
    }
    const std::vector<weir::ConstView> views(inputs.begin(), inputs.end());
    const auto pass = [&] {
      run.begin(views);
      (void)run.finish();
    };
    for (int i = 0; i < 3; ++i) pass();
    using Clock = std::chrono::steady_clock;
    std::vector<double> ms;
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    while (ms.size() < 5 || Clock::now() < end) {
      const auto start = Clock::now();
      pass();
      ms.push_back(1e3 * std::chrono::duration<double>(Clock::now() - start).count());
    }
    std::sort(ms.begin(), ms.end());
    std::printf("weir,%s,%lld,%d,%.3f,%.3f\n", std::filesystem::path(onnx).stem().c_str(),
                static_cast<long long>(batch), threads, ms.front(), ms[ms.size() / 2]);
  });
}
