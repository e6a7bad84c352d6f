#include <doctest/doctest.h>

#include <cstdint>
#include <weir/core/kernels/conv2d/params.hpp>
#include <weir/core/shape.hpp>

namespace WEIR_UNIT {

TEST_CASE("convolution parameters: the output has a pixel wherever the kernel fits") {
  for (const std::int64_t kernel : {1, 2, 3, 5})
    for (const std::int64_t stride : {1, 2, 3})
      for (const std::int64_t dilation : {1, 2})
        for (const std::int64_t pad : {0, 1, 2})
          for (std::int64_t H = 1; H < 12; ++H) {
            weir::kernels::Conv2dParams p;
            p.in_channels = 4, p.out_channels = 6, p.groups = 2;
            p.kernel_h = kernel, p.stride_h = stride, p.dilation_h = dilation, p.pad_top = pad, p.pad_bottom = 1;
            std::int64_t rows = 0;
            for (std::int64_t i = 0; i + (kernel - 1) * dilation < H + pad + 1; i += stride) ++rows;
            const weir::Shape x{3, 4, H, 7};
            if (rows == 0) {
              CHECK_THROWS_AS(p.output_shape(x), weir::ShapeError);
              continue;
            }
            CHECK(p.output_shape(x) == weir::Shape{3, 6, rows, 7});
            CHECK(p.depth() == 2 * kernel);
            CHECK(p.flops(x) == static_cast<double>(2 * 3 * 6 * rows * 7 * 2 * kernel));
            CHECK(p.padded());
          }
}

TEST_CASE("convolution parameters: what cannot be is refused") {
  weir::kernels::Conv2dParams good;
  good.in_channels = 4, good.out_channels = 6, good.groups = 2;
  CHECK_NOTHROW(good.check());
  CHECK_FALSE(good.padded());
  CHECK_THROWS_AS(good.output_shape({1, 5, 8, 8}), weir::ShapeError);
  CHECK_THROWS_AS(good.output_shape({1, 4, 8}), weir::ShapeError);
  CHECK_THROWS_AS(good.output_shape({1, 4, 0, 8}), weir::ShapeError);
  const auto refused = [&](const auto& change) {
    weir::kernels::Conv2dParams p = good;
    change(p);
    CHECK_THROWS_AS(p.check(), weir::ShapeError);
  };
  refused([](auto& p) { p.groups = 4; });
  refused([](auto& p) { p.groups = 0; });
  refused([](auto& p) { p.out_channels = -6; });
  refused([](auto& p) { p.kernel_w = 0; });
  refused([](auto& p) { p.stride_h = 0; });
  refused([](auto& p) { p.dilation_w = -1; });
  refused([](auto& p) { p.pad_left = -1; });
  refused([](auto& p) { p.kernel_h = (std::int64_t{1} << 24) + 1; });
}

}  // namespace WEIR_UNIT
