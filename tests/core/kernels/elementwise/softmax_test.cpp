#include <cmath>
#include <weir/core/context.hpp>
#include <weir/core/kernels/elementwise/softmax.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using weir::Shape, weir::Tensor;

TEST_CASE("softmax: along rows and columns, of any size of numbers") {
  for (const weir::Context& c : kernels_test::contexts())
    for (const Shape& s :
         {Shape{3, 10, 1}, Shape{1, 1000, 1}, Shape{2, 1, 1}, Shape{2, 7, 35}, Shape{400, 17, 1}, Shape{1, 1, 3}})
      for (float offset : {0.0F, 1e4F, -1e4F}) {
        Tensor x = kernels_test::numbers(s);
        for (float& v : x.span()) v += offset;
        kernels_test::Fenced y(s), z(s);
        weir::kernels::softmax(c, x.data(), y.view().data, s[0], s[1], s[2], false);
        weir::kernels::softmax(c, x.data(), z.view().data, s[0], s[1], s[2], true);
        Tensor expected(s), logarithm(s);
        const auto length = static_cast<std::size_t>(s[1]), inner = static_cast<std::size_t>(s[2]);
        for (std::size_t o = 0; o < static_cast<std::size_t>(s[0]); ++o)
          for (std::size_t i = 0; i < inner; ++i) {
            const std::size_t first = o * length * inner + i;
            double sum = 0;
            for (std::size_t k = 0; k < length; ++k) sum += std::exp(double{x[first + k * inner]} - double{offset});
            for (std::size_t k = 0; k < length; ++k) {
              const double v = double{x[first + k * inner]} - double{offset};
              expected[first + k * inner] = static_cast<float>(std::exp(v) / sum);
              logarithm[first + k * inner] = static_cast<float>(v - std::log(sum));
            }
          }
        CHECK(kernels_test::relative_error(y.view(), expected, 1e-6) < 2e-6);
        CHECK(kernels_test::relative_error(z.view(), logarithm, 1) < 1e-6);
        CHECK(y.fences_intact());
        CHECK(z.fences_intact());
      }
}

}  // namespace WEIR_UNIT
