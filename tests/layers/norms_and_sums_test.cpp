// CumSum, Range, LpNormalization and MeanVarianceNormalization against their definitions, and opsets that lack
// operators.
#include <limits>

#include "graphs.hpp"

namespace WEIR_UNIT {

namespace {

using graphs::checked_run, graphs::close, graphs::error_of, graphs::Graph;
using weir::Attribute, weir::Shape, weir::Tensor;
using Ints = std::vector<std::int64_t>;
using Attributes = std::map<std::string, Attribute>;

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

/// Calls f with the places of the elements of each line of a tensor along an axis.
template <class F>
void for_each_line(const Shape& shape, std::size_t axis, const F& f) {
  const std::int64_t length = shape[axis], inner = shape.product(axis + 1, shape.rank());
  for (std::int64_t o = 0; o < shape.product(0, axis); ++o)
    for (std::int64_t i = 0; i < inner; ++i) {
      std::vector<std::size_t> line;
      for (std::int64_t k = 0; k < length; ++k) line.push_back(static_cast<std::size_t>((o * length + k) * inner + i));
      f(line);
    }
}

Ints free_batch(const Shape& x) {
  Ints dims(x.begin(), x.end());
  dims[0] = -1;
  return dims;
}

const std::vector<Shape> shapes = {{3, 1}, {3, 7}, {3, 4, 5}, {3, 33, 2}, {3, 2, 3, 4}};

/// A node of one input, over one row.
std::vector<float> row(const char* op, std::vector<float> x, Attributes attributes, int opset = 13) {
  const auto n = static_cast<std::int64_t>(x.size());
  Graph g({1, n}, opset);
  g.node("y", op, {"x"}, std::move(attributes));
  const Tensor y = graphs::run(g.build(), Tensor({1, n}, x));
  return {y.span().begin(), y.span().end()};
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  const auto tensor = [](const auto& v) { return Tensor(Shape{static_cast<std::int64_t>(v.size())}, v); };
  return close(tensor(a), tensor(b));
}

/// Values of a Range of constants.
std::vector<float> range(float start, float limit, float delta) {
  Graph g({1, 1});
  g.constant("a", {}, {start}).constant("b", {}, {limit}).constant("c", {}, {delta});
  g.node("r", "Range", {"a", "b", "c"}).node("y", "Add", {"x", "r"});
  const Tensor y = graphs::run(g.build(), Tensor({1, 1}, std::vector<float>{0}));
  return {y.span().begin(), y.span().end()};
}

}  // namespace

TEST_CASE("CumSum: along every axis, exclusive and reverse") {
  for (const Shape& shape : shapes)
    for (std::size_t axis = 0; axis < shape.rank(); ++axis)
      for (const int form : {0, 1, 2, 3}) {
        const bool exclusive = form % 2 == 1, reverse = form >= 2;
        const Tensor x = graphs::noise(shape);
        const std::int64_t count_back = form % 3 == 0 ? 0 : static_cast<std::int64_t>(shape.rank());
        Graph g(free_batch(shape), 14);
        g.integers("a", {static_cast<std::int64_t>(axis) - count_back});
        g.node("y", "CumSum", {"x", "a"}, {{"exclusive", std::int64_t{exclusive}}, {"reverse", std::int64_t{reverse}}});
        Tensor expected(shape);
        for_each_line(shape, axis, [&](const std::vector<std::size_t>& line) {
          for (std::size_t i = 0; i < line.size(); ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < line.size(); ++j)
              if ((reverse ? j > i : j < i) || (!exclusive && i == j)) sum += static_cast<double>(x[line[j]]);
            expected[line[i]] = static_cast<float>(sum);
          }
        });
        // Along the batch, the sums of one example need the others.
        CHECK(close(axis == 0 ? graphs::run(g.build(), x) : checked_run(g, x), expected));
      }
}

TEST_CASE("CumSum of integers, at run time and while the network is built") {
  Graph g({-1, 4}, 13);
  g.integers("a", {1}).integers("ones", {1, 1, 1, 1}).integers("first", {0});
  g.node("i", "Cast", {"x"}, {{"to", std::int64_t{7}}}).node("s", "CumSum", {"i", "a"});
  g.node("c", "CumSum", {"ones", "first"})
      .node("t", "Add", {"s", "c"})
      .node("y", "Cast", {"t"}, {{"to", std::int64_t{1}}});
  CHECK(close(checked_run(g, Tensor({1, 4}, std::vector<float>{1, 2, 3, 4})),
              Tensor({1, 4}, std::vector<float>{2, 5, 9, 14})));
  // What was folded is an integer still: a shape.
  Graph shape({-1, 6}, 13);
  shape.integers("ones", {1, 1, 1}).integers("first", {0}).integers("last", {-1}).integers("two", {-1});
  shape.node("c", "CumSum", {"ones", "first"}).node("k", "Gather", {"c", "last"});
  shape.node("t", "Concat", {"two", "k"}, {{"axis", std::int64_t{0}}}).node("y", "Reshape", {"x", "t"});
  CHECK(graphs::run(shape.build(), graphs::noise({1, 6})).shape() == Shape{2, 3});
}

TEST_CASE("Integers that a float does not hold are refused, not rounded") {
  Graph g({-1, 1}, 13);
  g.integers("large", {16777217}).integers("first", {0}).node("c", "CumSum", {"large", "first"});
  g.node("f", "Cast", {"c"}, {{"to", std::int64_t{1}}}).node("y", "Add", {"x", "f"});
  CHECK(error_of([&] { g.build(); }).find("from 2^24 on") != std::string::npos);
}

TEST_CASE("Range of floats") {
  CHECK(same(range(1, 5, 2), {1, 3}));
  CHECK(same(range(1, 5.1F, 2), {1, 3, 5}));
  CHECK(same(range(3, 0, -1.5F), {3, 1.5F}));
  const std::vector<float> tenths = range(0.1F, 2.1F, 0.3F);
  REQUIRE(tenths.size() == 7);
  float each = 0.1F;  // each is the one before it plus delta, to the bit
  for (float v : tenths) {
    CHECK(v == each);
    each += 0.3F;
  }
  const auto error = [](float a, float b, float c) { return error_of([&] { range(a, b, c); }); };
  CHECK(error(0, 1, 0).find("delta may not be 0") != std::string::npos);
  CHECK(error(0, 1, nan).find("nan values") != std::string::npos);
  CHECK(error(0, 1e9F, 1).find("1000000000.000000 values") != std::string::npos);
  CHECK(error(0, infinity, 1).find("inf values") != std::string::npos);
  Graph mixed({1, 1});
  mixed.constant("a", {}, {0}).integers("b", {3}).constant("c", {}, {1}).node("y", "Range", {"a", "b", "c"});
  CHECK(error_of([&] { mixed.build(); }).find("inputs 0 and 1 hold elements of two types") != std::string::npos);
  // Its limits may be computed of constants.
  Graph folded({1, 1});
  folded.constant("a", {}, {0}).constant("b", {}, {3}).constant("c", {}, {0.5F}).node("d", "Mul", {"b", "c"});
  folded.node("r", "Range", {"a", "d", "c"}).node("y", "Add", {"x", "r"});
  CHECK(graphs::run(folded.build(), Tensor({1, 1}, std::vector<float>{0})).shape() == Shape{1, 3});
}

TEST_CASE("LpNormalization: sums of values and of squares, along every axis") {
  for (const Shape& shape : shapes)
    for (std::size_t axis = 0; axis < shape.rank(); ++axis)
      for (const std::int64_t p : {1, 2}) {
        const Tensor x = graphs::noise(shape);
        Graph g(free_batch(shape));
        g.node("y", "LpNormalization", {"x"},
               {{"p", p}, {"axis", static_cast<std::int64_t>(axis) - static_cast<std::int64_t>(shape.rank())}});
        Tensor expected(shape);
        for_each_line(shape, axis, [&](const std::vector<std::size_t>& line) {
          double sum = 0;
          for (std::size_t i : line) sum += std::pow(std::abs(static_cast<double>(x[i])), static_cast<double>(p));
          for (std::size_t i : line)
            expected[i] =
                sum == 0 ? 0 : static_cast<float>(static_cast<double>(x[i]) / (p == 1 ? sum : std::sqrt(sum)));
        });
        CHECK(close(axis == 0 ? graphs::run(g.build(), x) : checked_run(g, x), expected));
      }
  // Norms of 0, above and below what a float holds, and of what is no number: as ONNX Runtime.
  const Attributes one{{"p", std::int64_t{1}}};
  CHECK(same(row("LpNormalization", {3, 4}, {}), {0.6F, 0.8F}));
  CHECK(same(row("LpNormalization", {0, 0}, one), {0, 0}));
  CHECK(same(row("LpNormalization", {0, 0}, {}), {0, 0}));
  CHECK(same(row("LpNormalization", {1e30F, 1e30F}, {}), {0, 0}));
  CHECK(same(row("LpNormalization", {1e30F, 1e30F}, one), {0.5F, 0.5F}));
  CHECK(same(row("LpNormalization", {1e-30F, 1e-30F}, {}), {0, 0}));
  CHECK(same(row("LpNormalization", {infinity, 1}, {}), {nan, 0}));
  CHECK(same(row("LpNormalization", {nan, 0}, {}), {nan, nan}));
  CHECK(error_of([] {
          row("LpNormalization", {1}, {{"p", std::int64_t{3}}});
        }).find("p may not be 3") != std::string::npos);
  CHECK(error_of([] {
          row("LpNormalization", {1}, {{"axis", std::int64_t{2}}});
        }).find("axis 2 is outside") != std::string::npos);
}

TEST_CASE("MeanVarianceNormalization: over any axes") {
  for (const Shape& shape : {Shape{3, 4, 5}, Shape{3, 2, 3, 4}, Shape{3, 17, 2, 2}})
    for (const Ints& axes : {Ints{1}, Ints{-1}, Ints{1, 2}, Ints{-1, 1}, Ints{0, 2}, Ints{0}, Ints{}}) {
      if (axes.empty() && shape.rank() != 4) continue;  // the default is that of images
      const Tensor x = graphs::noise(shape);
      Graph g(free_batch(shape));
      g.node("y", "MeanVarianceNormalization", {"x"}, axes.empty() ? Attributes{} : Attributes{{"axes", axes}});
      std::array<bool, Shape::max_rank> reduced{};
      for (const std::int64_t a : axes.empty() ? Ints{0, 2, 3} : axes)
        reduced[static_cast<std::size_t>(a < 0 ? a + static_cast<std::int64_t>(shape.rank()) : a)] = true;
      // The group of an element: its place along the other axes.
      std::map<std::int64_t, std::vector<std::size_t>> groups;
      for (std::int64_t i = 0; i < shape.numel(); ++i) {
        std::int64_t rest = i, name = 0;
        for (std::size_t d = shape.rank(); d-- > 0; rest /= shape[d])
          name = name * 64 + (reduced[d] ? 0 : rest % shape[d]);
        groups[name].push_back(static_cast<std::size_t>(i));
      }
      Tensor expected(shape);
      for (const auto& [name, group] : groups) {
        double mean = 0, variance = 0;
        for (std::size_t i : group) mean += static_cast<double>(x[i]) / static_cast<double>(group.size());
        for (std::size_t i : group)
          variance += std::pow(static_cast<double>(x[i]) - mean, 2) / static_cast<double>(group.size());
        for (std::size_t i : group)
          expected[i] = static_cast<float>((static_cast<double>(x[i]) - mean) / std::sqrt(variance));
      }
      const Tensor y = reduced[0] ? graphs::run(g.build(), x) : checked_run(g, x);
      for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - expected[i]) < 1e-4F);
    }
  // Values that are all the same: as ONNX Runtime.
  const Attributes last{{"axes", Ints{1}}};
  CHECK(same(row("MeanVarianceNormalization", {5, 5, 5, 5}, last), {nan, nan, nan, nan}));
  CHECK(same(row("MeanVarianceNormalization", {1, 3}, last, 9), {-1, 1}));
  const auto error = [](const Attributes& a) { return error_of([&] { row("MeanVarianceNormalization", {1, 2}, a); }); };
  CHECK(error({{"axes", Ints{}}}).find("axes names none") != std::string::npos);
  CHECK(error({}).find("axis 2 is outside of rank 2") != std::string::npos);
  CHECK(error({{"across_channels", std::int64_t{1}}}).find("no attribute 'across_channels'") != std::string::npos);
}

TEST_CASE("Layer, group and instance normalisation of a plane of one value give the bias, however large the value") {
  for (const float value : {0.1F, 1.0F / 3, 10000.333F, 64722.3F, 999999.9F, 1e8F})
    for (const std::int64_t length : {5, 100, 768})
      for (const std::string& isa : graphs::isas())
        for (const std::string op : {"LayerNormalization", "GroupNormalization", "InstanceNormalization"}) {
          CAPTURE(op);
          CAPTURE(value);
          CAPTURE(length);
          const bool rows = op == "LayerNormalization";
          Graph g({-1, 2, length}, 21);
          const std::int64_t parameters = rows ? length : 2;
          g.noise("s", {parameters});
          g.constant("b", {parameters}, std::vector<float>(static_cast<std::size_t>(parameters), -0.5F));
          Attributes attributes{{"epsilon", 0.01F}};
          if (op == "GroupNormalization") attributes["num_groups"] = std::int64_t{2};
          g.node("y", op, {"x", "s", "b"}, attributes);
          const Tensor x({1, 2, length}, std::vector<float>(static_cast<std::size_t>(2 * length), value));
          const Tensor y = graphs::run(g.build(), x, {.isa = isa});
          for (const float v : y.span()) REQUIRE(std::abs(v + 0.5F) <= value * 1e-7F);
        }
}

TEST_CASE("Layer normalisation of deviations that are small beside the mean") {
  for (const float offset : {0.0F, 10.0F, 1000.0F, 10000.0F}) {
    Graph g({-1, 768}, 17);
    g.constant("s", {768}, std::vector<float>(768, 1.0F)).node("y", "LayerNormalization", {"x", "s"});
    Tensor x = graphs::noise({1, 768});
    double mean = 0, square = 0;
    for (float& v : x.span()) mean += (v += offset);
    mean /= 768;
    for (const float v : x.span()) square += (v - mean) * (v - mean);
    const Tensor y = graphs::run(g.build(), x);
    for (std::size_t i = 0; i < 768; ++i)
      REQUIRE(std::abs(y[i] - (x[i] - mean) / std::sqrt(square / 768 + 1e-5)) < 3e-6);
  }
}

TEST_CASE("ThresholdedRelu, Shrink and Hardmax of NaN, as ONNX defines them and ONNX Runtime answers") {
  CHECK(row("ThresholdedRelu", {nan, infinity, -infinity, 0.5F, 2}, {}) == std::vector<float>{0, infinity, 0, 0, 2});
  CHECK(row("Shrink", {nan, infinity, -infinity, 0.5F, 2}, {{"bias", 0.5F}}) ==
        std::vector<float>{0, infinity, -infinity, 0, 1.5F});
  CHECK(row("Hardmax", {nan, 1, 2}, {}) == std::vector<float>{0, 0, 0});
  CHECK(row("Hardmax", {1, nan, 2}, {}) == std::vector<float>{0, 0, 1});
}

TEST_CASE("BatchNormalization with parameters that the network computes") {
  const Shape shape{3, 5, 2, 3};
  const Tensor x = graphs::noise(shape);
  Graph g(free_batch(shape), 15);
  g.noise("gamma", {5}).noise("beta", {5});
  g.node("mean", "ReduceMean", {"x"}, {{"axes", Ints{0, 2, 3}}, {"keepdims", std::int64_t{0}}});
  g.node("square", "Mul", {"x", "x"});
  g.node("variance", "ReduceMean", {"square"}, {{"axes", Ints{0, 2, 3}}, {"keepdims", std::int64_t{0}}});
  g.node("y", "BatchNormalization", {"x", "gamma", "beta", "mean", "variance"}, {{"epsilon", 0.25F}});
  Tensor expected(shape);
  for (std::size_t c = 0; c < 5; ++c) {
    double mean = 0, square = 0;
    std::vector<std::size_t> channel;
    for (std::size_t n = 0; n < 3; ++n)
      for (std::size_t i = 0; i < 6; ++i) channel.push_back((n * 5 + c) * 6 + i);
    for (std::size_t i : channel)
      mean += static_cast<double>(x[i]) / 18, square += std::pow(static_cast<double>(x[i]), 2) / 18;
    const double gamma = static_cast<double>(g.def.constants["gamma"].floats[c]),
                 beta = static_cast<double>(g.def.constants["beta"].floats[c]);
    for (std::size_t i : channel)
      expected[i] = static_cast<float>((static_cast<double>(x[i]) - mean) / std::sqrt(square + 0.25) * gamma + beta);
  }
  CHECK(close(graphs::run(g.build(), x), expected));
  g.def.nodes.back().inputs[3] = "square";
  CHECK(error_of([&] { g.build(); }).find("do not fit the channels of") != std::string::npos);
}

TEST_CASE("Split of opset 18: the last part may be shorter, of shapes too") {
  for (const int opset : {17, 18}) {
    Graph g({-1, 5}, opset);
    g.integers("s", {1, 5, 1, 1, 1});
    g.def.nodes.push_back({"p", "Split", {"s"}, {"front", "back"}, {}});
    if (opset >= 18) g.def.nodes.back().attributes["num_outputs"] = std::int64_t{2};
    g.integers("any", {-1}).node("t", "Concat", {"any", "back"}, {{"axis", std::int64_t{0}}});
    g.node("y", "Reshape", {"x", "t"});
    if (opset >= 18)
      CHECK(graphs::run(g.build(), graphs::noise({2, 5})).shape() == Shape{10, 1, 1});
    else
      CHECK(error_of([&] { g.build(); }).find("cannot split [5]") != std::string::npos);
  }
}

TEST_CASE("What came with a later opset is refused by name: axes of Pad, sums of truth values") {
  for (const int opset : {13, 19}) {  // ONNX Runtime wraps in every opset
    Graph pad({1, 3}, opset);
    pad.integers("p", {0, 1, 0, 1}).node("y", "Pad", {"x", "p"}, {{"mode", std::string("wrap")}});
    const Tensor wrapped = graphs::run(pad.build(), Tensor({1, 3}, std::vector<float>{1, 2, 3}));
    CHECK(close(wrapped, Tensor({1, 5}, std::vector<float>{3, 1, 2, 3, 1})));
  }
  Graph axes({1, 3}, 13);
  axes.integers("p", {1, 1}).integers("a", {1}).node("y", "Pad", {"x", "p", "", "a"});
  CHECK(error_of([&] { axes.build(); }).find("has 4 inputs") != std::string::npos);
  axes.def.opset = 18;
  CHECK(graphs::run(axes.build(), graphs::noise({1, 3})).shape() == Shape{1, 5});
  Graph sum({1, 3}, 13);
  sum.integers("a", {1}).node("t", "Greater", {"x", "x"}).node("y", "ReduceSum", {"t", "a"});
  CHECK(error_of([&] { sum.build(); }).find("input 0 holds bool") != std::string::npos);
}

TEST_CASE("An operator is refused in opsets that do not have it") {
  struct Case {
    const char* op;
    int opset;
    std::string error;
  };
  for (const Case& c : {Case{"CumSum", 10, "came with opset 11"}, Case{"MeanVarianceNormalization", 8, "opset 9"},
                        Case{"Trilu", 13, "came with opset 14"}, Case{"Gelu", 19, "came with opset 20"},
                        Case{"Upsample", 10, "went with opset 10"}, Case{"Swish", 23, "came with opset 24"}}) {
    Graph g({1, 2, 2}, c.opset);
    g.constant("s", {3}, {1, 1, 1}).node("y", c.op, {"x"});
    if (c.op == std::string("Upsample")) g.def.nodes[0].inputs.emplace_back("s");
    const std::string error = error_of([&] { g.build(); });
    INFO(error);
    CHECK(error.find(c.error) != std::string::npos);
  }
}

}  // namespace WEIR_UNIT
