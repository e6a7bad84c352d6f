#include "conv2d/conv2d_test.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

namespace WEIR_UNIT {

using conv2d_test::isas, conv2d_test::Problem, conv2d_test::Random;
using kernels_test::laid_out, kernels_test::plain;
using weir::Context, weir::kernels::Conv2dParams, weir::Isa, weir::Layout, weir::Shape, weir::Tensor;

TEST_CASE("PackedConv2d: bits depend neither on the batch, nor on batch-mates, nor on threads") {
  Random random(2);
  for (int round = 0; round < 60; ++round) {
    const Problem problem(random);
    const Shape batch = problem.x.with(0, 5);
    const Tensor x = random.noise(batch);
    for (const Isa isa : isas())
      for (const Layout layout : {Layout::plain, Layout::blocked}) {
        INFO(problem.text(), " with ", weir::to_string(isa));
        const Context one({.isa = std::string(weir::to_string(isa))});
        const weir::kernels::PackedConv2d conv(problem.p, problem.weights.span(), problem.bias.span(), one, problem.x,
                                               layout);
        const Shape out = problem.p.output_shape(batch), single_out = out.with(0, 1);
        const std::vector<float> images = laid_out(x, layout, one);
        std::vector<float> all(static_cast<std::size_t>(weir::floats_of(out, Layout::blocked, isa))),
            single(all.size() / 5);
        const auto same = [&](const float* a, const float* b) {
          const Tensor p = plain(a, single_out, one), q = plain(b, single_out, one);
          return std::memcmp(p.data(), q.data(), p.size() * sizeof(float)) == 0;
        };
        weir::Buffer workspace;
        for (const int threads : {1, 2, 3, 4}) {
          const Context context({.threads = threads, .isa = std::string(weir::to_string(isa))});
          conv.run(context, {images.data(), batch}, nullptr, {all.data(), out}, {},
                   workspace.reserve(conv.workspace_floats(context, batch) + 1));
          for (std::size_t n = 0; n < 5; ++n) {
            conv.run(context, {images.data() + n * images.size() / 5, problem.x}, nullptr, {single.data(), single_out},
                     {}, workspace.reserve(conv.workspace_floats(context, problem.x) + 1));
            CHECK(same(all.data() + n * single.size(), single.data()));
          }
        }
        // A spoilt image spoils nobody else.
        std::vector<float> spoilt = images, after(all.size());
        std::fill_n(spoilt.begin() + static_cast<std::ptrdiff_t>(2 * images.size() / 5), images.size() / 5,
                    std::nanf(""));
        conv.run(one, {spoilt.data(), batch}, nullptr, {after.data(), out}, {},
                 workspace.reserve(conv.workspace_floats(one, batch) + 1));
        for (const std::size_t n : {0U, 1U, 3U, 4U})
          CHECK(same(all.data() + n * single.size(), after.data() + n * single.size()));
      }
  }
}

TEST_CASE("PackedConv2d: a 3x3 layer of a residual network is transformed, unless the context forbids it") {
  Random random(2);
  const Shape shape{5, 64, 14, 13};
  const Conv2dParams p = kernels_test::padded(64, 96, 3);  // of few images threads take one and a half blocks each
  const Tensor x = random.noise(shape), weights = random.noise({96, 64, 3, 3});
  for (const Isa isa : isas()) {
    const auto run = [&](const Shape& images, int threads, bool winograd) {
      const Context context({.threads = threads, .isa = std::string(weir::to_string(isa)), .winograd = winograd});
      const weir::kernels::PackedConv2d conv(p, weights.span(), {}, context, images);
      CHECK(conv.algorithm() == (winograd ? "winograd4x4" : "direct"));
      const Shape out = p.output_shape(images);
      const std::vector<float> in =
          laid_out({images, x.span().first(static_cast<std::size_t>(images.numel()))}, Layout::blocked, context);
      std::vector<float> y(static_cast<std::size_t>(weir::floats_of(out, Layout::blocked, isa)));
      weir::Buffer workspace;
      conv.run(context, {in.data(), images}, nullptr, {y.data(), out}, {},
               workspace.reserve(conv.workspace_floats(context, images) + 1));
      return plain(y.data(), out, context);
    };
    const Tensor all = run(shape, 1, true), direct = run(shape, 1, false);
    for (const int threads : {2, 3, 4, 8})  // eight share out tiles and channels
      for (const std::int64_t images : {1, 5}) {
        const Tensor some = run(shape.with(0, images), threads, true);
        CHECK(std::memcmp(all.data(), some.data(), some.size() * sizeof(float)) == 0);
      }
    double worst = 0;
    for (std::size_t i = 0; i < all.size(); ++i) worst = std::max(worst, double{std::abs(all[i] - direct[i])});
    CHECK(worst > 0);
    CHECK(worst < 1e-4);
  }
}

TEST_CASE("PackedConv2d: OpenBLAS agrees with the reference, and an image with itself in a batch") {
  Random random(2);
  if (!weir::kernels::openblas()) return;  // it is not installed; gemm_test looks at what is said then
  const Context context({.gemm = "openblas"});
  for (int round = 0; round < 60; ++round) {
    const Problem problem(random);
    INFO(problem.text());
    const Shape batch = problem.x.with(0, 3);
    const Tensor x = random.noise(batch), residual = random.noise(problem.p.output_shape(batch));
    const weir::kernels::PackedConv2d conv(problem.p, problem.weights.span(), problem.bias.span(), context, problem.x);
    CHECK(conv.algorithm() == "openblas");
    weir::Buffer workspace;
    workspace.reserve(conv.workspace_floats(context, batch) + 1);
    Tensor y = residual, expected(y.shape()), single(problem.p.output_shape(problem.x));
    conv.run(context, x, y.data(), y.view(), {.lo = 0}, workspace.data());
    weir::kernels::conv2d_reference(problem.p, x, problem.weights.span(), problem.bias.span(), residual.data(),
                                    expected.view(), {.lo = 0});
    const Tensor magnitude = problem.magnitudes(x, residual);
    double worst = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
      worst = std::max(worst, std::abs(double{y[i]} - double{expected[i]}) / double{magnitude[i] + 1e-6F});
    CHECK(worst < 3e-6);
    const std::size_t last = 2 * single.size();
    conv.run(context, {x.data() + 2 * x.size() / 3, problem.x}, residual.data() + last, single.view(), {.lo = 0},
             workspace.data());
    CHECK(std::memcmp(single.data(), y.data() + last, single.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("PackedConv2d: sizes that do not fit are refused") {
  const Context context;
  const Conv2dParams p{.in_channels = 4, .out_channels = 6, .kernel_h = 3, .kernel_w = 3};
  const std::vector<float> weights(6 * 4 * 9), bias(6);
  const auto make = [&](Conv2dParams q, std::size_t w, std::size_t b, const Shape& x) {
    return weir::kernels::PackedConv2d(q, std::span(weights).first(w), std::span(bias).first(b), context, x);
  };
  CHECK(make(p, 216, 0, {1, 4, 5, 5}).algorithm() != "");
  CHECK_THROWS_AS(make(p, 215, 6, {1, 4, 5, 5}), weir::ShapeError);
  CHECK_THROWS_AS(make(p, 216, 5, {1, 4, 5, 5}), weir::ShapeError);
  CHECK_THROWS_AS(make(p, 216, 6, {1, 3, 5, 5}), weir::ShapeError);
  CHECK_THROWS_AS(make(p, 216, 6, {1, 4, 2, 5}), weir::ShapeError);
  CHECK_THROWS_AS(make(p, 216, 6, {4, 5, 5}), weir::ShapeError);
  Conv2dParams q = p;
  q.groups = 4;
  CHECK_THROWS_AS(make(q, 54, 6, {1, 4, 5, 5}), weir::ShapeError);
  for (auto field : {&Conv2dParams::stride_h, &Conv2dParams::dilation_w, &Conv2dParams::groups, &Conv2dParams::kernel_h,
                     &Conv2dParams::out_channels}) {
    q = p;
    q.*field = 0;
    CHECK_THROWS_AS(q.output_shape({1, 4, 5, 5}), weir::ShapeError);
  }
  q = p;
  q.pad_left = -1;
  CHECK_THROWS_AS(q.output_shape({1, 4, 5, 5}), weir::ShapeError);
  q = p;
  q.pad_bottom = std::int64_t{1} << 40;
  CHECK_THROWS_AS(q.output_shape({1, 4, 5, 5}), weir::ShapeError);
  CHECK(p.output_shape({7, 4, 5, 9}) == Shape{7, 6, 3, 7});
  CHECK(p.flops({1, 4, 3, 3}) == 2 * 6 * 36);
}

}  // namespace WEIR_UNIT
