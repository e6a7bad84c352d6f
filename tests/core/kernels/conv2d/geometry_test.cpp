#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/geometry.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/rows.hpp>

namespace WEIR_UNIT {

namespace {

struct Case {
  weir::kernels::Conv2dParams params;
  std::int64_t H, W;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::int64_t kernel : {1, 2, 3, 7})
    for (const std::int64_t stride : {1, 2, 3, 4})
      for (const std::int64_t dilation : {1, 2})
        for (const std::int64_t pad : {0, 1, 3})
          for (const std::int64_t H : {5, 14}) {
            weir::kernels::Conv2dParams p;
            p.in_channels = 5;
            p.out_channels = 4;
            p.kernel_h = kernel, p.kernel_w = std::max<std::int64_t>(1, kernel - 1);
            p.stride_h = stride, p.stride_w = std::max<std::int64_t>(1, stride - 1);
            p.dilation_h = p.dilation_w = dilation;
            p.pad_top = p.pad_left = pad, p.pad_bottom = p.pad_right = pad / 2;
            if (H + pad + pad / 2 >= p.extent_h() && H + 2 + pad + pad / 2 >= p.extent_w())
              all.push_back({p, H, H + 2});
          }
  return all;
}

}  // namespace

TEST_CASE("geometry: every output pixel finds its inputs at the same offsets, zeros where the padding is") {
  int staged = 0, dense_cases = 0;
  for (const Case& c : cases())
    for (const weir::Layout layout : {weir::Layout::plain, weir::Layout::blocked})
      for (const bool dense : {false, true}) {
        const weir::kernels::Geometry g(c.params, {1, 5, c.H, c.W}, layout, weir::Isa::portable, dense);
        std::vector<float> x(static_cast<std::size_t>(g.planes * c.H * c.W * g.pixel_floats));
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i + 1);
        std::vector<float> image = x;
        if (g.staged) {
          image.assign(static_cast<std::size_t>(g.staged_floats()), -1);
          for (std::int64_t p = 0; p < g.planes; ++p)
            g.stage(x.data() + p * c.H * c.W * g.pixel_floats, image.data() + p * g.plane_floats);
          ++staged;
          dense_cases += dense;
        }
        bool right = true;
        for (std::int64_t p = 0; p < g.planes; ++p)
          for (std::int64_t i = 0; i < g.OH; ++i)
            for (std::int64_t j = 0; j < g.OW; ++j)
              for (std::int64_t r = 0; r < c.params.kernel_h; ++r)
                for (std::int64_t s = 0; s < c.params.kernel_w; ++s)
                  for (std::int64_t u = 0; u < g.pixel_floats; ++u) {
                    const std::int64_t row = i * c.params.stride_h + r * c.params.dilation_h - c.params.pad_top;
                    const std::int64_t column = j * c.params.stride_w + s * c.params.dilation_w - c.params.pad_left;
                    const bool inside = row >= 0 && row < c.H && column >= 0 && column < c.W;
                    const float wanted =
                        inside ? x[static_cast<std::size_t>(((p * c.H + row) * c.W + column) * g.pixel_floats + u)] : 0;
                    const std::int64_t at = p * (g.staged ? g.plane_floats : c.H * c.W * g.pixel_floats) +
                                            g.first_of(i, j) + g.tap_of(r, s) + u;
                    right = right && image[static_cast<std::size_t>(at)] == wanted;
                  }
        CHECK(right);
      }
  CHECK(staged > 100);
  CHECK(dense_cases > 100);
}

TEST_CASE("geometry: rows staged by several threads are the rows staged at once") {
  for (const Case& c : cases())
    for (const weir::Layout layout : {weir::Layout::plain, weir::Layout::blocked})
      for (const bool dense : {false, true}) {
        const weir::kernels::Geometry g(c.params, {1, 5, c.H, c.W}, layout, weir::Isa::portable, dense);
        if (!g.staged) continue;
        std::vector<float> x(static_cast<std::size_t>(c.H * c.W * g.pixel_floats));
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i + 1);
        std::vector<float> whole(static_cast<std::size_t>(g.plane_floats), -1), parts(whole.size(), -2);
        g.stage(x.data(), whole.data());
        const std::int64_t rows = g.staged_rows();
        for (std::int64_t piece = 2; piece >= 0; --piece)
          g.stage(x.data(), parts.data(), rows * piece / 3, rows * (piece + 1) / 3);
        CHECK(whole == parts);
        CHECK(std::ranges::count(whole, -1.0F) == 0);
      }
}

TEST_CASE("geometry: rows of the padded image alone, from the whole image or from a ring of its rows") {
  int rings = 0;
  for (const Case& c : cases()) {
    const weir::kernels::Geometry g(c.params, {1, 5, c.H, c.W}, weir::Layout::blocked, weir::Isa::portable);
    if (!g.staged || !g.in_rows()) continue;
    std::vector<float> x(static_cast<std::size_t>(c.H * c.W * g.pixel_floats));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i + 1);
    std::vector<float> whole(static_cast<std::size_t>(g.plane_floats), -1);
    g.stage(x.data(), whole.data());
    const std::int64_t rows = g.staged_rows(), row = c.W * g.pixel_floats;
    for (const weir::RowRange range : {weir::RowRange{0, rows}, {1, rows}, {rows / 2, rows / 2 + 1}}) {
      if (range.empty()) continue;
      const std::int64_t first = range.first, last = range.last;
      const auto begin = whole.begin() + first * g.row_floats(), end = whole.begin() + last * g.row_floats();
      std::vector<float> some(static_cast<std::size_t>((last - first) * g.row_floats() + 1), -3);
      g.stage_rows(x.data(), some.data(), first, last);
      CHECK(std::equal(begin, end, some.begin()));
      CHECK(some.back() == -3);
      // Of a ring that holds what these rows see and one row more.
      const std::int64_t held = last - first + 1, pad = c.params.pad_top;
      std::vector<float> ring(static_cast<std::size_t>(held * row), -4), staged(whole.size(), -5);
      const weir::RowsView view{ring.data(), held, row, 0};
      for (std::int64_t i = std::max<std::int64_t>(0, first - pad); i < std::min(c.H, last - pad); ++i)
        std::copy_n(x.begin() + i * row, row, view.row(0, i));
      g.stage(view, 0, staged.data(), first, last);
      CHECK(std::equal(begin, end, staged.begin() + first * g.row_floats()));
      rings += first > pad;
    }
  }
  CHECK(rings > 10);
}

TEST_CASE("geometry: what it says of its rows and steps is so") {
  int lines = 0, kept = 0;
  for (const Case& c : cases())
    for (const weir::Layout layout : {weir::Layout::plain, weir::Layout::blocked})
      for (const bool dense : {false, true}) {
        const weir::kernels::Geometry g(c.params, {1, 5, c.H, c.W}, layout, weir::Isa::portable, dense);
        CHECK(g.first_of(0, 1) == g.step() * g.pixel_floats);
        CHECK(g.step() <= (layout == weir::Layout::plain ? 1 : 2));  // the steps that have a kernel
        CHECK(g.is_line() == (g.first_of(1, 0) - g.first_of(0, g.OW - 1) == g.step() * g.pixel_floats));
        CHECK(g.staged_floats() == (g.staged ? g.planes * g.plane_floats : 0));
        if (!g.staged) CHECK(g.plane_floats == c.H * c.W * g.pixel_floats);
        if (dense) CHECK(g.is_line());
        lines += g.is_line();
        if (!g.staged && c.params.kernel_h > 1) CHECK_FALSE(g.keeps_rows());
        if (!g.keeps_rows()) continue;
        ++kept;
        CHECK(g.first_of(1, 0) == c.params.stride_h * g.row_floats());
        if (g.staged)
          for (std::int64_t r = 0; r < c.params.kernel_h; ++r)
            CHECK(g.tap_of(r, 0) == r * c.params.dilation_h * g.row_floats());
      }
  CHECK(lines > 100);
  CHECK(kept > 50);
}

TEST_CASE("geometry: an image that 32-bit offsets do not reach is refused") {
  weir::kernels::Conv2dParams p{.in_channels = 8, .out_channels = 8, .pad_top = 1};
  const std::int64_t side = 1 << 14;
  CHECK_NOTHROW(weir::kernels::Geometry(p, {1, 8, side - 2, side}, weir::Layout::plain, weir::Isa::portable));
  CHECK_THROWS_AS(weir::kernels::Geometry(p, {1, 8, side, side}, weir::Layout::plain, weir::Isa::portable),
                  weir::ShapeError);
}

TEST_CASE("geometry: every stride-th float, on every instruction set") {
  for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    for (std::int64_t stride = 1; stride < 5; ++stride)
      for (std::int64_t n = 0; n < 70; ++n) {
        std::vector<float> from(static_cast<std::size_t>(std::max<std::int64_t>(0, (n - 1) * stride + 1)));
        for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i);
        std::vector<float> to(static_cast<std::size_t>(n + 1), -1);
        weir::simd::simd_call<weir::kernels::TakeEvery>(isa, from.data(), stride, to.data(), n);
        bool right = to.back() == -1;
        for (std::int64_t j = 0; j < n; ++j)
          right = right && to[static_cast<std::size_t>(j)] == static_cast<float>(j * stride);
        CHECK(right);
      }
  }
}

}  // namespace WEIR_UNIT
