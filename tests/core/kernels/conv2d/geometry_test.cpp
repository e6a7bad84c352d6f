#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/geometry.hpp>
#include <weir/core/layout.hpp>

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

}  // namespace WEIR_UNIT
