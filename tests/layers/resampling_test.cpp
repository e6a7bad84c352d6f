// Resize, Upsample, ConvTranspose and LpPool against their definitions, written the slow way.
#include <limits>
#include <weir/core/execution_order.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "graphs.hpp"

namespace WEIR_UNIT {

namespace {

using graphs::checked_run, graphs::error_of, graphs::Graph;
using weir::Attribute, weir::Shape, weir::Tensor;
using Ints = std::vector<std::int64_t>;
using Attributes = std::map<std::string, Attribute>;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

Graph& scales(Graph& g, std::vector<float> values) {
  return g.constant("s", {static_cast<std::int64_t>(values.size())}, std::move(values));
}

/// What a Resize of opset 19 makes of one row.
std::vector<float> row(std::vector<float> x, float scale, Attributes attributes, std::int64_t size = 0) {
  const auto n = static_cast<std::int64_t>(x.size());
  Graph g({-1, n}, 19);
  scales(g, {1, scale}).integers("z", {1, size});
  if (size > 0)
    g.node("y", "Resize", {"x", "", "", "z"}, std::move(attributes));
  else
    g.node("y", "Resize", {"x", "", "s"}, std::move(attributes));
  const Tensor y = graphs::run(g.build(), Tensor({1, n}, x));
  return {y.span().begin(), y.span().end()};
}

bool near(const std::vector<float>& a, const std::vector<float>& b) {
  const auto n = [](const auto& v) { return Shape{static_cast<std::int64_t>(v.size())}; };
  return graphs::close(Tensor(n(a), a), Tensor(n(b), b));
}

}  // namespace

TEST_CASE("Resize: nearest") {
  const std::vector<float> x = {1, 2, 3, 4};
  const auto mode = [](const char* coordinates, const char* nearest) {
    return Attributes{{"coordinate_transformation_mode", coordinates}, {"nearest_mode", nearest}};
  };
  CHECK(row(x, 2, {}) == std::vector<float>{1, 1, 2, 2, 3, 3, 4, 4});
  CHECK(row(x, 0.5F, {}) == std::vector<float>{1, 3});  // 0.5 and 2.5 are rounded down
  CHECK(row(x, 0.5F, mode("half_pixel", "round_prefer_ceil")) == std::vector<float>{2, 4});
  CHECK(row(x, 0.5F, mode("asymmetric", "floor")) == std::vector<float>{1, 3});
  CHECK(row(x, 2, mode("asymmetric", "ceil")) == std::vector<float>{1, 2, 2, 3, 3, 4, 4, 4});
  CHECK(row(x, 1, mode("align_corners", "floor"), 7) == std::vector<float>{1, 1, 2, 2, 3, 3, 4});
  CHECK(row(x, 1, mode("pytorch_half_pixel", "floor"), 1) == std::vector<float>{1});
}

TEST_CASE("Resize: linear and cubic") {
  const std::vector<float> x = {1, 2, 4, 8};
  const Attributes linear{{"mode", "linear"}}, cubic{{"mode", "cubic"}};
  CHECK(near(row(x, 2, linear), {1, 1.25F, 1.75F, 2.5F, 3.5F, 5, 7, 8}));
  CHECK(near(row(x, 0.5F, linear), {1.5F, 6}));
  const Attributes smooth{{"mode", "linear"}, {"antialias", std::int64_t{1}}};
  CHECK(near(row(x, 0.5F, smooth), {0.125F * (1 + 3 * 1 + 3 * 2 + 4), 0.125F * (2 + 3 * 4 + 3 * 8 + 8)}));
  // Keys, "Cubic convolution interpolation for digital image processing", 1981: a = -0.75 at distances 0.25, 0.75 ...
  const float near_1 = (1.25F * 0.25F - 2.25F) * 0.0625F + 1, near_2 = (1.25F * 0.75F - 2.25F) * 0.5625F + 1;
  const auto far = [](float d) { return ((-0.75F * d + 3.75F) * d - 6) * d + 3; };
  const std::vector<float> y = row(x, 2, cubic);
  CHECK(near({y[3]}, {far(1.25F) * 1 + near_1 * 2 + near_2 * 4 + far(1.75F) * 8}));
  CHECK(near({y[0]}, {far(1.75F) * 1 + near_2 * 1 + near_1 * 1 + far(1.25F) * 2}));
  Attributes inside = cubic;
  inside["exclude_outside"] = std::int64_t{1};
  CHECK(near({row(x, 2, inside)[0]}, {(near_1 * 1 + far(1.25F) * 2) / (near_1 + far(1.25F))}));
}

TEST_CASE("Resize: sums of several axes do not depend on batch or threads, and NaN stays in its place") {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    CAPTURE(mode);
    Graph g({-1, 3, 9, 7}, 13);
    scales(g, {1, 1, 1.7F, 0.6F}).node("y", "Resize", {"x", "", "s"}, {{"mode", mode}});
    Tensor x = graphs::noise({3, 3, 9, 7});
    const Tensor y = checked_run(g, x);
    CHECK(y.shape() == Shape{3, 3, 15, 4});
    x[0] = nan;
    const Tensor z = graphs::run(g.build(), x);
    CHECK(std::isnan(z[0]));
    CHECK(z[z.size() - 1] == y[y.size() - 1]);
  }
}

TEST_CASE("Resize: sizes that a file computes from its batch") {
  const Tensor x = graphs::noise({3, 2, 4, 5});
  Graph given({-1, 2, 4, 5}, 13);
  scales(given, {1, 1, 2, 2}).node("y", "Resize", {"x", "", "s"});
  const Tensor right = graphs::run(given.build(), x);
  Graph free({-1, 2, 4, 5}, 13);
  free.integers("from", {0}).integers("to", {2}).integers("image", {8, 10});
  free.node("shape", "Shape", {"x"}).node("front", "Slice", {"shape", "from", "to"});
  free.node("sizes", "Concat", {"front", "image"}, {{"axis", std::int64_t{0}}});
  free.node("y", "Resize", {"x", "", "", "sizes"});
  CHECK(graphs::close(checked_run(free, x), right));
  Graph fixed({1, 2, 4, 5}, 18);  // a file of one image runs at any batch size
  fixed.integers("sizes", {1, 2, 8, 10}).node("y", "Resize", {"x", "", "", "sizes"});
  CHECK(graphs::close(graphs::run(fixed.build(), x), right));
  Graph axes({1, 2, 4, 5}, 18);
  axes.integers("sizes", {10, 8}).node("y", "Resize", {"x", "", "", "sizes"}, {{"axes", Ints{-1, 2}}});
  CHECK(graphs::close(graphs::run(axes.build(), x), right));
  Graph wrong({-1, 2, 4, 5}, 13);
  wrong.integers("sizes", {-1, 2, 8, 10}).node("y", "Resize", {"x", "", "", "sizes"});
  CHECK(error_of([&] { (void)wrong.build(); }).find("a size may not be -1") != std::string::npos);
}

TEST_CASE("Resize: what is refused says why") {
  const auto error = [](int opset, std::vector<float> s, Attributes attributes) {
    Graph g({-1, 2, 4, 5}, opset);
    scales(g, std::move(s)).node("y", "Resize", {"x", "", "s"}, std::move(attributes));
    return error_of([&] { (void)g.build(); });
  };
  const auto says = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  CHECK(error(13, {1, 1, 2, 2}, {}).empty());
  CHECK(says(error(13, {1, 1, 2}, {}), "do not fit"));
  CHECK(says(error(13, {1, 1, 2, -2}, {}), "a scale may not be -2"));
  CHECK(says(error(13, {1, 1, 2, 0.1F}, {}), "cannot be resized"));
  CHECK(says(error(13, {1, 1, 2, 1e30F}, {}), "cannot be resized"));
  CHECK(says(error(13, {1, 1, 2, nan}, {}), "a scale may not be nan"));
  CHECK(says(error(13, {1, 1, 2, 1.5F}, {{"coordinate_transformation_mode", "align_corners"}}), "no whole number"));
  CHECK(says(error(13, {1, 1, 2, 2}, {{"mode", "area"}}), "mode may not be 'area'"));
  CHECK(says(error(13, {1, 1, 2, 2}, {{"antialias", std::int64_t{1}}}), "no attribute 'antialias' in this opset"));
  CHECK(says(error(13, {1, 1, 2, 2}, {{"coordinate_transformation_mode", "half_pixel_symmetric"}}), "opset 19"));
}

TEST_CASE("ConvTranspose: every pixel scattered by the window") {
  struct Case {
    Shape x, weights;
    Ints strides, pads, dilations, more;
    std::int64_t groups;
  };
  for (const Case& c : {Case{{3, 4, 5, 7}, {4, 3, 3, 3}, {1, 1}, {0, 0, 0, 0}, {1, 1}, {0, 0}, 1},
                        Case{{3, 4, 5, 7}, {4, 3, 3, 2}, {2, 3}, {1, 0, 2, 1}, {1, 1}, {1, 2}, 1},
                        Case{{2, 6, 5, 7}, {6, 2, 3, 3}, {2, 1}, {1, 2, 0, 1}, {2, 3}, {0, 0}, 3},
                        Case{{2, 6, 3, 4}, {6, 1, 2, 5}, {3, 4}, {0, 3, 1, 0}, {1, 2}, {2, 3}, 6},
                        Case{{2, 3, 1, 1}, {3, 2, 3, 3}, {4, 5}, {0, 0, 0, 0}, {1, 1}, {3, 4}, 1}}) {
    CAPTURE(c.x);
    CAPTURE(c.weights);
    const std::int64_t outs = c.weights[1] * c.groups, ins = c.x[1] / c.groups;
    Graph g({-1, c.x[1], c.x[2], c.x[3]});
    g.noise("w", c.weights).noise("b", {outs});
    g.node("y", "ConvTranspose", {"x", "w", "b"},
           {{"strides", c.strides},
            {"pads", c.pads},
            {"dilations", c.dilations},
            {"output_padding", c.more},
            {"group", c.groups}});
    const Tensor x = graphs::noise(c.x);
    const Tensor y = checked_run(g, x);
    const auto length = [&](std::size_t i) {
      return c.strides[i] * (c.x[2 + i] - 1) + c.more[i] + (c.weights[2 + i] - 1) * c.dilations[i] + 1 - c.pads[i] -
             c.pads[2 + i];
    };
    Tensor right({c.x[0], outs, length(0), length(1)});
    REQUIRE(y.shape() == right.shape());
    const auto& b = g.def.constants.at("b").floats;
    const auto& w = g.def.constants.at("w").floats;
    const auto at = [](const Shape& s, std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) {
      return static_cast<std::size_t>(((i * s[1] + j) * s[2] + k) * s[3] + l);
    };
    for (std::size_t i = 0; i < right.size(); ++i)
      right[i] = b[i / static_cast<std::size_t>(length(0) * length(1)) % static_cast<std::size_t>(outs)];
    for (std::int64_t n = 0; n < c.x[0]; ++n)
      for (std::int64_t ch = 0; ch < c.x[1]; ++ch)
        for (std::int64_t i = 0; i < c.x[2]; ++i)
          for (std::int64_t j = 0; j < c.x[3]; ++j)
            for (std::int64_t m = 0; m < c.weights[1]; ++m)
              for (std::int64_t ky = 0; ky < c.weights[2]; ++ky)
                for (std::int64_t kx = 0; kx < c.weights[3]; ++kx) {
                  const std::int64_t oy = i * c.strides[0] + ky * c.dilations[0] - c.pads[0];
                  const std::int64_t ox = j * c.strides[1] + kx * c.dilations[1] - c.pads[1];
                  if (oy < 0 || oy >= length(0) || ox < 0 || ox >= length(1)) continue;
                  right[at(right.shape(), n, ch / ins * c.weights[1] + m, oy, ox)] +=
                      x[at(c.x, n, ch, i, j)] * w[at(c.weights, ch, m, ky, kx)];
                }
    CHECK(graphs::close(y, right));
  }
}

TEST_CASE("ConvTranspose: output_shape and auto_pad move the paddings") {
  const auto y = [](Attributes attributes) {
    Graph g({-1, 1, 3}, 13);
    g.constant("w", {1, 1, 2}, {1, 10});
    g.node("y", "ConvTranspose", {"x", "w"}, std::move(attributes));
    const Tensor t = graphs::run(g.build(), Tensor({1, 1, 3}, std::vector<float>{1, 2, 3}));
    return std::vector<float>(t.span().begin(), t.span().end());
  };
  CHECK(y({}) == std::vector<float>{1, 12, 23, 30});
  CHECK(y({{"output_shape", Ints{3}}}) == std::vector<float>{12, 23, 30});
  CHECK(y({{"output_shape", Ints{3}}, {"auto_pad", "SAME_UPPER"}}) == std::vector<float>{1, 12, 23});
  CHECK(y({{"auto_pad", "SAME_LOWER"}}) == std::vector<float>{12, 23, 30});
  CHECK(y({{"strides", Ints{3}}, {"auto_pad", "SAME_UPPER"}}) == std::vector<float>{1, 10, 0, 2, 20, 0, 3, 30});
  CHECK(y({{"strides", Ints{2}}, {"auto_pad", "SAME_UPPER"}}) == std::vector<float>{1, 10, 2, 20, 3, 30});
  CHECK(y({{"strides", Ints{3}}, {"output_shape", Ints{10}}}) == std::vector<float>{1, 10, 0, 2, 20, 0, 3, 30, 0, 0});
  CHECK(error_of([&] { (void)y({{"output_shape", Ints{9}}}); }).find("output_shape") != std::string::npos);
  CHECK(error_of([&] { (void)y({{"pads", Ints{2, 2}}}); }).find("cut off") != std::string::npos);
}

TEST_CASE("LpPool: norms of windows, and of whole images") {
  for (const std::int64_t p : {1, 2, 3}) {
    CAPTURE(p);
    Graph g({-1, 2, 7, 9}, 18);
    g.node("y", "LpPool", {"x"},
           {{"kernel_shape", Ints{3, 2}},
            {"strides", Ints{2, 3}},
            {"dilations", Ints{1, 2}},
            {"pads", Ints{1, 1, 1, 0}},
            {"p", p}});
    Tensor x = graphs::noise({3, 2, 7, 9});
    const Tensor y = checked_run(g, x);
    REQUIRE(y.shape() == Shape{3, 2, 4, 3});
    Tensor right(y.shape());
    for (std::int64_t i = 0; i < y.shape().numel(); ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < 6; ++k) {
        const std::int64_t h = i / 3 % 4 * 2 - 1 + k / 2, w = i % 3 * 3 - 1 + k % 2 * 2;
        if (h >= 0 && h < 7 && w >= 0 && w < 9)
          sum += std::pow(std::abs(static_cast<double>(x.data()[i / 12 * 63 + h * 9 + w])), static_cast<double>(p));
      }
      right.data()[i] = static_cast<float>(std::pow(sum, 1 / static_cast<double>(p)));
    }
    CHECK(graphs::close(y, right));
    Graph whole({-1, 2, 7, 9}, 13);
    whole.node("y", "GlobalLpPool", {"x"}, {{"p", p}});
    const Tensor z = checked_run(whole, x);
    REQUIRE(z.shape() == Shape{3, 2, 1, 1});
    double sum = 0;
    for (std::size_t i = 0; i < 63; ++i) sum += std::pow(std::abs(static_cast<double>(x[i])), static_cast<double>(p));
    CHECK(z[0] == doctest::Approx(std::pow(sum, 1 / static_cast<double>(p))));
    x[1] = nan;  // the first window begins in the padding
    CHECK(std::isnan(graphs::run(g.build(), x)[0]));
    CHECK(std::isnan(graphs::run(whole.build(), x)[0]));
  }
}

}  // namespace WEIR_UNIT
