#include <weir/core/context.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "kernels_test.hpp"

namespace WEIR_UNIT {

using weir::Layout, weir::Shape, weir::Tensor;

TEST_CASE("reorder: a blocked tensor has each float where its formula says, and goes back unchanged") {
  for (const weir::Context& context : kernels_test::contexts())
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 3, 5, 7}, Shape{3, 16, 4, 4}, Shape{1, 17, 1, 33},
                               Shape{2, 40, 3}, Shape{5, 32}, Shape{1, 8, 2, 3, 5}}) {
      CAPTURE(shape);
      const Tensor x = kernels_test::numbers(shape);
      const std::int64_t L = weir::lanes(context.isa()), C = shape[1], pixels = shape.product(2, shape.rank());
      const std::int64_t floats = weir::floats_of(shape, Layout::blocked, context.isa()), blocks = (C + L - 1) / L;
      CHECK(floats == shape[0] * blocks * pixels * L);
      kernels_test::Fenced blocked({floats}), back(shape);
      weir::kernels::to_blocked(context, shape, x.data(), blocked.view().data);
      CHECK(blocked.fences_intact());
      bool all = true;
      for (std::int64_t i = 0; i < floats; ++i) {
        const std::int64_t n = i / (blocks * pixels * L), c = i / (pixels * L) % blocks * L + i % L, p = i / L % pixels;
        const float expected = c < C ? x[static_cast<std::size_t>((n * C + c) * pixels + p)] : 0.0F;
        all = all && blocked.view().data[i] == expected;
      }
      CHECK(all);
      weir::kernels::to_plain(context, shape, blocked.view().data, back.view().data);
      CHECK(back.fences_intact());
      CHECK(std::equal(x.span().begin(), x.span().end(), back.view().data));
      CHECK(weir::kernels::same_in_both(shape, context.isa()) == (pixels == 1 && C % L == 0));
    }
}

}  // namespace WEIR_UNIT
