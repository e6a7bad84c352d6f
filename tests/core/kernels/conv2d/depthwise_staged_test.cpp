#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/depthwise_staged.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/memory/packed_weights.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "conv2d_test.hpp"

namespace WEIR_UNIT {

using conv2d_test::Random;
using weir::kernels::Conv2dParams, weir::kernels::DepthwiseStaged, weir::Layout, weir::Shape, weir::Tensor;

namespace {

Conv2dParams depthwise(std::int64_t channels, std::int64_t kernel_h, std::int64_t kernel_w) {
  return {.in_channels = channels,
          .out_channels = channels,
          .groups = channels,
          .kernel_h = kernel_h,
          .kernel_w = kernel_w};
}

/// Two images, and one by itself, on one thread and three: exact, and all to the same bits.
void check(const Conv2dParams& p, std::int64_t H, std::int64_t W, Random& random) {
  const Shape shape{2, p.in_channels, H, W}, out = p.output_shape(shape);
  const Tensor x = random.whole(shape), weights = random.whole({p.in_channels, 1, p.kernel_h, p.kernel_w}),
               bias = random.whole({p.in_channels}), residual = random.whole(out);
  const weir::kernels::Clamp clamp{-300, 250};
  const Tensor expected = conv2d_test::expected(p, x, weights, &residual, bias, clamp);
  const auto first = [](const Tensor& t) { return Tensor(t.shape().with(0, 1), t.span().first(t.size() / 2)); };
  for (const weir::Context& context : kernels_test::contexts()) {
    DepthwiseStaged algorithm(p, shape, weir::kernels::microkernels(context.isa()));
    algorithm.pack(weights.span());
    INFO(weir::to_string(context.isa()), ", ", context.threads(), " threads, ", shape, " by ", weights.shape(),
         " stride ", p.stride_h, ",", p.stride_w, " dilation ", p.dilation_h, ",", p.dilation_w, " pads ", p.pad_top,
         ",", p.pad_left, ",", p.pad_bottom, ",", p.pad_right);
    CHECK(conv2d_test::equal(conv2d_test::run(algorithm, context, x, Layout::blocked, out, &residual, bias, clamp),
                             expected));
    const Tensor one = first(residual);
    CHECK(conv2d_test::equal(
        conv2d_test::run(algorithm, context, first(x), Layout::blocked, out.with(0, 1), &one, bias, clamp),
        first(expected)));
  }
}

}  // namespace

TEST_CASE("depthwise weights: each lane of a block has those of its channel, lanes behind the last have zeros") {
  for (const std::int64_t L : {4, 8, 16})
    for (const std::int64_t C : {1, 3, 4, 9, 16, 21}) {
      const Conv2dParams p = depthwise(C, 2, 3);
      std::vector<float> weights(static_cast<std::size_t>(C * 6));
      for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i + 1);
      weir::detail::PackedWeights packed;
      weir::kernels::pack_depthwise(p, L, weights, packed);
      const std::int64_t blocks = (C + L - 1) / L;
      REQUIRE(packed.size() == static_cast<std::size_t>(blocks * 6 * L));
      const float* at = packed.data();
      bool right = true;
      for (std::int64_t b = 0; b < blocks; ++b)
        for (std::int64_t k = 0; k < 6; ++k)
          for (std::int64_t c = b * L; c < (b + 1) * L; ++c)
            right = right && *at++ == (c < C ? static_cast<float>(c * 6 + k + 1) : 0);
      CHECK(right);
    }
}

TEST_CASE("depthwise, staged: every kernel, stride, dilation and padding, exactly") {
  Random random(7);
  int tried = 0;
  while (tried < 150) {
    Conv2dParams p =
        depthwise(random.pick({1, 3, 4, 15, 16, 17, 33}), random.pick({1, 2, 3, 4, 7}), random.pick({1, 2, 3, 4, 7}));
    p.stride_h = random.pick({1, 2, 3, 5}), p.stride_w = random.pick({1, 2, 3, 5});
    p.dilation_h = random.pick({1, 2, 4}), p.dilation_w = random.pick({1, 2, 4});
    p.pad_top = random.pick({0, 1, 3, 11}), p.pad_left = random.pick({0, 1, 3, 11});
    p.pad_bottom = random.pick({0, 1, 2, 11}), p.pad_right = random.pick({0, 1, 2, 11});
    const std::int64_t H = random.pick({1, 2, 5, 14}), W = random.pick({1, 3, 8, 21});
    if (H + p.pad_top + p.pad_bottom < p.extent_h() || W + p.pad_left + p.pad_right < p.extent_w()) continue;
    check(p, H, W, random);
    ++tried;
  }
}

TEST_CASE("depthwise, staged: images of several bands") {
  Random random(8);
  Conv2dParams p = depthwise(5, 4, 3);
  p.pad_top = p.pad_left = 2, p.pad_right = 1;
  check(p, 70, 90, random);
  p.stride_h = 3, p.dilation_h = 2;
  check(p, 70, 90, random);
  p.stride_h = 5, p.dilation_h = 1;  // rows between the bands that nobody sees
  check(p, 71, 90, random);
  p.stride_w = 2;
  check(p, 40, 160, random);
  p.stride_w = 4, p.kernel_w = 5;  // columns sorted by their remainders
  check(p, 33, 160, random);
  check(depthwise(5, 4, 3), 70, 90, random);  // read where it is
}

TEST_CASE("depthwise, staged: each piece of the work has a workspace of its own") {
  Random random(14);
  Conv2dParams p = depthwise(40, 3, 3);
  p.pad_top = p.pad_left = 1;
  const Shape shape{1, 40, 60, 60}, out = p.output_shape(shape);
  const Tensor x = random.whole(shape), weights = random.whole({40, 1, 3, 3});
  const std::vector<float> bias(64);
  for (const weir::Context& context : kernels_test::contexts()) {
    DepthwiseStaged algorithm(p, shape, weir::kernels::microkernels(context.isa()));
    algorithm.pack(weights.span());
    const std::vector<float> image = kernels_test::laid_out(x, Layout::blocked, context);
    std::vector<float> y(static_cast<std::size_t>(weir::floats_of(out, Layout::blocked, context.isa()))),
        workspace(algorithm.workspace_floats(context.threads()), NAN);
    algorithm.run(context.pool(), {image.data(), nullptr, y.data(), 1, {}}, bias.data(), workspace.data());
    const auto apart = static_cast<std::size_t>(weir::kernels::workspaces_apart(1));
    std::size_t used = 0;
    for (std::size_t piece = 0; piece * apart < workspace.size(); ++piece)
      used += !std::isnan(workspace[piece * apart]);
    CHECK(used == static_cast<std::size_t>(context.threads()));
  }
}

TEST_CASE("depthwise, staged: one channel for each, and each with its own") {
  CHECK(DepthwiseStaged::fits(depthwise(4, 3, 3)));
  Conv2dParams p = depthwise(4, 3, 3);
  p.out_channels = 8;
  CHECK_FALSE(DepthwiseStaged::fits(p));
  p.out_channels = 4, p.groups = 2;
  CHECK_FALSE(DepthwiseStaged::fits(p));
}

}  // namespace WEIR_UNIT
