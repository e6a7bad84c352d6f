/// A network of matrix products, for tests of the quantiser.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/shape.hpp>

namespace weir_test {

/// Patches of a 32 x 32 image as tokens, two matrix products with an activation between them, and the tokens' mean. The
/// first product has a bias, the second one too if second_bias. values(n, most): n weights in [-most, most].
template <class Values>
weir::GraphDef tokens_network(const Values& values, bool second_bias) {
  weir::GraphDef def;
  def.source = "tokens";
  def.inputs.push_back({"input", {-1, 3, 32, 32}, {"N", "", "", ""}});
  def.outputs = {"y"};
  const auto constant = [&](const std::string& name, const weir::Shape& shape, float most) {
    std::vector<float> floats = values(static_cast<std::size_t>(shape.numel()), most);
    def.constants[name] = {shape, std::move(floats), {}, false, weir::Element::float32};
    return name;
  };
  def.constants["rows"] = {weir::Shape{3}, {}, {0, 40, 64}, true, weir::Element::float32};
  using List = std::vector<std::int64_t>;
  def.nodes = {{"patches", "Conv", {"input", constant("w0", {40, 3, 4, 4}, 0.2F)}, {"p"}, {{"strides", List{4, 4}}}},
               {"reshape", "Reshape", {"p", "rows"}, {"r"}, {}},
               {"transpose", "Transpose", {"r"}, {"t"}, {{"perm", List{0, 2, 1}}}},
               {"up", "MatMul", {"t", constant("w1", {40, 67}, 0.3F)}, {"u"}, {}},
               {"up_bias", "Add", {"u", constant("b1", {67}, 0.5F)}, {"ub"}, {}},
               {"relu", "Relu", {"ub"}, {"a"}, {}},
               {"down", "MatMul", {"a", constant("w2", {67, 40}, 0.3F)}, {"d"}, {}}};
  if (second_bias) def.nodes.push_back({"down_bias", "Add", {constant("b2", {40}, 0.5F), "d"}, {"db"}, {}});
  def.nodes.push_back({"sum", "Add", {"t", second_bias ? "db" : "d"}, {"s"}, {}});
  def.nodes.push_back({"mean", "ReduceMean", {"s"}, {"m"}, {{"axes", List{1}}, {"keepdims", std::int64_t{0}}}});
  def.nodes.push_back({"answer", "MatMul", {"m", constant("w3", {40, 10}, 0.3F)}, {"y"}, {}});
  return def;
}

}  // namespace weir_test
