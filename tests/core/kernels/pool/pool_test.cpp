#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/pool/blocked.hpp>
#include <weir/core/kernels/pool/plain.hpp>
#include <weir/core/kernels/reference/pool.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using weir::kernels::PoolParams, weir::Shape, weir::Tensor, weir::kernels::WindowAxis;

TEST_CASE("pool: as its reference, over windows, edges, instruction sets and threads") {
  const std::vector<WindowAxis> axes = {
      {2, 2}, {3, 2},          {3, 1, 1, 1, 1}, {3, 2, 1, 0, 1}, {3, 2, 1, 1, 0}, {2, 3},         {1, 1},
      {1, 4}, {5, 3, 1, 2, 2}, {2, 1, 3},       {3, 2, 2, 2, 1}, {7, 7, 1, 3, 3}, {4, 5, 1, 9, 9}};
  const auto contexts = kernels_test::contexts();
  int cases = 0;
  for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 3, 7, 5}, Shape{1, 2, 13, 14}, Shape{1, 5, 9, 33},
                             Shape{3, 1, 17, 16}, Shape{1, 1, 3, 70}, Shape{1, 17, 2, 2}})
    for (const WindowAxis& h : axes)
      for (const WindowAxis& w : axes)
        for (int flags = 0; flags < 4; ++flags) {
          const PoolParams p{h, w, (flags & 1) != 0, (flags & 2) != 0};
          if (shape[2] + h.pad_begin + h.pad_end < h.extent() || shape[3] + w.pad_begin + w.pad_end < w.extent()) {
            CHECK_THROWS_AS(p.output_shape(shape), weir::ShapeError);
            continue;
          }
          const Shape out = p.output_shape(shape);
          const Tensor x = kernels_test::numbers(shape);
          const weir::Context& context = contexts[static_cast<std::size_t>(cases++) % contexts.size()];
          for (bool average : {false, true}) {
            CAPTURE(shape);
            CAPTURE(flags);
            CAPTURE(average);
            CAPTURE(w.kernel);
            CAPTURE(w.stride);
            kernels_test::Fenced y(out), expected(out);
            std::vector<float> workspace(weir::kernels::pool_workspace_floats(context, p, shape));
            if (average)
              weir::kernels::pool_average(context, p, x, y.view(), workspace.data());
            else
              weir::kernels::pool_max(context, p, x, y.view(), workspace.data());
            weir::kernels::pool_reference(p, average, x, expected.view());
            REQUIRE(kernels_test::relative_error(y.view(), expected.view(), 0.1) < 1e-5);
            REQUIRE(y.fences_intact());
            const weir::Isa isa = context.isa();
            std::vector<float> image(static_cast<std::size_t>(weir::floats_of(shape, weir::Layout::blocked, isa)));
            weir::kernels::to_blocked(context, shape, x.data(), image.data());
            kernels_test::Fenced blocked({weir::floats_of(out, weir::Layout::blocked, isa)});
            (average ? weir::kernels::blocked_pool_average : weir::kernels::blocked_pool_max)(
                context, p, {image.data(), shape}, {blocked.view().data, out});
            REQUIRE(blocked.fences_intact());
            weir::kernels::to_plain(context, out, blocked.view().data, y.view().data);
            REQUIRE(kernels_test::relative_error(y.view(), expected.view(), 0.1) < 1e-5);
          }
        }
  CHECK(cases > 1000);
}

TEST_CASE("pool: a ceil window may be incomplete but not start in the padding behind") {
  CHECK(WindowAxis{3, 2}.count(6, false) == 2);
  CHECK(WindowAxis{3, 2}.count(6, true) == 3);
  CHECK(WindowAxis{2, 2, 1, 0, 1}.count(4, true) == 2);     // the third would start at 4, behind the data
  CHECK(WindowAxis{3, 2, 1, 1, 1}.count(112, true) == 57);  // PyTorch 1.13: 57
  CHECK(WindowAxis{1, 3}.count(2, true) == 1);
  CHECK_THROWS_AS(WindowAxis{3}.count(2, true), weir::ShapeError);
  CHECK_THROWS_AS((WindowAxis{3, 1, 1, 2, 2}.count(0, false)), weir::ShapeError);
}

}  // namespace WEIR_UNIT
