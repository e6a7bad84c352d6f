#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>
#include <weir/core/kernels/gemm/gemm.hpp>
#include <weir/core/kernels/reference/gemm.hpp>

using weir::Context, weir::Isa;

namespace {

std::vector<float> noise(std::int64_t n, std::mt19937& random) {
  std::vector<float> v(static_cast<std::size_t>(n));
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& x : v) x = uniform(random);
  return v;
}

Context context_of(Isa isa, int threads = 1) {
  return Context({.threads = threads, .isa = std::string(weir::to_string(isa))});
}

constexpr float untouched = 12345.5F;

/// C with leading dimension N + 3; fails where anything but C or the workspace was written.
std::vector<float> product(const Context& context, std::int64_t M, std::int64_t N, std::int64_t K,
                           const std::vector<float>& A, const std::vector<float>& B) {
  std::vector<float> C(static_cast<std::size_t>(M * (N + 3) + 64), untouched);
  const std::size_t needs = weir::gemm_workspace_floats(context, M, N, K);
  std::vector<float> workspace(needs + 64, untouched);
  weir::gemm(context, M, N, K, A.data(), K + 1, B.data(), N + 2, C.data(), N + 3, workspace.data());
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

TEST_CASE("micro-kernels: every tile of every instruction set agrees with its formula and resumes exactly") {
  std::mt19937 random(3);
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    const auto& micro = weir::kernels::microkernels(isa);
    for (const auto walk : {weir::kernels::Walk::packed, weir::kernels::Walk::image_a, weir::kernels::Walk::image_b})
      for (std::int64_t V = 1; V <= 2; ++V)
        for (std::int64_t R = 1; R <= micro.max_rows; ++R) {
          constexpr std::int64_t K = 37;
          const std::int64_t width = V * micro.lanes;
          const bool a_jumps = walk == weir::kernels::Walk::image_a, b_jumps = walk == weir::kernels::Walk::image_b;
          const auto a = noise(K * (R + 3), random), b = noise(K * (width + 3), random);
          std::vector<std::int32_t> offset;
          for (std::int64_t k = 0; k < K; ++k)
            offset.push_back(static_cast<std::int32_t>((k * 11 % K) * (a_jumps ? R + 3 : width + 3)));
          std::vector<float> once(static_cast<std::size_t>(R * width)), twice = once;
          const auto f = micro.tile(walk, R, V);
          f(K, a.data(), b.data(), offset.data(), once.data(), false);
          f(20, a.data(), b.data(), offset.data(), twice.data(), false);
          f(K - 20, a_jumps ? a.data() : a.data() + 20 * R, b_jumps ? b.data() : b.data() + 20 * width,
            offset.data() + 20, twice.data(), true);
          CHECK(std::memcmp(once.data(), twice.data(), once.size() * sizeof(float)) == 0);
          double worst = 0;
          for (std::int64_t r = 0; r < R; ++r)
            for (std::int64_t j = 0; j < width; ++j) {
              double sum = 0;
              for (std::int64_t k = 0; k < K; ++k) {
                const std::int64_t jump = offset[static_cast<std::size_t>(k)];
                sum += double{a[static_cast<std::size_t>((a_jumps ? jump : k * R) + r)]} *
                       double{b[static_cast<std::size_t>((b_jumps ? jump : k * width) + j)]};
              }
              worst = std::max(worst, std::abs(sum - double{once[static_cast<std::size_t>(r * width + j)]}));
            }
          CHECK(worst < 1e-5);
        }
  }
}

TEST_CASE("gemm: every instruction set agrees with the reference; rows depend neither on M nor on threads") {
  std::mt19937 random(5);
  const std::int64_t sizes[] = {1, 2, 3, 4, 5, 13, 14, 15, 16, 17, 28, 29, 31, 32, 33, 40, 65};
  const std::int64_t depths[] = {0, 1, 2, 5, 64, 383, 384, 385, 900};
  for (int round = 0; round < 150; ++round) {
    const std::int64_t M = sizes[random() % 17], N = sizes[random() % 17], K = depths[random() % 9];
    const auto A = noise(M * (K + 1), random), B = noise(K * (N + 2), random);
    std::vector<float> expected(static_cast<std::size_t>(M * N));
    weir::gemm_reference(M, N, K, A.data(), K + 1, B.data(), N + 2, expected.data(), N);
    for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (!weir::supported(isa)) continue;
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

#if defined(WEIR_WITH_OPENBLAS)
TEST_CASE("gemm: OpenBLAS agrees with the reference where the program links it") {
  std::mt19937 random(11);
  const Context context({.gemm = "openblas"});
  const std::int64_t M = 33, N = 50, K = 70;
  const auto A = noise(M * (K + 1), random), B = noise(K * (N + 2), random);
  std::vector<float> expected(static_cast<std::size_t>(M * N));
  weir::gemm_reference(M, N, K, A.data(), K + 1, B.data(), N + 2, expected.data(), N);
  const auto C = product(context, M, N, K, A, B);
  double worst = 0;
  for (std::int64_t i = 0; i < M; ++i)
    for (std::int64_t j = 0; j < N; ++j)
      worst = std::max(worst, std::abs(double{C[static_cast<std::size_t>(i * (N + 3) + j)]} -
                                       double{expected[static_cast<std::size_t>(i * N + j)]}));
  CHECK(worst < 1e-5);
}
#else
TEST_CASE("gemm: a context cannot choose OpenBLAS where the program does not link it") {
  CHECK_THROWS_AS(Context({.gemm = "openblas"}), weir::ArgumentError);
}
#endif
