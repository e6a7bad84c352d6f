#include <algorithm>
#include <cmath>
#include <random>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/gemm/gemm.hpp>
#include <weir/core/kernels/reference/gemm.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using kernels_test::noise;
using weir::Context, weir::Isa;

namespace {

Context context_of(Isa isa, int threads = 1) {
  return Context({.threads = threads, .isa = std::string(weir::to_string(isa))});
}

constexpr float untouched = 12345.5F;

/// C with leading dimension N + 3; fails where anything but C or the workspace was written.
std::vector<float> product(const Context& context, std::int64_t M, std::int64_t N, std::int64_t K,
                           const std::vector<float>& A, const std::vector<float>& B) {
  std::vector<float> C(static_cast<std::size_t>(M * (N + 3) + 64), untouched);
  const std::size_t needs = weir::kernels::gemm_workspace_floats(context, M, N, K);
  std::vector<float> workspace(needs + 64, untouched);
  weir::kernels::gemm(context, M, N, K, A.data(), K + 1, B.data(), N + 2, C.data(), N + 3, workspace.data());
  bool intact = true;
  for (std::size_t i = needs; i < workspace.size(); ++i) intact = intact && workspace[i] == untouched;
  for (std::size_t i = 0; i < C.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    if (at >= M * (N + 3) || at % (N + 3) >= N) intact = intact && C[i] == untouched;
  }
  CHECK(intact);
  return C;
}

}  // namespace

TEST_CASE("gemm: every instruction set agrees with the reference; rows depend neither on M nor on threads") {
  std::mt19937 random(5);
  const std::int64_t sizes[] = {1, 2, 3, 4, 5, 13, 14, 15, 16, 17, 28, 29, 31, 32, 33, 40, 49, 65, 130};
  const std::int64_t depths[] = {0, 1, 2, 5, 64, 511, 512, 513, 900, 1023};  // rows 1024 apart share cache lines
  for (int round = 0; round < 150; ++round) {
    const bool large = round % 30 == 0;     // more rows than are packed at a time, under few panels and under many
    const bool rest = round < 7 && !large;  // where threads share columns, one has only those that fill no vector
    const std::int64_t M = large ? 300 : rest ? 28 : sizes[random() % 19];
    const std::int64_t wide = round == 0 ? 2100 : 600;  // more panels than are packed at a time, of any width
    const std::int64_t N = round % 60 == 0 ? wide : rest ? 32 + round : sizes[random() % 19];
    const std::int64_t K = round == 0 ? 513 : rest ? 1023 : depths[random() % 10];
    const auto A = noise(M * (K + 1), random), B = noise(K * (N + 2), random);
    std::vector<float> expected(static_cast<std::size_t>(M * N));
    weir::kernels::gemm_reference(M, N, K, A.data(), K + 1, B.data(), N + 2, expected.data(), N);
    for (const Isa isa : kernels_test::isas()) {
      INFO(M, " x ", N, " x ", K, " with ", weir::to_string(isa));
      const auto C = product(context_of(isa), M, N, K, A, B);
      double worst = 0;
      for (std::int64_t i = 0; i < M; ++i)
        for (std::int64_t j = 0; j < N; ++j)
          worst = std::max(worst, std::abs(double{C[static_cast<std::size_t>(i * (N + 3) + j)]} -
                                           double{expected[static_cast<std::size_t>(i * N + j)]}));
      CHECK(worst <= 1e-6 * (1 + 0.1 * static_cast<double>(K)));
      CHECK(product(context_of(isa, 2), M, N, K, A, B) == C);
      const auto last = static_cast<std::ptrdiff_t>(M - 1);
      const std::vector<float> row(A.begin() + last * (K + 1), A.end());
      const auto alone = product(context_of(isa), 1, N, K, row, B);
      CHECK(std::equal(alone.begin(), alone.begin() + N, C.begin() + last * (N + 3)));
    }
  }
}

TEST_CASE("gemm: OpenBLAS agrees with the reference where it is installed; where not, a context says so") {
  if (!weir::kernels::openblas()) {
    try {
      const Context context({.gemm = "openblas"});
      FAIL("a context chose a library that is not there");
    } catch (const weir::ArgumentError& e) {
      CHECK(std::string(e.what()).find("LD_LIBRARY_PATH") != std::string::npos);
    }
    return;
  }
  std::mt19937 random(11);
  const Context context({.gemm = "openblas"});
  const std::int64_t M = 33, N = 50, K = 70;
  const auto A = noise(M * (K + 1), random), B = noise(K * (N + 2), random);
  std::vector<float> expected(static_cast<std::size_t>(M * N));
  weir::kernels::gemm_reference(M, N, K, A.data(), K + 1, B.data(), N + 2, expected.data(), N);
  const auto C = product(context, M, N, K, A, B);
  double worst = 0;
  for (std::int64_t i = 0; i < M; ++i)
    for (std::int64_t j = 0; j < N; ++j)
      worst = std::max(worst, std::abs(double{C[static_cast<std::size_t>(i * (N + 3) + j)]} -
                                       double{expected[static_cast<std::size_t>(i * N + j)]}));
  CHECK(worst < 1e-5);
}

}  // namespace WEIR_UNIT
