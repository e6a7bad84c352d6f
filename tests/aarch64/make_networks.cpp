// make_networks FOLDER: writes 8-bit copies of small networks with random weights, for checksums.cpp to run: between
// them they have dense, pointwise, grouped and depthwise convolutions, sums, concatenations, pooling, and matrix
// products.
#include <cstdio>
#include <exception>
#include <random>
#include <string>
#include <utility>
#include <vector>
#include <weir/io/onnx/write.hpp>
#include <weir/layers/models/mobilenet.hpp>
#include <weir/layers/models/resnet.hpp>
#include <weir/layers/models/squeezenet.hpp>
#include <weir/policy/quantize/quantize.hpp>

#include "../policy/quantize/tokens.hpp"

namespace {

weir::Tensor noise(const weir::Shape& shape, std::uint32_t seed, float most) {
  weir::Tensor x(shape);
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = (static_cast<float>(random() % 2001) / 1000 - 1) * most;
  return x;
}

weir::GraphDef tokens() {
  std::uint32_t seed = 1;
  const auto values = [&](std::size_t n, float most) {
    const weir::Tensor x = noise({static_cast<std::int64_t>(n)}, ++seed, most);
    return std::vector<float>(x.span().begin(), x.span().end());
  };
  return weir_test::tokens_network(values, true);
}

void write(const std::string& folder, const weir::GraphDef& def) {
  std::vector<std::int64_t> shape = def.inputs[0].dims;
  shape[0] = 16;
  weir::QuantizeOptions options;
  options.worth = 1;  // no layer goes back to fp32, whose last bits machines may have otherwise
  options.sensitive = 0;
  options.passes = 1;
  const weir::Quantized made =
      weir::quantize(def, noise(weir::Shape(std::span<const std::int64_t>(shape)), 7, 2), options);
  weir::write_onnx(folder + "/" + def.source + ".int8.onnx", made.graph, made.outputs);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    for (const weir::GraphDef& def :
         {weir::models::mobilenet_v1_graph(0.25, 64, {.classes = 10}),
          weir::models::mobilenet_v2_graph(0.35, 64, {.classes = 10}), weir::models::cifar_resnet_graph(8),
          weir::models::squeezenet_graph({.classes = 10}), tokens()})
      write(argv[1], def);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
