// Times matrix products C[M,N] = A[M,K] B[K,N]: prints `backend,M,N,K,threads,gflops`, the best of many runs.
// OpenBLAS, BLIS and oneDNN are loaded where they are installed.
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d.hpp>
#include <weir/core/kernels/gemm/gemm.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "gemm_eigen.hpp"
#include "gemm_peers.hpp"
#include "program.hpp"
#include "turns.hpp"

namespace {

struct Problem {
  std::int64_t M, N, K;
};

/// Products that the layers of AlexNet, GoogLeNet, ResNet and CIFAR networks make, and square ones.
const std::vector<Problem> default_problems = {
    {256, 256, 256},  {512, 512, 512},  {1024, 1024, 1024}, {2048, 2048, 2048}, {96, 3025, 363}, {128, 729, 1200},
    {384, 169, 2304}, {64, 3136, 192},  {192, 784, 480},    {64, 3136, 64},     {64, 3136, 576}, {256, 3136, 64},
    {128, 784, 1152}, {256, 196, 2304}, {512, 49, 4608},    {2048, 49, 512},    {16, 1024, 144}, {32, 256, 288},
    {64, 64, 576},    {4096, 1, 9216},  {1000, 16, 2048}};

/// A as the weights of a 1x1 convolution, packed beforehand, over an image of N pixels: what a layer does. B and C are
/// blocked, as they are between layers.
std::function<void()> packed_product(const Problem& p, const weir::Context& context, const weir::Tensor& A,
                                     const weir::Tensor& B, weir::Buffer& workspace) {
  const weir::Shape x{1, p.K, 1, p.N};
  const auto layer = std::make_shared<const weir::kernels::PackedConv2d>(
      weir::kernels::Conv2dParams{.in_channels = p.K, .out_channels = p.M}, A.span(), std::span<const float>(), context,
      x);
  workspace.reserve(layer->workspace_floats(context, x) + 1);
  const auto floats = [&](const weir::Shape& s) {
    return weir::Shape{weir::floats_of(s, weir::Layout::blocked, context.isa())};
  };
  const auto b = std::make_shared<weir::Tensor>(floats(x)),
             c = std::make_shared<weir::Tensor>(floats({1, p.M, 1, p.N}));
  weir::kernels::to_blocked(context, x, B.data(), b->data());
  return [=, &context, &workspace] {
    layer->run(context, {b->data(), x}, nullptr, {c->data(), {1, p.M, 1, p.N}}, {}, workspace.data());
  };
}

/// What a backend runs. All memory is its own.
std::function<void()> product(const Problem& p, const std::string& backend, bool packed, int threads,
                              const std::string& isa) {
  struct Memory {
    weir::Tensor A, B, C;
    weir::Context context;
    weir::Buffer workspace;
  };
  const auto size = [](std::int64_t rows, std::int64_t columns) { return weir::Tensor(weir::Shape{rows, columns}); };
  const bool library = backend != "weir" && backend != "openblas";
  const auto m = std::make_shared<Memory>(
      Memory{size(p.M, p.K),
             size(p.K, p.N),
             size(p.M, p.N),
             weir::Context({.threads = library ? 1 : threads, .isa = isa, .gemm = library ? "weir" : backend}),
             {}});
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-0.5F, 0.5F);
  for (weir::Tensor* t : {&m->A, &m->B})
    for (float& v : t->span()) v = uniform(random);
  if (backend == "eigen")
    return [=] { program::eigen_product(threads, p.M, p.N, p.K, m->A.data(), m->B.data(), m->C.data()); };
  if (library)
    return [=, run = program::peer(backend, threads)] { run(p.M, p.N, p.K, m->A.data(), m->B.data(), m->C.data()); };
  if (packed && backend == "weir") return [m, run = packed_product(p, m->context, m->A, m->B, m->workspace)] { run(); };
  m->workspace.reserve(weir::kernels::gemm_workspace_floats(m->context, p.M, p.N, p.K) + 1);
  return [=] {
    weir::kernels::gemm(m->context, p.M, p.N, p.K, m->A.data(), p.K, m->B.data(), p.N, m->C.data(), p.N,
                        m->workspace.data());
  };
}

/// In turns of some runs each, so that a disturbance of the machine meets all of them.
void time_products(const Problem& p, const std::vector<std::string>& backends, bool packed, int threads,
                   const std::string& isa, double seconds) {
  std::vector<program::Contender> contenders;
  contenders.reserve(backends.size());
  for (const std::string& b : backends)
    contenders.emplace_back(packed && b == "weir" ? "weir packed" : b,
                            [&] { return product(p, b, packed, threads, isa); });
  std::vector<double> best(contenders.size(), 1e30);
  const auto start = std::chrono::steady_clock::now();
  const auto length = std::chrono::duration<double>(seconds * static_cast<double>(contenders.size()));
  for (int round = 0; round < 2 || std::chrono::steady_clock::now() - start < length; ++round)
    for (std::size_t i = 0; i < contenders.size(); ++i) best[i] = std::min(best[i], contenders[i].take_turn());
  const double flops = 2 * static_cast<double>(p.M) * static_cast<double>(p.N) * static_cast<double>(p.K);
  for (std::size_t i = 0; i < contenders.size(); ++i)
    std::printf("%s,%lld,%lld,%lld,%d,%.1f\n", contenders[i].name().c_str(), static_cast<long long>(p.M),
                static_cast<long long>(p.N), static_cast<long long>(p.K), threads, flops / best[i] * 1e-9);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  program::App app{"Times matrix products C[M,N] = A[M,K] B[K,N]: backend,M,N,K,threads,gflops (best of many runs).",
                   "  @ --shape 256x256x256 --backend weir eigen --seconds 0.1\n"
                   "  @ --shape 512x49x4608 --packed --threads 4\n"};
  std::vector<std::string> shapes, backends;
  std::string isa;
  int threads = 1;
  bool packed = false;
  double seconds = 0.25;
  app.add_option("--shape", shapes, "MxNxK; the shapes of convolutions if not given");
  app.add_option("--backend", backends,
                 "weir, openblas, blis, onednn or eigen, in turns; all that there are if not given")
      ->check(CLI::IsMember({"weir", "openblas", "blis", "onednn", "eigen"}));
  app.add_flag("--packed", packed, "weir takes A packed beforehand, as a layer takes its weights");
  app.add_option("--threads", threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--isa", isa, "portable, avx2 or avx512; the best of this CPU if not given");
  app.add_option("--seconds", seconds, "how long to measure each")->check(CLI::Range(0.0, 1e6));
  return program::run(app, argc, argv, [&] {
    if (backends.empty()) {
      backends = {"weir", "eigen"};
      if (weir::kernels::openblas()) backends.push_back("openblas");
      if (program::blis(threads)) backends.push_back("blis");
      if (program::onednn(threads)) backends.push_back("onednn");
    }
    std::vector<Problem> problems;
    for (const std::string& s : shapes) {
      const auto d = program::parse_dims(s);
      if (d.size() != 3) throw weir::ArgumentError("--shape " + s + ": say MxNxK");
      problems.push_back({d[0], d[1], d[2]});
    }
    std::printf("backend,M,N,K,threads,gflops\n");
    for (const Problem& p : problems.empty() ? default_problems : problems)
      time_products(p, backends, packed, threads, isa, seconds);
  });
}
