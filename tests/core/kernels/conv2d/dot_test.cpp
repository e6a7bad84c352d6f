#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/dot.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "conv2d_test.hpp"

namespace WEIR_UNIT {

using weir::kernels::Conv2dParams, weir::kernels::Dot, weir::Layout, weir::Shape, weir::Tensor;

TEST_CASE("dot: images whole under the kernel, of any number of channels, are what the formula says") {
  conv2d_test::Random random(4);
  for (const weir::Context& context : kernels_test::contexts())
    for (const Layout layout : {Layout::plain, Layout::blocked})
      for (const std::int64_t in : {1, 3, 16, 17, 48})
        for (const std::int64_t out : {1, 5, 16, 21})
          for (const Shape& size : {Shape{1, 1}, Shape{1, 3}, Shape{4, 1}, Shape{3, 2}}) {
            const Conv2dParams p{.in_channels = in, .out_channels = out, .kernel_h = size[0], .kernel_w = size[1]};
            const Shape shape{3, in, size[0], size[1]};
            const auto& micro = weir::kernels::microkernels(context.isa());
            const bool fits = layout == Layout::plain || size.numel() == 1 || in % micro.lanes == 0;
            CHECK(Dot::fits(p, shape, layout, micro) == fits);
            if (!fits) continue;
            Dot dot(p, shape, layout, micro);
            const Tensor x = random.whole(shape), weights = random.whole({out, in, size[0], size[1]}),
                         bias = random.whole({out}), residual = random.whole({3, out, 1, 1});
            dot.pack(weights.span());
            CHECK(dot.workspace_floats(context.threads()) == 0);
            INFO(weir::to_string(context.isa()), ", ", x.shape(), " to ", out);
            for (const Tensor* added : {static_cast<const Tensor*>(nullptr), &residual}) {
              const weir::kernels::Clamp clamp{-100, INFINITY};
              const Tensor y = conv2d_test::run(dot, context, x, layout, residual.shape(), added, bias, clamp);
              CHECK(conv2d_test::equal(y, conv2d_test::expected(p, x, weights, added, bias, clamp)));
            }
          }
}

TEST_CASE("dot: fits where the kernel sees the whole image and nothing else") {
  const auto& micro = weir::kernels::microkernels(weir::Isa::portable);
  const Conv2dParams good{.in_channels = 8, .out_channels = 4, .kernel_h = 3, .kernel_w = 2};
  const Shape x{1, 8, 3, 2};
  const auto fits = [&](Conv2dParams p, const Shape& shape) { return Dot::fits(p, shape, Layout::blocked, micro); };
  CHECK(fits(good, x));
  CHECK_FALSE(fits(good, {1, 8, 4, 2}));
  CHECK_FALSE(fits(good, {1, 8, 3, 3}));
  for (auto field :
       {&Conv2dParams::pad_top, &Conv2dParams::pad_left, &Conv2dParams::pad_bottom, &Conv2dParams::pad_right}) {
    Conv2dParams p = good;
    p.*field = 1;
    CHECK_FALSE(fits(p, x));
  }
  for (auto field : {&Conv2dParams::groups, &Conv2dParams::dilation_h, &Conv2dParams::dilation_w}) {
    Conv2dParams p = good;
    p.*field = 2;
    CHECK_FALSE(fits(p, x));
  }
  Conv2dParams strided = good;  // of one pixel the stride says nothing
  strided.stride_h = strided.stride_w = 5;
  CHECK(fits(strided, x));
}

TEST_CASE("dot: what is not finite stays in its image and under its weights") {
  conv2d_test::Random random(5);
  const Conv2dParams p{.in_channels = 20, .out_channels = 9};
  const Shape shape{4, 20, 1, 1};
  for (const weir::Context& context : kernels_test::contexts()) {
    Dot dot(p, shape, Layout::blocked, weir::kernels::microkernels(context.isa()));
    Tensor x = random.whole(shape), weights = random.whole({9, 20, 1, 1});
    const Tensor bias = random.whole({9});
    weights[3 * 20 + 19] = INFINITY;
    for (std::size_t n = 0; n < 4; ++n) x[n * 20 + 19] = 1;
    x[20 + 7] = NAN;
    dot.pack(weights.span());
    const Tensor y = conv2d_test::run(dot, context, x, Layout::blocked, {4, 9, 1, 1}, nullptr, bias, {});
    for (std::size_t n = 0; n < 4; ++n)
      for (std::size_t m = 0; m < 9; ++m) {
        CHECK(std::isnan(y[n * 9 + m]) == (n == 1));
        if (n != 1) CHECK(std::isinf(y[n * 9 + m]) == (m == 3));
      }
  }
}

}  // namespace WEIR_UNIT
