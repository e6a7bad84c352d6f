// Values at the ends of what a float holds, and windows that see nothing: answered as ONNX Runtime does.
#include <cmath>
#include <limits>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "graphs.hpp"

namespace WEIR_UNIT {

namespace {

using graphs::Graph;
using weir::Shape;
using weir::Tensor;
using Ints = std::vector<std::int64_t>;
constexpr float most = std::numeric_limits<float>::max(), infinity = std::numeric_limits<float>::infinity(),
                nan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("a transformed convolution that overflows on its way answers as the direct one") {
  for (const std::int64_t kernel : {3, 5, 7})
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t channels : {3, 16, 32})
        for (const bool joined : {false, true}) {
          CAPTURE(kernel);
          CAPTURE(stride);
          CAPTURE(channels);
          const std::int64_t p = kernel / 2;
          Graph g({-1, channels, 24, 22});
          g.noise("w", {16, channels, kernel, kernel});
          std::vector<float> weights(g.def.constants["w"].floats.begin(), g.def.constants["w"].floats.end());
          for (float& w : weights) w *= 1e-3F;
          g.constant("w", {16, channels, kernel, kernel}, weights);
          g.node("c", "Conv", {"x", "w"}, {{"strides", Ints{stride, stride}}, {"pads", Ints{p, p, p, p}}});
          g.node("a", "Conv", {"x", "w"}, {{"strides", Ints{stride, stride}}, {"pads", Ints{p, p, p, p}}});
          g.node("d", joined ? "Add" : "Identity",
                 joined ? std::vector<std::string>{"c", "a"} : std::vector<std::string>{"c"});
          g.node("y", "Relu", {"d"});
          Tensor x = graphs::noise({2, channels, 24, 22});
          for (std::size_t i = 0; i < x.size() / 2; ++i) x[i] *= most;  // the second image stays as it is
          const weir::Network network = g.build();
          for (const std::string& isa : graphs::isas()) {
            const Tensor y = graphs::run(network, x, {.isa = isa});
            const Tensor direct = graphs::run(network, x, {.isa = isa, .winograd = false});
            // Sums of such values lose digits where they cancel: errors are those of the largest.
            float largest = 0;
            for (std::size_t i = 0; i < y.size() / 2; ++i) largest = std::max(largest, direct[i]);
            REQUIRE(std::isfinite(largest));
            for (std::size_t i = 0; i < y.size(); ++i)
              REQUIRE(std::abs(y[i] - direct[i]) <= (i < y.size() / 2 ? 1e-5F * largest : 1e-5F));
          }
        }
}

TEST_CASE("what is not finite in one group of a convolution stays in it") {
  for (const std::int64_t inputs : {1, 2, 4, 8, 16})
    for (const std::int64_t results : {1, 2, 4, 8, 12, 16, 32})
      for (const std::int64_t kernel : {1, 3})
        for (const float odd : {nan, infinity}) {
          constexpr std::int64_t groups = 8;
          CAPTURE(inputs);
          CAPTURE(results);
          CAPTURE(kernel);
          Graph g({-1, groups * inputs, 5, 6});
          g.noise("w", {groups * results, inputs, kernel, kernel});
          g.node("y", "Conv", {"x", "w"}, {{"group", groups}});
          const weir::Network network = g.build();
          for (const std::int64_t group : {0, 3, 7}) {
            Tensor x = graphs::noise({2, groups * inputs, 5, 6});
            const Tensor without = x;
            const std::int64_t channel = group * inputs + inputs / 2;
            for (std::int64_t i = 0; i < 30; ++i) x[static_cast<std::size_t>(channel * 30 + i)] = odd;
            for (const std::string& isa : graphs::isas()) {
              const Tensor y = graphs::run(network, x, {.isa = isa}),
                           expected = graphs::run(network, without, {.isa = isa});
              const std::size_t plane = y.size() / static_cast<std::size_t>(2 * groups * results);
              for (std::size_t i = 0; i < y.size(); ++i) {
                const bool reached = static_cast<std::int64_t>(i / plane) / results == group;  // of the first image
                REQUIRE(std::isfinite(y[i]) != reached);
                if (!reached) REQUIRE(std::abs(y[i] - expected[i]) <= 1e-5F * (1 + std::abs(expected[i])));
              }
            }
          }
        }
}

TEST_CASE("what follows a convolution or product is computed into weights only where these stay numbers") {
  struct Follower {
    std::string op;
    std::vector<float> values;
  };
  // y = -inf, inf or NaN by the sign of each result; or huge factors whose product with a small result is finite.
  const std::vector<Follower> followers{{"Mul", {infinity}},
                                        {"Mul", {-infinity, 1.0F}},
                                        {"Div", {0.0F}},
                                        {"Mul", {1e37F}},
                                        {"Add", {infinity}},
                                        {"Sub", {-infinity, 0.5F}},
                                        {"BatchNormalization", {infinity}},
                                        {"BatchNormalization", {1e37F, 2.0F}}};
  for (const std::string op : {"Conv", "MatMul"})
    for (const Follower& f : followers) {
      if (op == "MatMul" && f.op == "BatchNormalization") continue;
      CAPTURE(op);
      CAPTURE(f.op);
      CAPTURE(f.values[0]);
      const bool conv = op == "Conv";
      Graph g(conv ? std::vector<std::int64_t>{-1, 3, 4, 5} : std::vector<std::int64_t>{-1, 3});
      g.noise("w", conv ? Shape{2, 3, 1, 1} : Shape{3, 2});
      std::vector<float> weights(g.def.constants["w"].floats.begin(), g.def.constants["w"].floats.end());
      for (float& w : weights) w *= 60;  // times 1e37 too large, and the input makes the result small again
      g.constant("w", g.def.constants["w"].shape, weights);
      std::vector<float> values(2, f.values[0]);
      if (f.values.size() > 1) values[1] = f.values[1];
      g.constant("f", f.op != "BatchNormalization" && conv ? Shape{1, 2, 1, 1} : Shape{2}, values);
      g.constant("zero", {2}, {0.0F, 0.0F}).constant("one", {2}, {1.0F, 1.0F}).constant("mean", {2}, {-1.0F, -1.0F});
      g.node("c", op, {"x", "w"});
      if (f.op == "BatchNormalization")
        g.node("y", f.op, {"c", "f", "zero", "mean", "one"}, {{"epsilon", 0.0F}});
      else
        g.node("y", f.op, {"c", "f"});
      Tensor x = conv ? graphs::noise({2, 3, 4, 5}) : graphs::noise({2, 3});
      for (float& v : x.span()) v *= 0.01F;
      Graph alone = g;
      alone.def.nodes.pop_back();
      alone.def.outputs = {"c"};
      const weir::Network network = g.build(), before = alone.build();
      for (const std::string& isa : graphs::isas()) {
        const Tensor y = graphs::run(network, x, {.isa = isa}), c = graphs::run(before, x, {.isa = isa});
        const std::size_t plane = conv ? 20 : 1;
        for (std::size_t i = 0; i < y.size(); ++i) {
          const float v = values[i / plane % 2];
          const float expected = f.op == "Div"   ? c[i] / v
                                 : f.op == "Add" ? c[i] + v
                                 : f.op == "Sub" ? c[i] - v
                                 : f.op == "Mul" ? c[i] * v
                                                 : c[i] * v + v;
          if (std::isfinite(expected))
            REQUIRE(std::abs(y[i] - expected) <= 1e-5F * std::abs(expected));
          else
            REQUIRE((std::isnan(expected) ? std::isnan(y[i]) : y[i] == expected));
        }
      }
    }
}

TEST_CASE("Clip: a bound that is not given is the largest finite number; min above max makes all max") {
  const Tensor x({1, 4}, std::vector<float>{-infinity, infinity, nan, 1});
  const auto clipped = [&](const std::string& low, const std::string& high) {
    Graph g({-1, 4});
    g.constant("two", {}, {2.0F}).constant("minus", {}, {-1.0F});
    return graphs::run(g.node("y", "Clip", {"x", low, high}).build(), x);
  };
  CHECK(graphs::close(clipped("", "two"), Tensor({1, 4}, std::vector<float>{-most, 2, nan, 1})));
  CHECK(graphs::close(clipped("minus", ""), Tensor({1, 4}, std::vector<float>{-1, most, nan, 1})));
  CHECK(graphs::close(clipped("two", "minus"), Tensor({1, 4}, std::vector<float>{-1, -1, nan, -1})));
  Graph old({-1, 4}, 10);
  CHECK(graphs::close(graphs::run(old.node("y", "Clip", {"x"}).build(), x),
                      Tensor({1, 4}, std::vector<float>{-most, most, nan, 1})));
}

TEST_CASE("Gemm: with beta 0, C is not looked at") {
  for (const Shape& shape : {Shape{2}, Shape{1, 2}, Shape{1}, Shape{2, 2}}) {
    Graph g({2, 3});
    g.noise("w", {3, 2}).constant("c", shape, std::vector<float>(static_cast<std::size_t>(shape.numel()), nan));
    g.node("y", "Gemm", {"x", "w", "c"}, {{"beta", 0.0F}});
    const Tensor y = graphs::run(g.build(), graphs::noise({2, 3}));
    for (const float v : y.span()) CHECK(std::isfinite(v));
  }
}

TEST_CASE("poolings: windows that see nothing; padding as long as the kernel") {
  for (const std::int64_t channels : {3, 17})
    for (const bool blocked : {false, true}) {
      Graph g({-1, channels, 4, 5});
      g.constant("w", {channels, 1, 1, 1}, std::vector<float>(static_cast<std::size_t>(channels), 1.0F));
      g.node("c", blocked ? "Conv" : "Identity", {"x"});
      if (blocked) g.def.nodes[0].inputs = {"x", "w"}, g.def.nodes[0].attributes["group"] = channels;
      g.node("y", "MaxPool", {"c"});
      // One window: rows -1 and 4, columns -1 and 5, all of them padding.
      g.def.nodes[1].attributes = {{"kernel_shape", Ints{2, 2}}, {"dilations", Ints{5, 6}}, {"pads", Ints{1, 1, 1, 1}}};
      for (const std::string& isa : graphs::isas()) {
        const Tensor y = graphs::run(g.build(), graphs::noise({1, channels, 4, 5}), {.isa = isa});
        CHECK(y.shape() == Shape{1, channels, 1, 1});
        for (const float v : y.span()) CHECK(v == -most);
      }
      g.def.nodes[1].attributes = {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}};
      Tensor x({1, channels, 4, 5});
      for (float& v : x.span()) v = -infinity;
      x[0] = 5;
      for (const std::string& isa : graphs::isas()) {
        const Tensor y = graphs::run(g.build(), x, {.isa = isa});
        for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == (i < 7 && i % 5 < 2 ? 5 : -infinity));
      }
    }
  const auto error = [](const std::string& op, const std::map<std::string, weir::Attribute>& attributes) {
    Graph g({-1, 3, 9, 9}, 19);
    g.noise("w", {3, 3, 2, 2});
    const bool conv = op == "Conv";
    g.node("y", op, conv ? std::vector<std::string>{"x", "w"} : std::vector<std::string>{"x"}, attributes);
    return graphs::error_of([&] { (void)g.build(); });
  };
  const std::string same = "SAME_UPPER";
  for (const std::string op : {"MaxPool", "AveragePool", "LpPool"}) {
    CHECK(error(op, {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}}).empty());
    CHECK(error(op, {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{0, 0, 0, 2}}}).find("below kernel_shape") !=
          std::string::npos);
  }
  for (const std::string op : {"MaxPool", "AveragePool", "Conv"}) {
    CHECK(error(op, {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{0, 0, 0, 0}}, {"auto_pad", same}}).empty());
    CHECK(error(op, {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{0, 0, 0, 1}}, {"auto_pad", same}})
              .find("exclude each other") != std::string::npos);
  }
}

}  // namespace WEIR_UNIT
