#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/gemm/dot_rows.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

TEST_CASE("dot_rows: every sum once and right; bits depend neither on the rows beside it nor on threads") {
  std::mt19937 random(3);
  for (const weir::Context& context : kernels_test::contexts())
    for (const std::int64_t in : {1, 7, 16, 65, 700})
      for (const std::int64_t out : {1, 3, 4, 8, 9, 130}) {
        constexpr std::int64_t most = 20;
        const std::int64_t ldx = in + 3;
        const auto x = kernels_test::noise(most * ldx, random), weights = kernels_test::noise(out * in, random);
        std::vector<float> all;
        for (const std::int64_t n : {most, std::int64_t{1}, std::int64_t{2}, std::int64_t{5}, std::int64_t{7}}) {
          std::vector<float> y(static_cast<std::size_t>(n * out));
          std::vector<std::atomic<int>> times(y.size());
          weir::kernels::dot_rows(context.pool(), weir::kernels::microkernels(context.isa()),
                                  {n, in, out, x.data(), ldx, weights.data()},
                                  [&](std::int64_t i, std::int64_t j, float sum) {
                                    const auto at = static_cast<std::size_t>(i * out + j);
                                    y[at] = sum;
                                    ++times[at];
                                  });
          INFO(weir::to_string(context.isa()), ", ", context.threads(), " threads, ", n, " by ", in, " by ", out);
          CHECK(std::ranges::all_of(times, [](const std::atomic<int>& t) { return t == 1; }));
          if (n == most) {
            all = y;
            double worst = 0;
            for (std::int64_t i = 0; i < n; ++i)
              for (std::int64_t j = 0; j < out; ++j) {
                double sum = 0;
                for (std::int64_t k = 0; k < in; ++k)
                  sum += double{x[static_cast<std::size_t>(i * ldx + k)]} *
                         double{weights[static_cast<std::size_t>(j * in + k)]};
                worst = std::max(worst, std::abs(sum - double{y[static_cast<std::size_t>(i * out + j)]}));
              }
            CHECK(worst < 1e-6 * (1 + std::sqrt(static_cast<double>(in))));
          }
          CHECK(std::equal(y.begin(), y.end(), all.begin()));
        }
      }
}

}  // namespace WEIR_UNIT
