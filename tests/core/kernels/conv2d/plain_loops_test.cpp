#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>
#include <weir/core/kernels/conv2d/plain_loops.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/rows.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "conv2d_test.hpp"

namespace WEIR_UNIT {

using conv2d_test::Problem, conv2d_test::Random;
using weir::RowRange, weir::RowsView, weir::Shape, weir::Tensor;

namespace {

/// t [1, C, H, W] with `lanes` channels of a pixel side by side, rows in a ring that holds all of them but begins
/// anywhere, planes with some floats between them.
struct Rows {
  std::int64_t lanes, planes;
  std::vector<float> memory;
  RowsView view;

  Rows(const Shape& s, std::int64_t pixel_floats, float fill)
      : lanes(pixel_floats), planes((s[1] + lanes - 1) / lanes) {
    const std::int64_t row = s[3] * lanes, plane = s[2] * row + 3;
    memory.assign(static_cast<std::size_t>(planes * plane), fill);
    view = {memory.data(), s[2], row, plane};
  }
  float& at(std::int64_t c, std::int64_t i, std::int64_t j) { return view.row(c / lanes, i)[j * lanes + c % lanes]; }
};

Rows spread(const Tensor& t, std::int64_t lanes) {
  Rows rows(t.shape(), lanes, NAN);
  const Shape& s = t.shape();
  for (std::int64_t c = 0; c < s[1]; ++c)
    for (std::int64_t i = 0; i < s[2]; ++i)
      for (std::int64_t j = 0; j < s[3]; ++j) rows.at(c, i, j) = t[static_cast<std::size_t>((c * s[2] + i) * s[3] + j)];
  return rows;
}

}  // namespace

TEST_CASE("plain loops: the channels, rows and columns that are asked for are right, and no others are written") {
  Random random(3);
  for (int round = 0; round < 120; ++round) {
    Problem problem(random);
    const weir::kernels::Conv2dParams& p = problem.p;
    const Shape out = p.output_shape(problem.x);
    const Tensor x = random.whole(problem.x), weights = random.whole(problem.weights.shape()),
                 bias = random.whole(problem.bias.shape()), residual = random.whole(out);
    const weir::kernels::Clamp clamp{-90, 200};
    const bool adds = round % 2 == 0;
    const Tensor wanted = conv2d_test::expected(p, x, weights, adds ? &residual : nullptr, bias, clamp);
    const std::int64_t in_lanes = random.pick({1, 4, 8}), out_lanes = random.pick({1, 4, 8});
    const auto range = [&](std::int64_t n) {
      const auto first = static_cast<std::int64_t>(random()) % n;
      return RowRange{first, first + 1 + static_cast<std::int64_t>(random()) % (n - first)};
    };
    const RowRange channels = range(out[1]), rows = range(out[2]), columns = range(out[3]);
    Rows in = spread(x, in_lanes), also = spread(residual, out_lanes);
    constexpr float untouched = 0.5F;
    Rows y(out, out_lanes, untouched);
    weir::kernels::PlainLoops{p, weights.data(), bias.data(), x.shape()[2], x.shape()[3], in_lanes, out_lanes}.run(
        {in.view, adds ? also.view : RowsView{}, y.view, rows, clamp}, channels, columns);
    const auto among = [](RowRange r, std::int64_t i) { return r.first <= i && i < r.last; };
    bool right = true;
    for (std::int64_t m = 0; m < out[1]; ++m)
      for (std::int64_t i = 0; i < out[2]; ++i)
        for (std::int64_t j = 0; j < out[3]; ++j) {
          float& v = y.at(m, i, j);
          const bool asked = among(channels, m) && among(rows, i) && among(columns, j);
          right = right && v == (asked ? wanted[static_cast<std::size_t>((m * out[2] + i) * out[3] + j)] : untouched);
          v = untouched;
        }
    INFO(problem.text());
    CHECK(right);
    CHECK(std::ranges::all_of(y.memory, [](float v) { return v == untouched; }));  // nor between the planes
  }
}

TEST_CASE("plain loops: an infinite weight over the padding, or a channel of another group, makes no NaN") {
  weir::kernels::Conv2dParams p{.in_channels = 2, .out_channels = 2, .groups = 2, .kernel_h = 3, .kernel_w = 3};
  p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = 1;
  Tensor x({1, 2, 2, 2}), weights({2, 1, 3, 3});
  std::fill_n(x.data(), 8, 1.0F);
  std::fill_n(weights.data(), 18, 1.0F);
  weights[0] = INFINITY;  // seen by the last pixel alone
  for (std::size_t i = 4; i < 8; ++i) x[i] = NAN;
  const float bias[2] = {10, 0};
  Rows in = spread(x, 4), y({1, 2, 2, 2}, 4, 0.5F);
  weir::kernels::PlainLoops{p, weights.data(), bias, 2, 2, 4, 4}.run({in.view, {}, y.view, {0, 2}, {}}, {0, 2}, {0, 2});
  CHECK(y.at(0, 0, 0) == 14);
  CHECK(y.at(0, 0, 1) == 14);
  CHECK(y.at(0, 1, 0) == 14);
  CHECK(y.at(0, 1, 1) == INFINITY);
  CHECK(std::isnan(y.at(1, 0, 0)));
}

}  // namespace WEIR_UNIT
