/// Files that say 8-bit integers by QuantizeLinear and DequantizeLinear around operators on floats: rewritten as
/// operators on integers.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>
#include <weir/core/graph_def.hpp>

namespace weir::detail {

/// Finds, as ONNX Runtime does,
///
///     DequantizeLinear (of each input) -> operator -> QuantizeLinear
///
/// where nothing else reads what lies between operator and QuantizeLinear, and puts one operator on integers there:
/// QLinearConv for Conv, and so on. A Relu in between becomes a lower end of the result, an Add behind a MatMul that
/// adds int32 of the scale of its sums a bias. What MaxPool and operators that only move elements do with integers of
/// one scale and zero point, they do on integers. All else stays as it is, and is computed in floats between the two.
/// DequantizeLinear stays where something else reads it.
class QdqFusion {
 public:
  explicit QdqFusion(const GraphDef& def) : def_(def), outputs_(def.outputs.begin(), def.outputs.end()) {
    for (std::size_t i = 0; i < def.nodes.size(); ++i) {
      for (const std::string& name : def.nodes[i].outputs) producer_[name] = i;
      for (const std::string& name : def.nodes[i].inputs) readers_[name].push_back(i);
    }
  }

  std::vector<NodeDef> nodes() {
    std::vector<NodeDef> result = def_.nodes;
    std::vector<bool> gone(result.size(), false);
    for (std::size_t i = 0; i < def_.nodes.size(); ++i) {
      const NodeDef& node = def_.nodes[i];
      std::vector<const NodeDef*> in;  // the DequantizeLinear of each input, nullptr where there is none
      for (const std::string& name : node.inputs) in.push_back(maker(name, "DequantizeLinear"));
      if (in.empty() || in[0] == nullptr || node.outputs.size() != 1) continue;
      std::size_t last = i;
      std::vector<std::size_t> absorbed = {i};
      bool relu = false;
      NodeDef whole = node;
      const NodeDef* out = only_reader(node.outputs[0], last);
      if (out != nullptr && out->op == "Relu" && node.op == "Conv") {
        relu = true;
        absorbed.push_back(last);
        out = only_reader(out->outputs[0], last);
      } else if (out != nullptr && out->op == "Add" && node.op == "MatMul" && out->inputs.size() == 2) {
        whole.inputs.push_back(out->inputs[out->inputs[0] == node.outputs[0] ? 1 : 0]);
        in.push_back(maker(whole.inputs[2], "DequantizeLinear"));
        absorbed.push_back(last);
        out = only_reader(out->outputs[0], last);
      }
      if (out == nullptr || out->op != "QuantizeLinear") continue;
      NodeDef fused{node.name, "", {}, out->outputs, node.attributes};
      if (!write(whole, in, *out, relu, fused)) continue;
      result[last] = std::move(fused);
      for (const std::size_t k : absorbed) gone[k] = true;
    }
    std::vector<NodeDef> kept;
    for (std::size_t i = 0; i < result.size(); ++i)
      if (!gone[i]) kept.push_back(std::move(result[i]));
    drop_unread(kept);
    return kept;
  }

 private:
  const NodeDef* maker(const std::string& name, std::string_view op) const {
    const auto it = producer_.find(name);
    return it != producer_.end() && def_.nodes[it->second].op == op ? &def_.nodes[it->second] : nullptr;
  }

  /// The one node that reads a tensor which is no output of the network; sets its index.
  const NodeDef* only_reader(const std::string& name, std::size_t& index) const {
    const auto it = readers_.find(name);
    if (it == readers_.end() || it->second.size() != 1 || outputs_.contains(name)) return nullptr;
    index = it->second[0];
    return &def_.nodes[index];
  }

  const Constant* constant(const std::string& name) const {
    const auto it = def_.constants.find(name);
    return it == def_.constants.end() ? nullptr : &it->second;
  }
  static std::string input(const NodeDef& node, std::size_t i) {
    return i < node.inputs.size() ? node.inputs[i] : std::string();
  }

  /// One scale and zero point for the whole tensor.
  bool single(const NodeDef& qdq) const {
    const Constant* scale = constant(input(qdq, 1));
    const Constant* zero = constant(input(qdq, 2));
    return scale != nullptr && scale->floats.size() == 1 && (input(qdq, 2).empty() || zero != nullptr);
  }
  /// What the integers are by their zero point; float32 where it is left out, and the type thus not said.
  Element element(const NodeDef& qdq) const {
    const Constant* zero = constant(input(qdq, 2));
    return zero == nullptr ? Element::float32 : zero->element;
  }
  /// Equal scales and zero points.
  bool same(const NodeDef& a, const NodeDef& b) const {
    const Constant *as = constant(input(a, 1)), *bs = constant(input(b, 1));
    const Constant *az = constant(input(a, 2)), *bz = constant(input(b, 2));
    if (as == nullptr || bs == nullptr || !(as->floats == bs->floats)) return false;
    return az != nullptr && bz != nullptr && az->ints == bz->ints && az->element == bz->element;
  }
  /// Input i is of int32, constant, without a zero point, and its scale is that of the product of the inputs 0 and 1.
  bool bias_fits(const std::vector<const NodeDef*>& in, std::size_t i) const {
    const Constant *x = constant(input(*in[0], 1)), *w = constant(input(*in[1], 1)), *b = constant(input(*in[i], 1));
    const Constant* bias = constant(input(*in[i], 0));
    if (bias == nullptr || bias->element != Element::int32 || b == nullptr || x == nullptr || w == nullptr)
      return false;
    if (const std::string& name = input(*in[i], 2); !name.empty()) {
      const Constant* zero = constant(name);
      if (zero == nullptr || std::any_of(zero->ints.begin(), zero->ints.end(), [](auto z) { return z != 0; }))
        return false;
    }
    if (b->floats.size() != w->floats.size()) return false;
    for (std::size_t k = 0; k < b->floats.size(); ++k) {
      const double product = double{x->floats[0]} * double{w->floats[k]};
      if (!(std::abs(double{b->floats[k]} - product) <= 1e-5 * product)) return false;
    }
    return true;
  }
  /// Input 1 holds constant weights of 8 bits whose scales, if several, lie along `axis`.
  bool weights_fit(const std::vector<const NodeDef*>& in, std::int64_t axis) const {
    if (in.size() < 2 || in[1] == nullptr) return false;
    const Constant *w = constant(input(*in[1], 0)), *scale = constant(input(*in[1], 1));
    if (w == nullptr || scale == nullptr || bytes_of(w->element) != 1 || w->shape.rank() == 0) return false;
    if (!input(*in[1], 2).empty() && constant(input(*in[1], 2)) == nullptr) return false;
    if (scale->floats.size() == 1) return true;
    std::int64_t along = 1;
    if (const auto a = in[1]->attributes.find("axis"); a != in[1]->attributes.end())
      if (const auto* v = std::get_if<std::int64_t>(&a->second)) along = *v;
    return (along < 0 ? along + static_cast<std::int64_t>(w->shape.rank()) : along) == axis;
  }

  static void append(NodeDef& to, const NodeDef& qdq, std::size_t first) {
    for (std::size_t i = first; i < 3; ++i) to.inputs.push_back(input(qdq, i));
  }

  /// A product with weights and perhaps a bias. The operators on integers want all zero points named, as they are by
  /// all that quantize; a file that leaves one out is computed in floats.
  bool write_product(const NodeDef& node, const std::vector<const NodeDef*>& in, const NodeDef& out, NodeDef& fused,
                     std::int64_t axis, bool bias_last) const {
    if (!weights_fit(in, axis) || input(*in[0], 2).empty() || input(*in[1], 2).empty() || input(out, 2).empty())
      return false;
    const bool has_bias = node.inputs.size() > 2 && !node.inputs[2].empty();
    if (has_bias && (in[2] == nullptr || !bias_fits(in, 2))) return false;
    append(fused, *in[0], 0);
    append(fused, *in[1], 0);
    const std::string bias = has_bias ? input(*in[2], 0) : std::string();
    if (!bias_last) fused.inputs.push_back(bias);
    append(fused, out, 1);
    if (bias_last && has_bias) fused.inputs.push_back(bias);
    return true;
  }

  bool write(const NodeDef& node, const std::vector<const NodeDef*>& in, const NodeDef& out, bool relu,
             NodeDef& fused) const {
    if (!single(out) || !single(*in[0]) || bytes_of(element(out)) != 1 || bytes_of(element(*in[0])) != 1) return false;
    const std::string& op = node.op;
    if (op == "Conv") {
      fused.op = "QLinearConv";
      if (relu) fused.attributes["weir.relu"] = std::int64_t{1};
      return write_product(node, in, out, fused, 0, true);
    }
    if (op == "MatMul") {
      const bool has_bias = node.inputs.size() == 3;
      fused.op = has_bias ? "com.microsoft::QGemm" : "QLinearMatMul";
      if (!write_product(node, in, out, fused, 1, false)) return false;
      if (!has_bias) fused.inputs.erase(fused.inputs.begin() + 6);
      const Constant *w = constant(fused.inputs[3]), *b = has_bias ? constant(fused.inputs[6]) : nullptr;
      return w->shape.rank() == 2 && (b == nullptr || b->shape == Shape{w->shape[1]});
    }
    if (op == "Gemm") {
      const auto number = [&](const char* name, float otherwise) {
        const auto a = node.attributes.find(name);
        if (a == node.attributes.end()) return otherwise;
        const auto* f = std::get_if<float>(&a->second);
        const auto* i = std::get_if<std::int64_t>(&a->second);
        return f != nullptr ? *f : i != nullptr ? static_cast<float>(*i) : std::nanf("");
      };
      if (number("alpha", 1) != 1 || number("beta", 1) != 1 || number("transA", 0) != 0) return false;
      fused.attributes.erase("beta");
      fused.op = "com.microsoft::QGemm";
      return write_product(node, in, out, fused, number("transB", 0) != 0 ? 0 : 1, false);
    }
    const auto other = [&](const NodeDef* d) { return d != nullptr && (!single(*d) || element(*d) != element(out)); };
    if (std::any_of(in.begin(), in.end(), other)) return false;
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> unary = {
        {{"GlobalAveragePool", "com.microsoft::QLinearGlobalAveragePool"},
         {"AveragePool", "com.microsoft::QLinearAveragePool"},
         {"Sigmoid", "com.microsoft::QLinearSigmoid"},
         {"LeakyRelu", "com.microsoft::QLinearLeakyRelu"},
         {"Softmax", "com.microsoft::QLinearSoftmax"}}};
    for (const auto& [from, to] : unary)
      if (op == from) {
        fused.op = to;
        if (op == "Softmax") fused.attributes["opset"] = std::int64_t{def_.opset};
        append(fused, *in[0], 0);
        append(fused, out, 1);
        return true;
      }
    const bool all = std::all_of(in.begin(), in.end(), [](const NodeDef* d) { return d != nullptr; });
    if ((op == "Add" || op == "Mul") && all && in.size() == 2) {
      fused.op = "com.microsoft::QLinear" + op;
      append(fused, *in[0], 0);
      append(fused, *in[1], 0);
      append(fused, out, 1);
      return true;
    }
    if (op == "Concat" && all) {
      fused.op = "com.microsoft::QLinearConcat";
      append(fused, out, 1);
      for (const NodeDef* d : in) append(fused, *d, 0);
      return std::none_of(fused.inputs.begin(), fused.inputs.end(), [](const std::string& s) { return s.empty(); });
    }
    static constexpr std::array<std::string_view, 10> movers = {"DepthToSpace", "Flatten",      "MaxPool", "Reshape",
                                                                "Slice",        "SpaceToDepth", "Squeeze", "Transpose",
                                                                "Unsqueeze",    "Identity"};
    if (std::find(movers.begin(), movers.end(), op) == movers.end() || !same(*in[0], out)) return false;
    if (op == "MaxPool" && def_.opset < 12) return false;
    fused.op = op;
    fused.inputs = node.inputs;
    fused.inputs[0] = input(*in[0], 0);
    return true;
  }

  /// DequantizeLinear that nothing reads any more.
  void drop_unread(std::vector<NodeDef>& nodes) const {
    std::set<std::string> read(outputs_.begin(), outputs_.end());
    for (const NodeDef& n : nodes) read.insert(n.inputs.begin(), n.inputs.end());
    std::erase_if(nodes, [&](const NodeDef& n) {
      const Constant* x = n.op == "DequantizeLinear" && !n.inputs.empty() ? constant(n.inputs[0]) : nullptr;
      return x != nullptr && !read.contains(n.outputs[0]);
    });
  }

  const GraphDef& def_;
  std::set<std::string> outputs_;
  std::unordered_map<std::string, std::size_t> producer_;
  std::unordered_map<std::string, std::vector<std::size_t>> readers_;
};

}  // namespace weir::detail
