#include <cmath>
#include <cstdint>
#include <random>
#include <vector>
#include <weir/core/kernels/micro/dot_tile.hpp>
#include <weir/core/kernels/micro/list.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

TEST_CASE("micro-kernels: every dot tile agrees with its formula, for any length, and bits depend on the length only") {
  std::mt19937 random(8);
  for (const weir::Isa isa : kernels_test::isas()) {
    const auto& micro = weir::kernels::microkernels(isa);
    for (const std::int64_t K : {1, 3, 15, 16, 17, 31, 33, 64, 100})
      for (int R = 1; R <= micro.max_dot_rows; ++R) {
        const std::int64_t C = weir::kernels::dot_outputs(R), ldx = K + 3, ldw = K + 1;
        // The last row ends with the memory, so that a sanitizer sees who reads on.
        const auto x = kernels_test::noise((R - 1) * ldx + K, random),
                   weights = kernels_test::noise((C - 1) * ldw + K, random);
        const auto value = [](const std::vector<float>& v, std::int64_t i) { return v[static_cast<std::size_t>(i)]; };
        for (std::int64_t outputs = 1; outputs <= C; ++outputs) {
          std::vector<float> sums(static_cast<std::size_t>(R * C));
          const std::vector<float> some(weights.begin(), weights.begin() + (outputs - 1) * ldw + K);
          micro.dot_tile[static_cast<std::size_t>(R - 1)]({K, x.data(), ldx, some.data(), ldw, outputs, sums.data()});
          for (std::int64_t r = 0; r < R; ++r)
            for (std::int64_t c = 0; c < outputs; ++c) {
              double right = 0;
              for (std::int64_t k = 0; k < K; ++k)
                right += double{value(x, r * ldx + k)} * double{value(weights, c * ldw + k)};
              CHECK(std::abs(double{value(sums, r * C + c)} - right) < 1e-5);
              float one[8];
              micro.dot_tile[0]({K, x.data() + r * ldx, ldx, some.data() + c * ldw, ldw, 1, one});
              CHECK(one[0] == value(sums, r * C + c));
            }
        }
      }
  }
}

}  // namespace WEIR_UNIT
