#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/micro/list.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using kernels_test::noise;

namespace {

constexpr float untouched = 12345.5F;

}  // namespace

TEST_CASE(
    "micro-kernels: every tile of a product agrees with its formula, adds to what is there and packs what it reads") {
  using weir::kernels::GemmTile, weir::kernels::GemmTileKind;
  std::mt19937 random(3);
  constexpr std::int64_t K = 37, first = 20;
  for (const weir::Isa isa : kernels_test::isas()) {
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

}  // namespace WEIR_UNIT
