#include <algorithm>
#include <cmath>
#include <cstdint>
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

TEST_CASE("micro-kernels: every depthwise tile agrees with its formula") {
  std::mt19937 random(6);
  for (const weir::Isa isa : kernels_test::isas()) {
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

}  // namespace WEIR_UNIT
