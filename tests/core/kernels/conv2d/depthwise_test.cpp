// Depthwise convolutions: images that the random problems of list_test.cpp do not reach, by both algorithms.
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/list.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using weir::kernels::Clamp, weir::Context, weir::kernels::Conv2dParams, weir::Isa, weir::Shape, weir::Tensor;

TEST_CASE("depthwise: wide, narrow and much padded images, by one thread and several, to the same bits") {
  struct Case {
    std::int64_t channels, H, W, kernel_h, kernel_w, stride_h, stride_w, top, left, bottom, right;
  };
  const Case cases[] = {
      {17, 20, 112, 3, 3, 1, 1, 1, 1, 1, 1},   // many tiles of a row
      {16, 31, 113, 3, 3, 2, 2, 0, 0, 1, 1},   // as TensorFlow pads
      {3, 9, 61, 5, 5, 2, 2, 2, 2, 2, 2},      // tiles of two sizes
      {33, 7, 7, 5, 5, 1, 1, 2, 2, 2, 2},      // one tile that reaches beyond both sides
      {16, 2, 1, 3, 3, 1, 1, 1, 1, 1, 1},      // of the kernel's columns one alone
      {5, 1, 30, 1, 5, 1, 1, 0, 4, 0, 4},      // a line, padded as far as can be
      {20, 14, 14, 3, 3, 1, 2, 9, 2, 9, 0},    // rows that see nothing but padding
      {8, 30, 30, 7, 3, 3, 1, 3, 1, 3, 1},     // a tall kernel, a long stride from row to row
      {96, 112, 112, 3, 3, 2, 2, 0, 0, 1, 1},  // MobileNetV2's largest
  };
  std::mt19937 random(7);
  for (const Case& c : cases) {
    Conv2dParams p;
    p.in_channels = p.out_channels = p.groups = c.channels;
    p.kernel_h = c.kernel_h, p.kernel_w = c.kernel_w, p.stride_h = c.stride_h, p.stride_w = c.stride_w;
    p.pad_top = c.top, p.pad_left = c.left, p.pad_bottom = c.bottom, p.pad_right = c.right;
    REQUIRE(weir::kernels::Depthwise::fits(p));
    const Shape x{2, c.channels, c.H, c.W}, y = p.output_shape(x);
    Tensor image(x, kernels_test::noise(x.numel(), random)), residual(y, kernels_test::noise(y.numel(), random)),
        expected(y);
    const auto weights = kernels_test::noise(c.channels * p.depth(), random);
    auto bias = kernels_test::noise(c.channels, random);
    weir::kernels::conv2d_reference(p, image, weights, bias, residual.data(), expected.view(), {-0.5F, 2.0F});
    bias.resize(static_cast<std::size_t>(weir::round_up(c.channels, 32)));
    for (const Isa isa : kernels_test::isas()) {
      const Context one({.isa = std::string(weir::isa_names[static_cast<std::size_t>(isa)])});
      const auto& micro = weir::kernels::microkernels(isa);
      const auto floats = [&](const Shape& s) {
        return static_cast<std::size_t>(weir::floats_of(s, weir::Layout::blocked, isa));
      };
      std::vector<float> in(floats(x)), add(floats(y)), first;
      weir::kernels::to_blocked(one, x, image.data(), in.data());
      weir::kernels::to_blocked(one, y, residual.data(), add.data());
      for (const auto& algorithm : weir::kernels::conv2d_algorithms(p, x, weir::Layout::blocked, micro))
        if (algorithm->name().starts_with("depthwise")) {
          algorithm->pack(weights);
          for (const int threads : {1, 2, 3}) {
            CAPTURE(c.W);
            CAPTURE(algorithm->name());
            CAPTURE(threads);
            const weir::detail::ThreadPool pool(threads);
            std::vector<float> out(floats(y)), workspace(algorithm->workspace_floats(threads) + 1);
            algorithm->run(pool, {in.data(), add.data(), out.data(), 2, {-0.5F, 2.0F}}, bias.data(), workspace.data());
            Tensor plain(y);
            weir::kernels::to_plain(one, y, out.data(), plain.data());
            double worst = 0;
            for (std::size_t k = 0; k < plain.size(); ++k)
              worst = std::max(worst, std::abs(double{plain[k]} - double{expected[k]}));
            CHECK(worst < 1e-4);
            // One image by itself: threads then share its rows.
            std::vector<float> alone(floats(y.with(0, 1)));
            algorithm->run(pool, {in.data(), add.data(), alone.data(), 1, {-0.5F, 2.0F}}, bias.data(),
                           workspace.data());
            CHECK(std::equal(alone.begin(), alone.end(), out.begin()));
            if (threads == 1) first = out;
            CHECK(out == first);
          }
        }
    }
  }
}

}  // namespace WEIR_UNIT
