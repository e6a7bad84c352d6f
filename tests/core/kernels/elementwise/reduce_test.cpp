#include <algorithm>
#include <array>
#include <cmath>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/kernels/elementwise/reduce.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using weir::Shape, weir::Tensor;

TEST_CASE("reduce: over any axes") {
  for (const weir::Context& c : kernels_test::contexts())
    for (const Shape& s : {Shape{3, 4, 5, 6}, Shape{2, 70, 7, 7}, Shape{1, 1, 1, 131}, Shape{3, 2, 1, 9}})
      for (unsigned mask = 0; mask < 16; ++mask) {
        CAPTURE(s);
        CAPTURE(mask);
        std::array<bool, Shape::max_rank> reduced{};
        Shape kept = s;
        for (std::size_t d = 0; d < 4; ++d) {
          reduced[d] = (mask >> d & 1U) != 0;
          if (reduced[d]) kept = kept.with(d, 1);
        }
        const Tensor x = kernels_test::numbers(s);
        std::vector<double> sum(static_cast<std::size_t>(kept.numel()), 0), largest(sum.size(), -1e30);
        for (std::int64_t i = 0; i < s.numel(); ++i) {
          const std::size_t to = kernels_test::stretched(kept, s, i);
          sum[to] += double{x[static_cast<std::size_t>(i)]};
          largest[to] = std::max(largest[to], double{x[static_cast<std::size_t>(i)]});
        }
        const auto count = static_cast<double>(s.numel() / kept.numel());
        kernels_test::Fenced mean(kept), most(kept);
        weir::kernels::reduce<weir::kernels::reductions::Mean>(c, x, reduced, mean.view().data);
        weir::kernels::reduce<weir::kernels::reductions::Max>(c, x, reduced, most.view().data);
        bool equal = true;
        for (std::size_t i = 0; i < sum.size(); ++i) {
          equal = equal && std::abs(double{mean.view().data[i]} - sum[i] / count) < 2e-6;
          equal = equal && double{most.view().data[i]} == largest[i];
        }
        CHECK(equal);
        CHECK(mean.fences_intact());
        CHECK(most.fences_intact());
      }
}

}  // namespace WEIR_UNIT
