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

TEST_CASE("micro-kernels: every convolution tile agrees with its formula, as sums and as results") {
  using weir::kernels::ConvTap, weir::kernels::PixelStride;
  std::mt19937 random(4);
  const std::vector<ConvTap> several = {{3, 1}, {0, 5}, {90, 4}, {17, 2}};
  std::vector<ConvTap> single;  // as pixels of one float have them
  for (const ConvTap& tap : several)
    for (std::int32_t c = 0; c < tap.count; ++c) single.push_back({tap.offset + c, 1});
  for (const weir::Isa isa : kernels_test::isas()) {
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

}  // namespace WEIR_UNIT
