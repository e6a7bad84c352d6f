#include <weir/core/context.hpp>
#include <weir/core/kernels/lrn/blocked.hpp>
#include <weir/core/kernels/lrn/plain.hpp>
#include <weir/core/kernels/reference/lrn.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using weir::kernels::LrnParams, weir::Shape;

TEST_CASE("lrn: as its reference, over sizes, powers, instruction sets and threads") {
  for (const weir::Context& context : kernels_test::contexts())
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 7, 5, 3}, Shape{1, 96, 9, 9}, Shape{3, 4},
                               Shape{1, 3, 1, 257}, Shape{2, 20, 150}})
      for (const LrnParams& p : {LrnParams{}, LrnParams{1, 0.3F, 0.75F, 0.5F}, LrnParams{4, 2.0F, 0.75F, 1e-6F},
                                 LrnParams{3, 0.5F, 1.0F, 2.0F}, LrnParams{9, 0.1F, 0.5F, 1.0F},
                                 LrnParams{200, 0.1F, 0.6F, 1.0F}, LrnParams{3, 1.0F, 0.75F, 0.0F}}) {
        CAPTURE(shape);
        CAPTURE(p.size);
        CAPTURE(p.beta);
        const weir::Tensor x = kernels_test::numbers(shape);
        kernels_test::Fenced y(shape), expected(shape);
        weir::kernels::lrn(context, p, x, y.view());
        weir::kernels::lrn_reference(p, x, expected.view());
        CHECK(kernels_test::relative_error(y.view(), expected.view(), 1e-6) < 3e-6);
        CHECK(y.fences_intact());
        const std::int64_t floats = weir::floats_of(shape, weir::Layout::blocked, context.isa());
        std::vector<float> image(static_cast<std::size_t>(floats)),
            workspace(weir::kernels::blocked_lrn_workspace_floats(context, p, shape));
        weir::kernels::to_blocked(context, shape, x.data(), image.data());
        kernels_test::Fenced blocked({floats});
        weir::kernels::blocked_lrn(context, p, {image.data(), shape}, blocked.view().data, workspace.data());
        CHECK(blocked.fences_intact());
        weir::kernels::to_plain(context, shape, blocked.view().data, y.view().data);
        CHECK(kernels_test::relative_error(y.view(), expected.view(), 1e-6) < 3e-6);
      }
}

}  // namespace WEIR_UNIT
