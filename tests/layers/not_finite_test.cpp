// NaN, infinity and zeros with a sign: where they come from, whom they reach.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <weir/core/executor.hpp>
#include <weir/core/network.hpp>
#include <weir/core/tensor.hpp>

#include "graphs.hpp"

namespace WEIR_UNIT {

namespace {

using graphs::Graph;
using weir::Tensor;
using Ints = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("nan_depends_on_fusion: NaN and infinity reach what sees them, and nothing else") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const std::int64_t kernel : {1, 3, 5, 7})
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t channels : {3, 17, 32})
        for (const std::int64_t groups : {std::int64_t{1}, channels}) {
          Graph g({-1, channels, 13, 12});
          g.noise("w", {groups == 1 ? 19 : channels, channels / groups, kernel, kernel});
          const std::int64_t p = kernel / 2;
          g.node("c", "Conv", {"x", "w"},
                 {{"group", groups}, {"strides", Ints{stride, stride}}, {"pads", Ints{p, p, p, p}}});
          g.node("y", "Relu", {"c"});
          Tensor x = graphs::noise({3, channels, 13, 12});
          const weir::Network network = g.build();
          const Tensor clean = graphs::run(network, x);
          const std::size_t image = static_cast<std::size_t>(channels) * 13 * 12;
          x[image + 5 * 12 + 4] = nan;  // image 1, channel 0, row 5, column 4
          x[image + 9 * 12 + 11] = infinity;
          const Tensor y = graphs::run(network, x), hooked = graphs::tapped(network, x, "c");
          const Tensor shared = graphs::run(network, x, {.threads = 3});
          const auto OH = y.shape()[2], OW = y.shape()[3], M = y.shape()[1];
          for (std::int64_t n = 0; n < 3; ++n)
            for (std::int64_t m = 0; m < M; ++m)
              for (std::int64_t i = 0; i < OH; ++i)
                for (std::int64_t j = 0; j < OW; ++j) {
                  const auto at = static_cast<std::size_t>(((n * M + m) * OH + i) * OW + j);
                  const auto sees = [&](std::int64_t r, std::int64_t s) {
                    return n == 1 && (groups == 1 || m == 0) && std::abs(i * stride - r) <= p &&
                           std::abs(j * stride - s) <= p;
                  };
                  const bool sees_nan = sees(5, 4), sees_infinity = sees(9, 11);
                  REQUIRE(std::isnan(y[at]) == std::isnan(hooked[at]));
                  REQUIRE(((y[at] == shared[at]) || (std::isnan(y[at]) && std::isnan(shared[at]))));
                  if (sees_nan) REQUIRE(std::isnan(y[at]));
                  if (!sees_nan && sees_infinity) REQUIRE(!std::isfinite(hooked[at]));
                  if (!sees_nan && !sees_infinity) REQUIRE(std::abs(y[at] - clean[at]) < 1e-4F);
                }
        }
  for (const auto& entry : std::map<std::string, std::map<std::string, weir::Attribute>>{
           {"MaxPool", {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}}},
           {"AveragePool", {{"kernel_shape", Ints{2, 2}}}},
           {"GlobalMaxPool", {}},
           {"ReduceMax", {{"axes", Ints{2, 3}}}},
           {"ReduceMin", {{"axes", Ints{1}}}},
           {"Relu", {}},
           {"HardSigmoid", {}},
           {"LeakyRelu", {}},
           {"Softmax", {{"axis", std::int64_t{1}}}}})
    for (const bool behind_convolution : {false, true})
      for (std::size_t place = 0; place < 17 * 8 * 8; place += 37) {
        const std::string& op = entry.first;
        CAPTURE(op);
        Graph g({-1, 17, 8, 8});
        g.noise("w", {17, 1, 1, 1}).node("c", behind_convolution ? "Conv" : "Neg", {"x"});
        if (behind_convolution)
          g.def.nodes[0].inputs = {"x", "w"}, g.def.nodes[0].attributes["group"] = std::int64_t{17};
        g.node("y", op, {"c"}, entry.second);
        Tensor x = graphs::noise({1, 17, 8, 8});
        x[place] = nan;
        const Tensor y = graphs::run(g.build(), x);
        const std::size_t row = place / 8 % 8, column = place % 8;
        const bool seen = op != "MaxPool" || (row < 7 && column < 7);
        CHECK(seen == std::any_of(y.span().begin(), y.span().end(), [](float v) { return std::isnan(v); }));
      }
}

TEST_CASE("a zero keeps its sign, wherever in a batch it lies") {
  Graph g({-1, 3, 7});
  g.constant("z", {}, {-0.0F}).node("y", "Max", {"z", "x"});
  for (const std::int64_t n : {1, 2, 3, 7}) {
    Tensor x({n, 3, 7});
    for (float& v : x.span()) v = -1.0F;
    for (const std::string& isa : graphs::isas()) {
      const Tensor y = graphs::run(g.build(), x, {.isa = isa});
      for (const float v : y.span()) CHECK((v == 0 && std::signbit(v)));
    }
  }
}

TEST_CASE("an answer that is not finite names network, tensor and image") {
  Graph g({-1, 3});
  g.node("y", "Log", {"x"});
  Tensor x({2, 3}, std::vector<float>{1, 2, 3, 4, 0, 6});
  weir::Executor run{g.build()};
  CHECK(graphs::error_of([&] {
          (void)run.run(x);
        }).find("test.onnx, output 'y': value 1 of image 1 of the batch is not finite") == 0);
  x[4] = 5;
  CHECK(run.run(x).answers[1].label == 2);
}

}  // namespace WEIR_UNIT
