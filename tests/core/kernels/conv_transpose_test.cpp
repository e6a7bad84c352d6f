#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv_transpose.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "conv2d/conv2d_test.hpp"

namespace WEIR_UNIT {

using weir::kernels::ConvTransposeParams, weir::Shape, weir::Tensor;

namespace {

/// As the operator is defined: each pixel of x adds its window to y.
Tensor scattered(const ConvTransposeParams& p, const Tensor& x, const Tensor& weights, const Tensor* bias,
                 const Shape& out) {
  const Shape& s = x.shape();
  const std::int64_t in = p.in_channels / p.groups, m = p.out_channels / p.groups;
  Tensor y(out);
  if (bias)
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] = (*bias)[i / static_cast<std::size_t>(out[2] * out[3]) % static_cast<std::size_t>(out[1])];
  for (std::int64_t n = 0; n < s[0]; ++n)
    for (std::int64_t c = 0; c < s[1]; ++c)
      for (std::int64_t i = 0; i < s[2]; ++i)
        for (std::int64_t j = 0; j < s[3]; ++j)
          for (std::int64_t k = 0; k < m; ++k)
            for (std::int64_t r = 0; r < p.h.kernel; ++r)
              for (std::int64_t t = 0; t < p.w.kernel; ++t) {
                const std::int64_t row = i * p.h.stride + r * p.h.dilation - p.h.pad_begin;
                const std::int64_t column = j * p.w.stride + t * p.w.dilation - p.w.pad_begin;
                if (row < 0 || row >= out[2] || column < 0 || column >= out[3]) continue;
                const std::int64_t channel = c / in * m + k;
                y[static_cast<std::size_t>(((n * out[1] + channel) * out[2] + row) * out[3] + column)] +=
                    x[static_cast<std::size_t>(((n * s[1] + c) * s[2] + i) * s[3] + j)] *
                    weights[static_cast<std::size_t>(((c * m + k) * p.h.kernel + r) * p.w.kernel + t)];
              }
  return y;
}

}  // namespace

TEST_CASE("conv_transpose: every pixel's window is where it belongs, exactly, whatever is cut off or added") {
  conv2d_test::Random random(12);
  const std::vector<weir::Context> contexts = {weir::Context(), weir::Context({.threads = 3})};
  int added = 0;
  for (int round = 0; round < 600; ++round) {
    ConvTransposeParams p;
    p.groups = random.pick({1, 1, 2, 3});
    p.in_channels = p.groups * random.pick({1, 2, 5}), p.out_channels = p.groups * random.pick({1, 2, 3});
    for (auto* axis : {&p.h, &p.w})
      // Padding below zero adds rows that no window reaches.
      *axis = {random.pick({1, 2, 3, 5}), random.pick({1, 2, 3, 6}), random.pick({1, 1, 2, 3}),
               random.pick({0, 0, 1, 2, 4, -1, -5}), random.pick({0, 0, 1, 2, 3, -1, -3})};
    const Shape shape{random.pick({1, 2}), p.in_channels, random.pick({1, 2, 5}), random.pick({1, 3, 6})};
    const auto length = [](const weir::kernels::WindowAxis& a, std::int64_t n) {
      return (n - 1) * a.stride + a.extent() - a.pad_begin - a.pad_end;
    };
    const std::int64_t H = length(p.h, shape[2]), W = length(p.w, shape[3]);
    if (H < 1 || W < 1) continue;
    const Shape out{shape[0], p.out_channels, H, W};
    const Tensor x = random.whole(shape), bias = random.whole({p.out_channels}),
                 weights = random.whole({p.in_channels, p.out_channels / p.groups, p.h.kernel, p.w.kernel});
    const Tensor* const biases = round % 3 == 0 ? nullptr : &bias;
    const weir::Context& context = contexts[static_cast<std::size_t>(round) % 2];
    conv2d_test::Guarded y(static_cast<std::size_t>(out.numel())),
        workspace(weir::kernels::conv_transpose_workspace_floats(context, p, out));
    weir::kernels::conv_transpose(context, p, x, weights.data(), biases ? bias.data() : nullptr, {y.data(), out},
                                  workspace.data());
    INFO(shape, " by ", weights.shape(), " groups ", p.groups, " to ", out, " stride ", p.h.stride, ",", p.w.stride,
         " dilation ", p.h.dilation, ",", p.w.dilation, " pads ", p.h.pad_begin, ",", p.w.pad_begin);
    CHECK(y.intact());
    CHECK(workspace.intact());
    CHECK(conv2d_test::equal(Tensor({y.data(), out}), scattered(p, x, weights, biases, out)));
    added += p.h.pad_begin < 0;
  }
  CHECK(added > 20);
}

TEST_CASE("conv_transpose: threads share the rows of a large image, to the same bits") {
  conv2d_test::Random random(13);
  const ConvTransposeParams p{12, 10, 2, {4, 2, 1, 1, 1}, {5, 3, 1, 2, 0}};
  const Shape shape{2, 12, 40, 33}, out{2, 10, 80, 99};
  const Tensor x = random.noise(shape), weights = random.noise({12, 5, 4, 5});
  std::vector<Tensor> results;
  for (const int threads : {1, 2, 5}) {
    const weir::Context context({.threads = threads});
    Tensor y(out);
    conv2d_test::Guarded workspace(weir::kernels::conv_transpose_workspace_floats(context, p, out));
    weir::kernels::conv_transpose(context, p, x, weights.data(), nullptr, y.view(), workspace.data());
    CHECK(workspace.intact());
    const auto apart = static_cast<std::size_t>(weir::kernels::workspaces_apart(1));
    for (std::size_t piece = 0; piece < static_cast<std::size_t>(threads); ++piece)
      CHECK(workspace.data()[piece * apart] != conv2d_test::Guarded::guard);  // each piece in a place of its own
    results.push_back(std::move(y));
  }
  CHECK(conv2d_test::equal(results[0], results[1]));
  CHECK(conv2d_test::equal(results[0], results[2]));
  const Tensor expected = scattered(p, x, weights, nullptr, out);
  CHECK(kernels_test::relative_error(results[0], expected, 1) < 1e-5);
}

}  // namespace WEIR_UNIT
