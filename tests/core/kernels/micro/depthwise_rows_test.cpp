#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/micro/list.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using weir::kernels::Clamp, weir::Isa;

TEST_CASE("micro-kernels: depthwise rows agree with their formula, and read and write nothing else") {
  std::mt19937 random(6);
  for (const Isa isa : kernels_test::isas()) {
    const auto& micro = weir::kernels::microkernels(isa);
    const std::int64_t L = micro.lanes;
    for (const std::int64_t KW : {3, 5})
      for (const std::int64_t S : {1, 2})
        for (std::int64_t R = 1; R <= weir::kernels::max_depthwise_rows; ++R)
          for (int variant = 0; variant < 8; ++variant) {
            const bool adds = variant % 2 == 1;
            const std::int64_t columns = (R - 1) * S + KW, absent_left = variant / 2 == 1 ? KW - 1 : variant / 4,
                               absent_right = variant / 2 >= 2 ? std::min(KW - 1, columns - absent_left) : 0;
            const std::int64_t tiles = absent_left + absent_right > 0 ? 1 : 3, rows = 2, kernel_rows = variant % 4;
            // Absent columns lie outside this memory, so that a sanitizer sees who reads them.
            const std::int64_t width = columns + (tiles - 1) * R * S - absent_left - absent_right;
            const auto x = kernels_test::noise((rows + kernel_rows) * width * L, random);
            const auto weights = kernels_test::noise((kernel_rows + 1) * KW * L, random);
            const auto bias = kernels_test::noise(L, random);
            const std::int64_t line = tiles * R * L;
            const auto residual = kernels_test::noise(rows * line, random);
            constexpr float untouched = 99;
            std::vector<float> y(static_cast<std::size_t>(rows * line + 8), untouched);
            const Clamp clamp{-0.5F, 0.75F};
            // The rows of x are a ring, of which the first that is seen is not the first that lies there.
            const std::int64_t ring = rows + kernel_rows, start = variant % ring;
            micro.depthwise_rows_of(KW, S, R)({.x = x.data(),
                                               .first = (start * width - absent_left) * L,
                                               .x_row = width * L,
                                               .kernel_row = width * L,
                                               .y_row = line,
                                               .x_wrap = (ring - start) * width * L,
                                               .x_ring = ring * width * L,
                                               .rows = rows,
                                               .tiles = tiles,
                                               .kernel_rows = kernel_rows,
                                               .absent_left = absent_left,
                                               .absent_right = absent_right,
                                               .weights = weights.data(),
                                               .bias = bias.data(),
                                               .residual = adds ? residual.data() : nullptr,
                                               .y = y.data(),
                                               .clamp = clamp});
            double worst = 0;
            for (std::int64_t i = 0; i < rows; ++i)
              for (std::int64_t j = 0; j < tiles * R; ++j)
                for (std::int64_t l = 0; l < L; ++l) {
                  const auto at = static_cast<std::size_t>(i * line + j * L + l);
                  double sum = double{bias[static_cast<std::size_t>(l)]} + (adds ? double{residual[at]} : 0.0);
                  for (std::int64_t r = 0; r < kernel_rows; ++r)
                    for (std::int64_t s = 0; s < KW; ++s) {
                      const std::int64_t column = j * S + s - absent_left;
                      if (column < 0 || column >= width) continue;
                      sum += double{x[static_cast<std::size_t>(((start + i + r) % ring * width + column) * L + l)]} *
                             double{weights[static_cast<std::size_t>((r * KW + s) * L + l)]};
                    }
                  worst = std::max(worst, std::abs(double{clamp(static_cast<float>(sum))} - double{y[at]}));
                }
            CAPTURE(KW);
            CAPTURE(S);
            CAPTURE(R);
            CAPTURE(variant);
            CHECK(worst < 1e-5);
            CHECK(std::all_of(y.end() - 8, y.end(), [](float v) { return v == untouched; }));
          }
  }
}

}  // namespace WEIR_UNIT
