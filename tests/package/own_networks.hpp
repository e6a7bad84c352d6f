// Networks with an operator of one's own, as ONNX files, and images for them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/npy.hpp>
#include <weir/io/onnx/write.hpp>

inline constexpr std::int64_t pixels = 16, classes = 3;

/// Numbers from a normal distribution, in an order that every machine has.
inline std::vector<float> normal(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(n);
  for (float& v : values) {
    v = -6;
    for (int i = 0; i < 12; ++i) v += static_cast<float>(random() >> 8) / (1 << 24);
  }
  return values;
}

/// What the right class is decided by: [pixels, classes].
inline std::vector<float> truth() { return normal(pixels * classes, 1); }

/// x [N, 1, 4, 4] -> Flatten -> `depth` times (Gemm by the unit matrix, com.example::Swish) -> Gemm by truth() and
/// noise.
inline weir::GraphDef swish_network(int depth, float noise) {
  weir::GraphDef def;
  def.inputs = {{"x", {-1, 1, 4, 4}, {"N", "", "", ""}}};
  def.nodes.push_back({"flatten", "Flatten", {"x"}, {"f"}, {}});
  std::vector<float> unit(pixels * pixels, 0);
  for (std::size_t i = 0; i < pixels; ++i) unit[i * pixels + i] = 1;
  def.constants["unit"] = {{pixels, pixels}, unit, {}, false};
  // Above 0 Swish with a large beta is nearly the identity: pixels are, so that the truth goes through.
  std::string last = "f";
  for (int i = 0; i < depth; ++i) {
    const std::string n = std::to_string(i);
    def.nodes.push_back({"gemm" + n, "Gemm", {last, "unit"}, {"g" + n}, {}});
    def.nodes.push_back({"swish" + n, "com.example::Swish", {"g" + n}, {"s" + n}, {{"beta", 50.0F}}});
    last = "s" + n;
  }
  std::vector<float> w = truth();
  const std::vector<float> error = normal(w.size(), 2);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = 3 * (w[i] + noise * error[i]);
  def.constants["w"] = {{pixels, classes}, w, {}, false};
  def.nodes.push_back({"last", "Gemm", {last, "w"}, {"y"}, {}});
  def.outputs = {"y"};
  return def;
}

/// Images [n, 1, 4, 4] of pixels in [0.2, 2.2], and their classes.
struct Images {
  weir::Tensor x;
  std::vector<int> label;

  explicit Images(std::size_t n) : x({static_cast<std::int64_t>(n), 1, 4, 4}) {
    std::mt19937 random(3);
    const std::vector<float> w = truth();
    for (std::size_t i = 0; i < n; ++i) {
      float score[classes] = {};
      for (std::size_t p = 0; p < pixels; ++p) {
        x[i * pixels + p] = 0.2F + static_cast<float>(random() >> 8) / (1 << 23);
        for (std::size_t c = 0; c < classes; ++c) score[c] += x[i * pixels + p] * w[p * classes + c];
      }
      label.push_back(static_cast<int>(std::max_element(score, score + classes) - score));
    }
  }
};
