#include <algorithm>
#include <cstddef>
#include <weir/core/context.hpp>
#include <weir/core/kernels/elementwise/affine.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

TEST_CASE("affine: a factor and a summand for each channel, of images and rows") {
  for (const weir::Context& c : kernels_test::contexts())
    for (const weir::Shape& s : {weir::Shape{2, 3, 5, 7}, weir::Shape{3, 37}, weir::Shape{1, 1, 1, 1},
                                 weir::Shape{2, 40, 40, 30}, weir::Shape{2, 5, 8}}) {
      const weir::Tensor x = kernels_test::numbers(s), scale = kernels_test::numbers({s[1]}, 2),
                         shift = kernels_test::numbers({s[1]}, 3);
      kernels_test::Fenced y(s);
      weir::kernels::affine(c, x, scale.data(), shift.data(), {-3.0F, 4.0F}, y.view());
      weir::Tensor expected(s);
      const std::size_t inner = static_cast<std::size_t>(s.product(2, s.rank())), C = static_cast<std::size_t>(s[1]);
      for (std::size_t i = 0; i < x.size(); ++i)
        expected[i] = std::clamp(x[i] * scale[i / inner % C] + shift[i / inner % C], -3.0F, 4.0F);
      CHECK(kernels_test::relative_error(y.view(), expected, 1) < 1e-6);
      CHECK(y.fences_intact());
    }
}

}  // namespace WEIR_UNIT
