// Rows of an image alone: as the whole image, to the last bit.
#include <algorithm>
#include <random>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d.hpp>
#include <weir/core/kernels/pool/blocked.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/rows.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "kernels_test.hpp"

namespace WEIR_UNIT {

using namespace kernels_test;
using weir::kernels::Conv2dParams, weir::RowRange, weir::RowsView, weir::Shape, weir::Tensor;

namespace {

/// A whole image as it lies.
RowsView whole(float* data, const Shape& s, std::int64_t pixel_floats) {
  return {data, s[2], s[3] * pixel_floats, s[2] * s[3] * pixel_floats};
}

/// Some rows of an image in a ring of their own, at planes farther apart than they need be.
struct Part {
  std::vector<float> floats;
  RowsView view;

  Part(const RowsView& from, std::int64_t planes, RowRange rows, std::int64_t spare, bool copied) {
    const std::int64_t ring = rows.size() + spare, plane = (ring + 1) * from.row_floats;
    floats.assign(static_cast<std::size_t>(planes * plane), 77.0F);
    view = {floats.data(), ring, from.row_floats, plane};
    for (std::int64_t p = 0; copied && p < planes; ++p)
      for (std::int64_t r = rows.first; r < rows.last; ++r)
        std::copy_n(from.row(p, r), from.row_floats, view.row(p, r));
  }
};

/// Checks rows of y, and that no other was written.
void compare(const RowsView& whole, const Part& part, std::int64_t planes, RowRange rows) {
  const auto untouched = [&](const float* row) {
    return std::all_of(row, row + whole.row_floats, [](float v) { return v == 77; });
  };
  for (std::int64_t p = 0; p < planes; ++p) {
    for (std::int64_t r = rows.first; r < rows.last; ++r)
      CHECK(std::equal(part.view.row(p, r), part.view.row(p, r) + whole.row_floats, whole.row(p, r),
                       [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }));
    for (std::int64_t r = rows.last; r < rows.first + part.view.rows; ++r) CHECK(untouched(part.view.row(p, r)));
    CHECK(untouched(part.view.row(p, 0) + part.view.rows * whole.row_floats));
  }
}

std::int64_t planes_of(const Shape& s, std::int64_t L) { return (s[1] + L - 1) / L; }

}  // namespace

TEST_CASE("convolution: some rows are those of the whole image, to the last bit") {
  std::mt19937 random(5);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<std::int64_t>(low, high)(random); };
  int direct = 0, depthwise = 0, winograd = 0;
  for (int i = 0; i < 160; ++i)
    for (const weir::Context& context : contexts()) {
      const weir::Context alone = context.single_threaded();
      const std::int64_t L = weir::lanes(context.isa());
      Conv2dParams p{.in_channels = pick(1, 40), .out_channels = pick(1, 70)};
      if (i % 3 == 0) p.groups = p.out_channels = p.in_channels;
      p.kernel_h = pick(1, 3) * 2 - 1, p.kernel_w = i % 4 == 0 ? 1 : p.kernel_h;
      if (i % 5 == 0) p.kernel_h = p.kernel_w = 1;
      p.stride_h = pick(1, 2), p.stride_w = p.stride_h;
      if (p.kernel_w < p.stride_w) p.stride_h = p.stride_w = 1;
      p.dilation_h = pick(1, 2);
      p.pad_top = pick(0, static_cast<int>(p.kernel_h) - 1), p.pad_bottom = pick(0, static_cast<int>(p.kernel_h) - 1);
      p.pad_left = p.pad_right = pick(0, static_cast<int>(p.kernel_w) - 1);
      Shape x{1, p.in_channels, pick(10, 30), pick(8, 30)};
      if (i % 8 == 2) {  // a first layer
        p = {.in_channels = pick(1, 3), .out_channels = pick(8, 70), .kernel_h = 7, .kernel_w = 7};
        p.stride_h = p.stride_w = 2;
        p.pad_top = pick(0, 3), p.pad_left = pick(0, 3), p.pad_bottom = p.pad_right = 3;
        x = Shape{1, p.in_channels, pick(30, 60), pick(100, 200)};
      }
      const bool odd = i / 8 % 2 == 1;  // x holds numbers that are not finite
      if (odd && p.groups == 1) p.out_channels = (p.out_channels + 15) / 16 * 16;  // compare() looks at whole blocks
      const Shape y = p.output_shape(x);
      const bool plain = p.in_channels < L && i % 2 == 0 && p.groups == 1;
      const weir::Layout layout = plain ? weir::Layout::plain : weir::Layout::blocked;
      const Tensor weights = numbers({p.out_channels, p.in_channels / p.groups, p.kernel_h, p.kernel_w}, 2),
                   bias = numbers({p.out_channels}, 3);
      const weir::kernels::PackedConv2d conv(p, weights.span(), bias.span(), context, x, layout);
      const auto window = conv.row_window();
      if (!window) continue;
      (conv.algorithm() == "direct" ? direct : conv.algorithm() == "winograd4x4" ? winograd : depthwise) += 1;
      const auto floats = [&](const Shape& s, weir::Layout l) { return weir::floats_of(s, l, context.isa()); };
      Tensor from = numbers({floats(x, layout)}), residual = numbers({floats(y, weir::Layout::blocked)}, 7);
      for (int k = 0; odd && k < 3; ++k)
        from[static_cast<std::size_t>(pick(0, static_cast<int>(from.size()) - 1))] = k == 0 ? NAN : INFINITY;
      std::vector<float> to(residual.size()), workspace(conv.workspace_floats(alone, x) + 1);
      const bool adds = i % 2 == 1;
      const weir::kernels::Clamp clamp{-30.0F, 50.0F};
      conv.run(alone, {from.data(), x}, adds ? residual.data() : nullptr, {to.data(), y}, clamp, workspace.data());
      const std::int64_t x_planes = plain ? x[1] : planes_of(x, L), y_planes = planes_of(y, L);
      const RowsView x_all = whole(from.data(), x, plain ? 1 : L), y_all = whole(to.data(), y, L);
      for (int part = 0; part < 4; ++part) {
        const std::int64_t first = pick(0, static_cast<int>(y[2]) - 1);
        const RowRange rows{first, pick(static_cast<int>(first) + 1, static_cast<int>(y[2]))};
        const Part image(x_all, x_planes, window->of(rows, x[2]), part, true), out(y_all, y_planes, rows, i % 3, false);
        const Part also(whole(residual.data(), y, L), y_planes, rows, i % 2, true);
        INFO(i << ", " << weir::to_string(context.isa()) << ", " << conv.algorithm() << ", rows " << rows.first
               << " to " << rows.last << " of " << y[2]);
        std::fill(workspace.begin(), workspace.end(), -55.0F);
        conv.run_rows({image.view, adds ? also.view : RowsView{}, out.view, rows, clamp}, workspace.data());
        compare(y_all, out, y_planes, rows);
      }
    }
  const auto each = static_cast<int>(contexts().size());  // CPUs have different numbers of instruction sets
  CHECK(direct > 16 * each);
  CHECK(depthwise > 16 * each);
  CHECK(winograd > 3 * each);
}

TEST_CASE("pooling: some rows are those of the whole image, to the last bit") {
  std::mt19937 random(6);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<std::int64_t>(low, high)(random); };
  for (int i = 0; i < 60; ++i)
    for (const weir::Context& context : contexts()) {
      const std::int64_t L = weir::lanes(context.isa());
      weir::kernels::PoolParams p;
      p.h = {pick(1, 4), pick(1, 3), pick(1, 2), 0, 0};
      p.w = {pick(1, 4), pick(1, 3), 1, 0, 0};
      p.h.pad_begin = p.h.pad_end = pick(0, static_cast<int>(p.h.kernel) - 1);
      p.ceil_mode = i % 2 == 0, p.count_include_pad = i % 3 == 0;
      const Shape x{1, pick(1, 40), pick(9, 20), pick(5, 20)}, y = p.output_shape(x);
      const auto floats = [&](const Shape& s) { return weir::floats_of(s, weir::Layout::blocked, context.isa()); };
      Tensor from = numbers({floats(x)});
      const weir::RowWindow window{p.h.stride, p.h.extent(), p.h.pad_begin};
      for (const bool average : {false, true}) {
        std::vector<float> to(static_cast<std::size_t>(floats(y)));
        (average ? weir::kernels::blocked_pool_average : weir::kernels::blocked_pool_max)(context, p, {from.data(), x},
                                                                                          {to.data(), y});
        const RowsView x_all = whole(from.data(), x, L), y_all = whole(to.data(), y, L);
        const std::int64_t first = pick(0, static_cast<int>(y[2]) - 1);
        const RowRange rows{first, pick(static_cast<int>(first) + 1, static_cast<int>(y[2]))};
        const Part image(x_all, planes_of(x, L), window.of(rows, x[2]), i % 3, true),
            out(y_all, planes_of(y, L), rows, i % 2, false);
        INFO(i << ", " << weir::to_string(context.isa()) << (average ? ", average" : ", max"));
        (average ? weir::kernels::blocked_pool_average_rows : weir::kernels::blocked_pool_max_rows)(
            context.isa(), p, x, image.view, out.view, rows);
        compare(y_all, out, planes_of(y, L), rows);
      }
    }
}

}  // namespace WEIR_UNIT
