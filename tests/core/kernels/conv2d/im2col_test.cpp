#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/im2col.hpp>
#include <weir/core/kernels/gemm/openblas.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "conv2d_test.hpp"

namespace WEIR_UNIT {

using conv2d_test::Guarded, conv2d_test::Problem, conv2d_test::Random;
using weir::kernels::Im2col, weir::Shape, weir::Tensor;

TEST_CASE("im2col: the columns are the pixels that each output sees, zeros in the padding, and y is exact") {
  if (!weir::kernels::openblas()) return;  // it is not installed
  Random random(6);
  for (int round = 0; round < 100; ++round) {
    const Problem problem(random);
    const weir::kernels::Conv2dParams& p = problem.p;
    const weir::Isa isa = conv2d_test::isas()[static_cast<std::size_t>(round) % conv2d_test::isas().size()];
    const weir::kernels::Geometry geometry(p, problem.x, weir::Layout::plain, isa);
    Im2col im2col(p, problem.x, weir::kernels::microkernels(isa));
    const Tensor x = random.whole(problem.x.with(0, 2)), weights = random.whole(problem.weights.shape()),
                 bias = random.whole(problem.bias.shape());
    const Shape out = p.output_shape(x.shape());
    const Tensor residual = random.whole(out);
    const Tensor* const added = round % 2 == 0 ? &residual : nullptr;
    const weir::kernels::Clamp clamp{-150, 100};
    im2col.pack(weights.span());
    Guarded y(static_cast<std::size_t>(out.numel())), workspace(im2col.workspace_floats(1));
    im2col.run(weir::detail::ThreadPool(1), {x.data(), added ? residual.data() : nullptr, y.data(), 2, clamp},
               bias.data(), workspace.data());
    INFO(problem.text());
    CHECK(y.intact());
    CHECK(workspace.intact());
    CHECK(conv2d_test::equal(Tensor({y.data(), out}), conv2d_test::expected(p, x, weights, added, bias, clamp)));
    // The columns of the last image's last group are still there, behind the staged image.
    const std::int64_t C = p.in_channels / p.groups, H = x.shape()[2], W = x.shape()[3];
    const float* column = workspace.data() + geometry.staged_floats();
    const float* image = x.data() + (2 * p.in_channels - C) * H * W;
    bool right = true;
    for (std::int64_t c = 0; c < C; ++c)
      for (std::int64_t r = 0; r < p.kernel_h; ++r)
        for (std::int64_t s = 0; s < p.kernel_w; ++s)
          for (std::int64_t i = 0; i < out[2]; ++i)
            for (std::int64_t j = 0; j < out[3]; ++j) {
              const std::int64_t row = i * p.stride_h + r * p.dilation_h - p.pad_top;
              const std::int64_t place = j * p.stride_w + s * p.dilation_w - p.pad_left;
              const bool inside = row >= 0 && row < H && place >= 0 && place < W;
              right = right && *column++ == (inside ? image[(c * H + row) * W + place] : 0);
            }
    CHECK(right);
  }
}

TEST_CASE("im2col: a NaN that no weight of a group sees does not reach it") {
  if (!weir::kernels::openblas()) return;
  const weir::kernels::Conv2dParams p{.in_channels = 2, .out_channels = 2, .groups = 2, .stride_h = 2, .stride_w = 2};
  const Shape shape{1, 2, 3, 3};
  Tensor x(shape), y(p.output_shape(shape));
  x[9] = NAN;  // seen by the second group's first pixel
  x[1] = NAN;  // between the pixels that are seen
  const float weights[2] = {1, 1}, bias[2] = {3, 4};
  Im2col im2col(p, shape, weir::kernels::microkernels(weir::Isa::portable));
  im2col.pack(weights);
  std::vector<float> workspace(im2col.workspace_floats(1));
  im2col.run(weir::detail::ThreadPool(1), {x.data(), nullptr, y.data(), 1, {}}, bias, workspace.data());
  for (std::size_t i = 0; i < 4; ++i) CHECK(y[i] == 3);
  CHECK(std::isnan(y[4]));
  for (std::size_t i = 5; i < 8; ++i) CHECK(y[i] == 4);
}

}  // namespace WEIR_UNIT
