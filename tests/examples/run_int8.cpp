// One convolution in floats and in 8-bit integers: scales from the numbers themselves, the error, and that it is exact
// in what it computes. Files that ONNX Runtime's quantizer writes hold the same operators, and run like any other.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <weir/core/executor.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/layers/build_network.hpp>

int main() {
  try {
    weir::GraphDef graph;
    graph.source = "int8 example";
    graph.inputs = {{"x", {-1, 16, 12, 12}, {"N", "", "", ""}}};
    const weir::Shape kernel{16, 16, 3, 3}, scalar;
    std::vector<float> w(static_cast<std::size_t>(kernel.numel()));
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = std::sin(static_cast<float>(i));
    weir::Tensor x(weir::Shape{1, 16, 12, 12});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.5F + 0.5F * std::cos(static_cast<float>(i));
    const auto pads = std::vector<std::int64_t>{1, 1, 1, 1};
    graph.constants["w"] = {kernel, w, {}, false};
    graph.nodes = {{"conv", "Conv", {"x", "w"}, {"y"}, {{"pads", pads}}}};
    graph.outputs = {"y"};
    const weir::Tensor y = weir::Executor(weir::build_network(graph))(x).output;

    // q = round(value / scale) + zero point: x in [0, 1] as uint8, w in [-1, 1] as int8, y as int8 around 0.
    const auto largest = std::max(std::abs(*std::min_element(y.data(), y.data() + y.size())),
                                  std::abs(*std::max_element(y.data(), y.data() + y.size())));
    const float xs = 1.0F / 255, ws = 1.0F / 127, ys = largest / 127;
    std::vector<std::int64_t> wq;
    for (const float v : w) wq.push_back(std::lround(v / ws));
    graph.constants["wq"] = {kernel, {}, wq, true, weir::Element::int8};
    const auto number = [&](const char* name, float v) { graph.constants[name] = {scalar, std::vector{v}, {}, false}; };
    number("xs", xs), number("ws", ws), number("ys", ys);
    graph.constants["xz"] = {scalar, {}, {0}, true, weir::Element::uint8};
    graph.constants["wz"] = graph.constants["yz"] = {scalar, {}, {0}, true, weir::Element::int8};
    graph.nodes = {{"quantize", "QuantizeLinear", {"x", "xs", "xz"}, {"xq"}, {}},
                   {"conv", "QLinearConv", {"xq", "xs", "xz", "wq", "ws", "wz", "ys", "yz"}, {"yq"}, {{"pads", pads}}},
                   {"dequantize", "DequantizeLinear", {"yq", "ys", "yz"}, {"y"}, {}}};
    weir::Executor integers(weir::build_network(graph));
    const weir::Tensor z = integers(x).output;

    double signal = 0, noise = 0;
    for (std::size_t i = 0; i < y.size(); ++i) signal += y[i] * y[i], noise += (z[i] - y[i]) * (z[i] - y[i]);
    std::cout << "signal to noise " << std::lround(10 * std::log10(signal / noise)) << " dB\n";
    const weir::Tensor portable = weir::Executor(integers.network(), {.isa = "portable"})(x).output;
    std::cout << "the same bits on every instruction set: "
              << (std::equal(z.data(), z.data() + z.size(), portable.data()) ? "yes" : "no") << '\n';
  } catch (const weir::Error& e) {
    return std::cerr << "error: " << e.what() << '\n', 1;
  }
}
