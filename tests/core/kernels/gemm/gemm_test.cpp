#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/gemm/gemm.hpp>
#include <weir/core/kernels/reference/gemm.hpp>

namespace WEIR_UNIT {

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

TEST_CASE(
    "micro-kernels: every tile of a product agrees with its formula, adds to what is there and packs what it reads") {
  using weir::kernels::GemmTile, weir::kernels::GemmTileKind;
  std::mt19937 random(3);
  constexpr std::int64_t K = 37, first = 20;
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    const auto& micro = weir::kernels::microkernels(isa);
    for (const bool packed : {false, true})
      for (std::int64_t V = 1; V <= 2; ++V)
        for (std::int64_t R = 1; R <= micro.max_rows; ++R) {
          const std::int64_t width = V * micro.lanes, ldb = width + 3, ldc = width + 5;
          const std::int64_t lda = K + 4, row = packed ? 1 : lda, column = packed ? R : 1;
          const auto a = noise(R * row + K * column, random), b = noise(K * ldb, random);
          std::vector<float> once(static_cast<std::size_t>(R * ldc), untouched), twice = once;
          std::vector<float> panel(static_cast<std::size_t>(K * width + 8), untouched);
          GemmTile call{.K = K,
                        .a = a.data(),
                        .lda = lda,
                        .ahead = a.data(),
                        .b = b.data(),
                        .ldb = ldb,
                        .panel = panel.data(),
                        .c = once.data(),
                        .ldc = ldc,
                        .add = false};
          micro.gemm_tile(packed ? GemmTileKind::packed_packing : GemmTileKind::rows_packing, R, V)(call);
          // The same in two calls: to the last bit the sum of the two chains.
          const auto tile = micro.gemm_tile(packed ? GemmTileKind::packed : GemmTileKind::rows, R, V);
          std::vector<float> rest = twice;
          call.panel = nullptr;
          call.b = panel.data();
          call.ldb = width;
          call.c = twice.data();
          call.K = first;
          tile(call);
          std::vector<float> both = twice;
          call.a += first * column;
          call.b += first * width;
          call.K = K - first;
          call.add = true;
          tile(call);
          call.c = rest.data();
          call.add = false;
          tile(call);
          for (std::int64_t r = 0; r < R; ++r)
            for (std::int64_t j = 0; j < width; ++j) {
              const auto at = static_cast<std::size_t>(r * ldc + j);
              both[at] += rest[at];
            }
          CHECK(std::memcmp(both.data(), twice.data(), twice.size() * sizeof(float)) == 0);
          // And one call packs what another reads: the same chain.
          call.a = a.data();
          call.b = panel.data();
          call.c = rest.data();
          call.K = K;
          tile(call);
          CHECK(std::memcmp(once.data(), rest.data(), once.size() * sizeof(float)) == 0);
          bool intact = true;
          for (std::size_t i = 0; i < panel.size(); ++i) {
            const auto at = static_cast<std::int64_t>(i);
            intact = intact && panel[i] == (at < K * width ? b[static_cast<std::size_t>(at / width * ldb + at % width)]
                                                           : untouched);
          }
          double worst = 0;
          for (std::int64_t r = 0; r < R; ++r)
            for (std::int64_t j = 0; j < ldc; ++j) {
              const float c = once[static_cast<std::size_t>(r * ldc + j)];
              if (j >= width) {
                intact = intact && c == untouched;
                continue;
              }
              double sum = 0;
              for (std::int64_t k = 0; k < K; ++k)
                sum += double{a[static_cast<std::size_t>(r * row + k * column)]} *
                       double{b[static_cast<std::size_t>(k * ldb + j)]};
              worst = std::max(worst, std::abs(sum - double{c}));
            }
          CHECK(worst < 1e-5);
          CHECK(intact);
        }
  }
}

TEST_CASE("micro-kernels: every convolution tile agrees with its formula, as sums and as results") {
  using weir::kernels::ConvTap, weir::kernels::PixelStride;
  std::mt19937 random(4);
  const std::vector<ConvTap> several = {{3, 1}, {0, 5}, {90, 4}, {17, 2}};
  std::vector<ConvTap> single;  // as pixels of one float have them
  for (const ConvTap& tap : several)
    for (std::int32_t c = 0; c < tap.count; ++c) single.push_back({tap.offset + c, 1});
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    const auto& micro = weir::kernels::microkernels(isa);
    const std::int64_t L = micro.lanes;
    for (const auto step : {PixelStride::one, PixelStride::vector, PixelStride::two_vectors}) {
      const std::vector<ConvTap>& taps = step == PixelStride::one ? single : several;
      for (std::int64_t V = 1; V <= 2; ++V)
        for (std::int64_t R = 1; R <= micro.max_rows; ++R)
          for (int kind = 0; kind < 3; ++kind) {  // sums; results; results with a residual
            const std::int64_t S = step == PixelStride::one ? 1 : step == PixelStride::vector ? L : 2 * L;
            const std::int64_t apart = micro.max_rows * L + 16;
            const auto x = noise(100 + R * S, random), weights = noise(12 * V * L, random), bias = noise(V * L, random);
            const std::int64_t residual_apart = apart + 32;  // it need not lie as y does
            const auto residual = noise(2 * residual_apart, random);
            std::vector<float> y(static_cast<std::size_t>(2 * apart), untouched);
            const weir::kernels::Clamp clamp{-0.5F, 0.75F};
            micro.conv_tile(step, R, V)({.x = x.data(),
                                         .taps = taps.data(),
                                         .taps_end = taps.data() + taps.size(),
                                         .weights = weights.data(),
                                         .ahead = weights.data(),
                                         .ahead_stride = 3,
                                         .bias = kind == 0 ? nullptr : bias.data(),
                                         .residual = kind == 2 ? residual.data() : nullptr,
                                         .y = y.data(),
                                         .block_stride = apart,
                                         .residual_stride = residual_apart,
                                         .clamp = clamp});
            double worst = 0;
            bool intact = true;
            for (std::int64_t i = 0; i < 2 * apart; ++i) {
              const std::int64_t v = i / apart, r = i % apart / L, l = i % L;
              const auto at = static_cast<std::size_t>(i);
              if (v >= V || r >= R || i % apart >= R * L) {
                intact = intact && y[at] == untouched;
                continue;
              }
              double sum = 0;
              std::int64_t k = 0;
              for (const ConvTap& tap : taps)
                for (std::int64_t c = 0; c < tap.count; ++c, ++k)
                  sum += double{x[static_cast<std::size_t>(tap.offset + c + r * S)]} *
                         double{weights[static_cast<std::size_t>((k * V + v) * L + l)]};
              if (kind > 0) sum += double{bias[static_cast<std::size_t>(v * L + l)]};
              if (kind > 1) sum += double{residual[static_cast<std::size_t>(v * residual_apart + i % apart)]};
              if (kind > 0) sum = double{clamp(static_cast<float>(sum))};
              worst = std::max(worst, std::abs(sum - double{y[at]}));
            }
            CHECK(worst < 1e-5);
            CHECK(intact);
          }
    }
  }
}

TEST_CASE("micro-kernels: every depthwise tile agrees with its formula") {
  std::mt19937 random(6);
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    const auto& micro = weir::kernels::microkernels(isa);
    const std::int64_t L = micro.lanes;
    const auto floats = [](std::int64_t n) { return static_cast<std::int32_t>(n); };
    const std::vector<std::int32_t> offset = {floats(2 * L), 0, floats(5 * L)};
    for (std::int64_t step = 1; step <= 2; ++step)
      for (std::int64_t R = 1; R <= weir::kernels::max_depthwise_rows; ++R)
        for (const bool adds : {false, true}) {
          const auto x = noise((6 + R * step) * L, random), weights = noise(3 * L, random), bias = noise(L, random);
          const auto residual = noise(R * L, random);
          std::vector<float> y(static_cast<std::size_t>(R * L + 8), untouched);
          const weir::kernels::Clamp clamp{-0.5F, 0.75F};
          micro.depthwise_tile(step, R)({.x = x.data(),
                                         .offset = offset.data(),
                                         .offset_end = offset.data() + offset.size(),
                                         .weights = weights.data(),
                                         .bias = bias.data(),
                                         .residual = adds ? residual.data() : nullptr,
                                         .y = y.data(),
                                         .clamp = clamp});
          double worst = 0;
          for (std::int64_t i = 0; i < R * L; ++i) {
            const auto at = static_cast<std::size_t>(i);
            double sum = double{bias[at % static_cast<std::size_t>(L)]} + (adds ? double{residual[at]} : 0.0);
            for (std::size_t t = 0; t < offset.size(); ++t)
              sum += double{x[static_cast<std::size_t>(offset[t] + i / L * step * L + i % L)]} *
                     double{weights[t * static_cast<std::size_t>(L) + static_cast<std::size_t>(i % L)]};
            worst = std::max(worst, std::abs(double{clamp(static_cast<float>(sum))} - double{y[at]}));
          }
          CHECK(worst < 1e-5);
          CHECK(std::all_of(y.end() - 8, y.end(), [](float v) { return v == untouched; }));
        }
  }
}

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
