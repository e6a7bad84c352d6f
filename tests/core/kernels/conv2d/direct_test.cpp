#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/direct.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "conv2d_test.hpp"

namespace WEIR_UNIT {

using conv2d_test::Problem, conv2d_test::Random;
using weir::kernels::Conv2dParams, weir::kernels::Direct, weir::Layout, weir::Shape, weir::Tensor;

namespace {

/// Exact on batches of whole numbers, by one thread and three.
void check(const Conv2dParams& p, const Shape& shape, Layout layout, Random& random) {
  const Tensor x = random.whole(shape), bias = random.whole({p.out_channels}),
               weights = random.whole({p.out_channels, p.in_channels / p.groups, p.kernel_h, p.kernel_w}),
               residual = random.whole(p.output_shape(shape));
  const weir::kernels::Clamp clamp{-3000, 2500};
  const Tensor expected = conv2d_test::expected(p, x, weights, &residual, bias, clamp);
  for (const weir::Context& context : kernels_test::contexts()) {
    Direct direct(p, shape, layout, weir::kernels::microkernels(context.isa()));
    direct.pack(weights.span());
    INFO(weir::to_string(context.isa()), ", ", context.threads(), " threads, ", shape, " by ", weights.shape());
    CHECK(conv2d_test::equal(conv2d_test::run(direct, context, x, layout, residual.shape(), &residual, bias, clamp),
                             expected));
  }
}

}  // namespace

TEST_CASE("direct: every kind of convolution, exactly") {
  Random random(9);
  for (int round = 0; round < 100; ++round) {
    const Problem problem(random);
    INFO(problem.text());
    check(problem.p, problem.x.with(0, 1 + round % 3), round % 2 == 0 ? Layout::plain : Layout::blocked, random);
  }
}

TEST_CASE("direct: batches of many small images, and weights that threads share out") {
  Random random(10);
  for (const Layout layout : {Layout::plain, Layout::blocked}) {
    check(kernels_test::padded(20, 33, 3), {130, 20, 3, 3}, layout, random);    // more than 64 go together
    check(kernels_test::padded(3, 16, 3, 2), {70, 3, 9, 9}, layout, random);    // staged
    check(kernels_test::padded(256, 160, 3), {3, 256, 4, 5}, layout, random);   // more weights than pixels
    check(kernels_test::padded(32, 65, 1), {2, 32, 40, 41}, layout, random);    // read where it is
    check(kernels_test::padded(600, 20, 3), {1, 600, 16, 16}, layout, random);  // several chunks of tiles
  }
  check(kernels_test::padded(1024, 64, 3), {1, 1024, 12, 12}, Layout::blocked,
        random);  // of which threads take weights
}

TEST_CASE("direct: groups that do not say that they want finite images keep NaN to themselves") {
  Random random(11);
  int kept = 0, wanted = 0;
  for (const weir::Isa isa : conv2d_test::isas())
    for (const std::int64_t groups : {1, 2, 3, 5})
      for (const std::int64_t in : {1, 4, 16})
        for (const std::int64_t out : {1, 4, 5, 16, 32}) {
          Conv2dParams p = kernels_test::padded(groups * in, groups * out, 3);
          p.groups = groups;
          const Shape shape{1, p.in_channels, 3, 4};
          Direct direct(p, shape, Layout::blocked, weir::kernels::microkernels(isa));
          const auto lanes = weir::lanes(isa);
          if (groups == 1 || out % (2 * lanes) == 0) CHECK_FALSE(direct.wants_finite());
          if (groups > 1) CHECK_FALSE(direct.by_rows());
          if (direct.wants_finite()) {
            CHECK(groups > 1);
            ++wanted;
            continue;
          }
          Tensor x = random.whole(shape);
          std::fill_n(x.data(), in * 12, NAN);  // all of the first group
          const Tensor weights = random.whole({p.out_channels, in, 3, 3}), bias = random.whole({p.out_channels});
          direct.pack(weights.span());
          const Tensor y = conv2d_test::run(direct, conv2d_test::context_of(isa), x, Layout::blocked,
                                            p.output_shape(shape), nullptr, bias, {});
          const Tensor expected = conv2d_test::expected(p, x, weights, nullptr, bias, {});
          INFO(weir::to_string(isa), ", ", groups, " groups of ", in, " to ", out);
          for (std::size_t i = 0; i < y.size(); ++i)
            if (i / 12 < static_cast<std::size_t>(out))
              CHECK(std::isnan(y[i]));
            else
              CHECK(y[i] == expected[i]);
          kept += groups > 1;
        }
  CHECK(kept > 0);
  CHECK(wanted > 0);
}

TEST_CASE("direct: its tile is one that the micro-kernels have, its cost grows with the work") {
  for (const weir::Isa isa : conv2d_test::isas()) {
    const auto& micro = weir::kernels::microkernels(isa);
    for (const std::int64_t out : {1, 20, 64})
      for (const std::int64_t side : {1, 5, 30}) {
        const auto direct = [&](std::int64_t in, std::int64_t channels, std::int64_t H) {
          return Direct(kernels_test::padded(in, channels, 3), {1, in, H, side}, Layout::blocked, micro);
        };
        const Direct layer = direct(32, out, side);
        const std::string tile = layer.tile();
        const std::int64_t rows = std::stoll(tile), columns = std::stoll(tile.substr(tile.find('x') + 1));
        CHECK(rows >= 1);
        CHECK(rows <= std::min<std::int64_t>(micro.max_rows, side * side));
        CHECK(columns == (out > micro.lanes ? 2 : 1) * micro.lanes);
        // Two fused multiply-adds of a vector in each cycle, at most.
        const double vectors = static_cast<double>(side * side * out) / static_cast<double>(micro.lanes);
        CHECK(layer.cost() >= 32 * 9 * vectors / 2);
        CHECK(direct(64, out, side).cost() > layer.cost());
        CHECK(direct(32, out + 2 * micro.lanes, side).cost() > layer.cost());
        CHECK(direct(32, out, 3 * side).cost() > layer.cost());
      }
  }
}

}  // namespace WEIR_UNIT
