// Operators of classifiers against plain references, and what holds for all of them: bits over batches and threads.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build_network.hpp>

namespace WEIR_UNIT {

using weir::Attribute, weir::Constant, weir::Shape, weir::Tensor;
using Ints = std::vector<std::int64_t>;

namespace {

Tensor random_tensor(const Shape& shape, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Tensor t(shape);
  for (float& v : t.span()) v = normal(random);
  return t;
}

/// A node with input "x" [n, ...] of free batch, constants behind it, and output "y".
struct OneNode {
  weir::GraphDef def;

  OneNode(const std::string& op, const Shape& x, int opset, std::map<std::string, Attribute> attributes = {}) {
    def.source = "test";
    def.opset = opset;
    std::vector<std::int64_t> dims(x.begin(), x.end());
    dims[0] = -1;
    def.inputs.push_back({"x", dims, std::vector<std::string>(dims.size())});
    def.nodes.push_back({op, op, {"x"}, {"y"}, std::move(attributes)});
    def.outputs = {"y"};
  }
  OneNode& with(Constant c) {
    const std::string name = "c" + std::to_string(def.nodes[0].inputs.size());
    def.constants[name] = std::move(c);
    def.nodes[0].inputs.push_back(name);
    return *this;
  }
  OneNode& with(const Tensor& t) {
    return with(Constant{t.shape(), std::vector<float>(t.span().begin(), t.span().end()), {}, false});
  }
  OneNode& with(const Ints& values) {
    return with(Constant{Shape{static_cast<std::int64_t>(values.size())}, {}, values, true});
  }
  OneNode& absent() {
    def.nodes[0].inputs.emplace_back();
    return *this;
  }
  weir::Network network() const { return weir::build_network(def); }
};

Tensor run(weir::Executor& executor, const Tensor& x) {
  executor.begin(weir::ConstView(x));
  (void)executor.finish();
  return Tensor(executor.output(0));
}

/// The result, after it was seen to have the same bits alone, in a batch and with three threads.
Tensor checked(const OneNode& node, const Tensor& x) {
  const weir::Network network = node.network();
  weir::Executor one{network}, three{network, {.threads = 3}};
  const Tensor y = run(one, x), threaded = run(three, x);
  CHECK(std::equal(y.span().begin(), y.span().end(), threaded.span().begin()));
  const std::int64_t n = x.shape()[0];
  for (std::int64_t i = 0; i < n; ++i) {
    const std::size_t in = x.size() / static_cast<std::size_t>(n), out = y.size() / static_cast<std::size_t>(n);
    const auto at = static_cast<std::size_t>(i);
    const Tensor alone = run(one, Tensor(x.shape().with(0, 1), x.span().subspan(at * in, in)));
    CHECK(std::equal(alone.span().begin(), alone.span().end(), y.span().begin() + i * static_cast<std::int64_t>(out)));
  }
  return y;
}

void check_near(const Tensor& y, const std::vector<double>& expected) {
  REQUIRE(y.size() == expected.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    CHECK(std::abs(static_cast<double>(y[i]) - expected[i]) <= 1e-4 * (1 + std::abs(expected[i])));
}

}  // namespace

TEST_CASE("normalisations: mean and variance of rows, groups and channels") {
  for (const std::int64_t length : {1, 3, 16, 37}) {
    const Shape shape{3, 4, length, 2};
    const Tensor x = random_tensor(shape, 1);
    for (const std::int64_t groups : {1, 2, 4}) {
      const Tensor scale = random_tensor({4}, 2), bias = random_tensor({4}, 3);
      OneNode node = groups == 4 ? OneNode("InstanceNormalization", shape, 13)
                                 : OneNode("GroupNormalization", shape, 21, {{"num_groups", groups}});
      const Tensor y = checked(node.with(scale).with(bias), x);
      const std::size_t plane = static_cast<std::size_t>(length * 2),
                        run_of = 4 / static_cast<std::size_t>(groups) * plane;
      std::vector<double> expected;
      for (std::size_t g = 0; g < x.size(); g += run_of) {
        double mean = 0, variance = 0;
        for (std::size_t i = 0; i < run_of; ++i) mean += static_cast<double>(x[g + i]) / static_cast<double>(run_of);
        for (std::size_t i = 0; i < run_of; ++i)
          variance += std::pow(static_cast<double>(x[g + i]) - mean, 2) / static_cast<double>(run_of);
        for (std::size_t i = 0; i < run_of; ++i) {
          const std::size_t c = (g + i) / plane % 4;
          expected.push_back((static_cast<double>(x[g + i]) - mean) / std::sqrt(variance + 1e-5) *
                                 static_cast<double>(scale[c]) +
                             static_cast<double>(bias[c]));
        }
      }
      check_near(y, expected);
    }
    const Tensor rows = random_tensor({5, 2, length}, 4), scale = random_tensor({length}, 5);
    const Tensor y = checked(OneNode("RMSNormalization", {5, 2, length}, 23).with(scale), rows);
    std::vector<double> expected;
    for (std::size_t r = 0; r < rows.size(); r += static_cast<std::size_t>(length)) {
      double square = 0;
      for (std::int64_t i = 0; i < length; ++i)
        square += std::pow(static_cast<double>(rows[r + static_cast<std::size_t>(i)]), 2) / static_cast<double>(length);
      for (std::size_t i = 0; i < static_cast<std::size_t>(length); ++i)
        expected.push_back(static_cast<double>(rows[r + i]) / std::sqrt(square + 1e-5) * static_cast<double>(scale[i]));
    }
    check_near(y, expected);
  }
}

TEST_CASE("Einsum: products, sums, diagonals and ellipses") {
  const Tensor x = random_tensor({3, 4, 5}, 1), w = random_tensor({5, 6}, 2);
  const Tensor y = checked(OneNode("Einsum", x.shape(), 13, {{"equation", std::string("bij,jk->bki")}}).with(w), x);
  REQUIRE(y.shape() == Shape{3, 6, 4});
  std::vector<double> expected(y.size());
  for (std::size_t b = 0; b < 3; ++b)
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t j = 0; j < 5; ++j)
        for (std::size_t k = 0; k < 6; ++k)
          expected[(b * 6 + k) * 4 + i] +=
              static_cast<double>(x[(b * 4 + i) * 5 + j]) * static_cast<double>(w[j * 6 + k]);
  check_near(y, expected);
  const Tensor same =
      checked(OneNode("Einsum", x.shape(), 13, {{"equation", std::string("...j,jk->...k")}}).with(w), x);
  for (std::size_t b = 0; b < 3; ++b)
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t k = 0; k < 6; ++k) CHECK(same[(b * 4 + i) * 6 + k] == doctest::Approx(y[(b * 6 + k) * 4 + i]));
  const Tensor square = random_tensor({2, 3, 3}, 3);
  const Tensor trace = checked(OneNode("Einsum", square.shape(), 13, {{"equation", std::string("bii->b")}}), square);
  for (std::size_t b = 0; b < 2; ++b)
    CHECK(trace[b] == doctest::Approx(square[b * 9] + square[b * 9 + 4] + square[b * 9 + 8]));
}

TEST_CASE("ConvTranspose: every pixel adds to a window") {
  const Shape shape{2, 4, 3, 5};
  const Tensor x = random_tensor(shape, 1), w = random_tensor({4, 3, 2, 3}, 2), bias = random_tensor({6}, 3);
  const Tensor y = checked(OneNode("ConvTranspose", shape, 11,
                                   {{"group", std::int64_t{2}},
                                    {"strides", Ints{2, 3}},
                                    {"dilations", Ints{1, 2}},
                                    {"pads", Ints{1, 0, 0, 2}},
                                    {"output_padding", Ints{1, 2}}})
                               .with(w)
                               .with(bias),
                           x);
  const std::int64_t H = 2 * 2 + 2 + 1 - 1, W = 3 * 4 + 5 + 2 - 2;
  REQUIRE(y.shape() == Shape{2, 6, H, W});
  std::vector<double> expected(y.size());
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t m = 0; m < 6; ++m) {
      for (std::int64_t i = 0; i < H * W; ++i)
        expected[static_cast<std::size_t>((n * 6 + m) * H * W + i)] =
            static_cast<double>(bias[static_cast<std::size_t>(m)]);
      for (std::int64_t c = m / 3 * 2; c < m / 3 * 2 + 2; ++c)
        for (std::int64_t i = 0; i < 3 * 5 * 6; ++i) {
          const std::int64_t r = i / 30, s = i / 6 % 5, p = i / 3 % 2, q = i % 3;
          const std::int64_t row = r * 2 + p - 1, column = s * 3 + q * 2;
          if (row < 0 || row >= H || column >= W) continue;
          expected[static_cast<std::size_t>(((n * 6 + m) * H + row) * W + column)] +=
              static_cast<double>(x[static_cast<std::size_t>(((n * 4 + c) * 3 + r) * 5 + s)]) *
              static_cast<double>(w[static_cast<std::size_t>(((c * 3 + m % 3) * 2 + p) * 3 + q)]);
        }
    }
  check_near(y, expected);
}

TEST_CASE("Resize: nearest and linear, by scales and sizes") {
  const Shape shape{2, 2, 3, 4};
  const Tensor x = random_tensor(shape, 1), scales(Shape{4}, std::vector<float>{1, 1, 2, 1.5F});
  const Tensor linear =
      checked(OneNode("Resize", shape, 13, {{"mode", std::string("linear")}}).absent().with(scales), x);
  const Tensor nearest = checked(
      OneNode("Resize", shape, 13,
              {{"coordinate_transformation_mode", std::string("asymmetric")}, {"nearest_mode", std::string("floor")}})
          .absent()
          .with(scales),
      x);
  REQUIRE(linear.shape() == Shape{2, 2, 6, 6});
  for (std::size_t i = 0; i < linear.size(); ++i) {
    const std::size_t plane = i / 36, r = i / 6 % 6, c = i % 6;
    const double u = std::clamp((static_cast<double>(r) + 0.5) / 2 - 0.5, 0.0, 2.0);
    const double v = std::clamp((static_cast<double>(c) + 0.5) / 1.5 - 0.5, 0.0, 3.0);
    double sum = 0;
    for (std::size_t p = 0; p < 3; ++p)
      for (std::size_t q = 0; q < 4; ++q)
        sum += static_cast<double>(x[plane * 12 + p * 4 + q]) *
               std::max(0.0, 1 - std::abs(u - static_cast<double>(p))) *
               std::max(0.0, 1 - std::abs(v - static_cast<double>(q)));
    CHECK(static_cast<double>(linear[i]) == doctest::Approx(sum).epsilon(1e-4));
    CHECK(nearest[i] == x[plane * 12 + r / 2 * 4 + static_cast<std::size_t>(static_cast<double>(c) / 1.5)]);
  }
}

TEST_CASE("integers and truth values are what they are in ONNX") {
  const Tensor x(Shape{2, 3}, std::vector<float>{-1.5F, 0.25F, 2.75F, 3, 3, -0.0F});
  const auto values = [](const Tensor& t) { return std::vector<float>(t.span().begin(), t.span().end()); };
  CHECK(values(checked(OneNode("Cast", x.shape(), 13, {{"to", std::int64_t{7}}}), x)) ==
        std::vector<float>{-1, 0, 2, 3, 3, 0});
  CHECK(values(checked(OneNode("Cast", x.shape(), 13, {{"to", std::int64_t{9}}}), x)) ==
        std::vector<float>{1, 1, 1, 1, 1, 0});
  CHECK(values(checked(OneNode("ArgMax", x.shape(), 13, {{"axis", std::int64_t{1}}}), x)) == std::vector<float>{2, 0});
  OneNode half("ArgMax", x.shape(), 13, {{"axis", std::int64_t{1}}});
  half.def.constants["two"] = Constant{Shape{}, {}, {2}, true};
  half.def.nodes.push_back({"half", "Div", {"y", "two"}, {"z"}, {}});
  half.def.outputs = {"z"};
  CHECK_THROWS_AS(half.network(), weir::FormatError);
  OneNode both("ArgMax", x.shape(), 13, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{1}}});
  both.def.nodes.push_back({"sum", "Add", {"x", "y"}, {"z"}, {}});
  both.def.outputs = {"z"};
  CHECK_THROWS_AS(both.network(), weir::FormatError);
}

TEST_CASE("TopK, reductions and rounding") {
  const Tensor x(Shape{2, 4}, std::vector<float>{1, 3, 3, 2, -1, 0.5F, 1.5F, 2.5F});
  const auto values = [](const Tensor& t) { return std::vector<float>(t.span().begin(), t.span().end()); };
  OneNode top("TopK", x.shape(), 11);
  top.with(Ints{2}).def.nodes[0].outputs = {"values", "y"};
  CHECK(values(checked(top, x)) == std::vector<float>{1, 2, 3, 2});
  CHECK(values(checked(OneNode("Round", x.shape(), 13), x)) == std::vector<float>{1, 3, 3, 2, -1, 0, 2, 2});
  const auto reduced = [&](const char* op) {
    return values(checked(OneNode(op, x.shape(), 13, {{"axes", Ints{1}}}), x));
  };
  CHECK(reduced("ReduceL1") == std::vector<float>{9, 5.5F});
  CHECK(reduced("ReduceSumSquare") == std::vector<float>{23, 9.75F});
  CHECK(reduced("ReduceProd") == std::vector<float>{18, -1.875F});
  CHECK(reduced("ReduceL2")[0] == doctest::Approx(std::sqrt(23.0)));
  CHECK(reduced("ReduceLogSumExp")[0] == doctest::Approx(std::log(std::exp(1.0) + 2 * std::exp(3.0) + std::exp(2.0))));
}

}  // namespace WEIR_UNIT
