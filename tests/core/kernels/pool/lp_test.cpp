#include <cmath>
#include <cstdint>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/kernels/pool/lp.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

TEST_CASE("lp pool: the norm of the places of a window that lie in the image, padding larger than the kernel too") {
  const std::vector<weir::Context> contexts = {weir::Context(), weir::Context({.threads = 3})};
  std::size_t round = 0;
  for (const std::int64_t kernel : {1, 2, 3, 5})
    for (const std::int64_t stride : {1, 2, 4})
      for (const std::int64_t dilation : {1, 2, 3})
        for (const std::int64_t pad : {0, 1, 7})
          for (const weir::Shape& x : {weir::Shape{1, 1, 1, 1}, weir::Shape{2, 3, 5, 13}}) {
            weir::kernels::PoolParams p;
            p.h = {kernel, stride, dilation, pad, pad / 2};
            p.w = {kernel + 1, stride, 1, pad / 2, pad};
            if (x[2] + pad + pad / 2 < p.h.extent() || x[3] + pad + pad / 2 < p.w.extent()) continue;
            p.ceil_mode = ++round % 3 == 0;
            const weir::Shape out = p.output_shape(x);
            const weir::Tensor image = kernels_test::numbers(x);
            for (const std::int64_t power : {1, 2, 3}) {
              kernels_test::Fenced y(out);
              weir::kernels::pool_lp(contexts[round % 2], p, power, image, y.view());
              weir::Tensor expected(out);
              for (std::size_t o = 0; o < expected.size(); ++o) {
                const auto at = static_cast<std::int64_t>(o);
                const std::int64_t j = at % out[3], i = at / out[3] % out[2], plane = at / out[3] / out[2];
                double sum = 0;
                for (std::int64_t r = 0; r < p.h.kernel; ++r)
                  for (std::int64_t s = 0; s < p.w.kernel; ++s) {
                    const std::int64_t row = i * stride - p.h.pad_begin + r * dilation;
                    const std::int64_t column = j * stride - p.w.pad_begin + s;
                    if (row < 0 || row >= x[2] || column < 0 || column >= x[3]) continue;
                    sum += std::pow(
                        std::abs(double{image[static_cast<std::size_t>((plane * x[2] + row) * x[3] + column)]}),
                        static_cast<double>(power));
                  }
                expected[o] = static_cast<float>(std::pow(sum, 1 / static_cast<double>(power)));
              }
              CAPTURE(x);
              CAPTURE(kernel);
              CAPTURE(pad);
              CHECK(kernels_test::relative_error(y.view(), expected, 1e-3) < 1e-5);
              CHECK(y.fences_intact());
            }
          }
}

}  // namespace WEIR_UNIT
