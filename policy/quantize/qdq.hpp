/// Writes a graph with QuantizeLinear and DequantizeLinear around what is to be computed on integers.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/policy/quantize/ranges.hpp>
#include <weir/policy/quantize/selection.hpp>

namespace weir::detail {

/// Of a layer, symmetric: w = scale[m] q, q = -127 .. 127, for each output channel m; bias = x.scale scale[m] b.
struct QuantizedWeights {
  std::vector<std::int64_t> q;
  std::vector<float> scale;
  std::vector<std::int64_t> bias;
};

/// What the weights of a layer are, whichever axis its output channels lie along.
struct WeightView {
  const NodeDef& node;
  const Constant& w;
  const Constant* bias;
  std::size_t M, depth;  ///< output channels, weights of each
  bool rows;             ///< those of a channel lie side by side

  WeightView(const GraphDef& def, const WeightLayer& layer)
      : node(def.nodes[layer.node]),
        w(*constant_of(def, node, 1)),
        bias(layer.bias.empty() ? nullptr : &def.constants.at(layer.bias)),
        M(static_cast<std::size_t>(w.shape[layer.out_axis])),
        depth(M == 0 ? 0 : w.floats.size() / M),
        rows(layer.out_axis == 0) {}

  std::size_t at(std::size_t m, std::size_t k) const { return rows ? m * depth + k : k * M + m; }
  /// The weights of a channel in the order in which ONNX Runtime sums their products: the channels of the input at each
  /// position of the kernel.
  std::size_t summed(std::size_t j) const {
    if (node.op != "Conv") return j;
    const auto in = static_cast<std::size_t>(w.shape[1]);
    return j % in * (depth / in) + j / in;
  }
  /// The channel of the input that weight k of output channel m is multiplied with.
  std::size_t input_channel(std::size_t m, std::size_t k) const {
    if (node.op != "Conv") return k;
    const auto groups = static_cast<std::size_t>(std::max<std::int64_t>(1, integer_attribute(node, "group", 1)));
    const auto in = static_cast<std::size_t>(w.shape[1]);
    return m / std::max<std::size_t>(1, M / groups) * in + k / (depth / in);
  }
};

/// The largest |w| of output channel m; of 7 bits the largest sum of two that are summed one after the other and of one
/// sign. Where that becomes 127, the products of two with bytes, at most 255 * 128, fit into 16 bits. Of depthwise
/// convolutions any two neighbours count, as weir pairs them from the first of each row of the kernel on.
inline double largest_weight(const WeightView& v, std::size_t m, int bits) {
  double largest = 0;
  const auto weight = [&](std::size_t j) { return j < v.depth ? double{v.w.floats[v.at(m, v.summed(j))]} : 0.0; };
  const bool depthwise = v.node.op == "Conv" && v.w.shape[1] == 1 && integer_attribute(v.node, "group", 1) > 1;
  for (std::size_t j = 0; j < v.depth; j += depthwise ? 1 : 2) {
    const double a = weight(j), b = weight(j + 1);
    largest = std::max({largest, std::abs(a), std::abs(b)});
    if (bits == 7 && a * b > 0) largest = std::max(largest, std::abs(a + b));
  }
  return largest;
}

/// means: of each channel of the layer's input, by which the bias is corrected for what rounding the weights adds to
/// the mean of each output (Nagel et al., ICCV 2019, section 4.2); none: it is not.
inline QuantizedWeights quantize_weights(const WeightView& v, int bits, float x_scale,
                                         const std::vector<double>* means) {
  constexpr double most = 127;
  QuantizedWeights out;
  out.q.resize(v.w.floats.size());
  for (std::size_t m = 0; m < v.M; ++m) {
    double shift = 0;
    const double largest = largest_weight(v, m, bits);
    const double bias = v.bias == nullptr ? 0 : double{v.bias->floats[m]};
    // Not so small that the bias would not fit into 31 bits; of a channel without weights anything will do.
    const double least = std::abs(bias) / (double{x_scale} * double{1 << 29});
    float scale = static_cast<float>(std::max(largest / most, least));
    if (!(scale > std::numeric_limits<float>::min())) scale = 1;
    for (std::size_t k = 0; k < v.depth; ++k) {
      const double w = double{v.w.floats[v.at(m, k)]};
      const double q = std::clamp(std::nearbyint(w / double{scale}), -most, most);
      out.q[v.at(m, k)] = static_cast<std::int64_t>(q);
      if (means != nullptr) shift += (double{scale} * q - w) * (*means)[v.input_channel(m, k)];
    }
    out.scale.push_back(scale);
    const double b = std::nearbyint((bias - shift) / double{x_scale * scale});
    out.bias.push_back(static_cast<std::int64_t>(std::clamp(b, -double{1 << 30}, double{1 << 30})));
  }
  return out;
}

/// What the numbers of a quantised graph are.
struct Numbers {
  std::map<std::string, Steps> steps;  ///< by root tensor
  /// By tensor and whether channels are its last axis (a MatMul's), not the one behind the batch: of each channel.
  std::map<std::pair<std::string, bool>, std::vector<double>> means;
  int weight_bits = 8;
  bool correct_bias = false;
};

class QdqWriter {
 public:
  QdqWriter(const GraphDef& def, const Selection& selection, const Selection::Part& part, const Numbers& numbers)
      : def_(def), selection_(selection), part_(part), numbers_(numbers), fresh_(def), out_(def) {
    out_.nodes.clear();
  }

  GraphDef write() {
    for (const InputDef& input : def_.inputs)
      if (part_.root.contains(input.name)) {
        renamed_[input.name] = fresh_(input.name + "_dequantized");
        append_pair(input.name, input.name, renamed_.at(input.name));
      }
    std::map<std::size_t, const WeightLayer*> layer_of;
    for (const WeightLayer& l : selection_.layers()) layer_of[l.node] = &l;
    std::vector<bool> dropped(def_.nodes.size(), false);
    for (const auto& [node, activation] : selection_.activations())
      if (part_.on_integers[node]) dropped[activation] = true;
    for (const WeightLayer& l : selection_.layers())
      if (l.bias_node && part_.on_integers[l.node]) dropped[*l.bias_node] = true;
    for (std::size_t i = 0; i < def_.nodes.size(); ++i) {
      if (dropped[i]) continue;
      NodeDef node = def_.nodes[i];
      for (std::string& name : node.inputs)
        if (const auto it = renamed_.find(name); it != renamed_.end()) name = it->second;
      std::string bias;  // what a node of its own adds
      if (const auto layer = layer_of.find(i); layer != layer_of.end() && part_.on_integers[i])
        bias = quantize_inputs(node, *layer->second);
      const std::string result = part_.on_integers[i]   ? selection_.result_of(i)
                                 : node.outputs.empty() ? std::string()
                                                        : node.outputs[0];
      if (!part_.root.contains(result)) {
        out_.nodes.push_back(std::move(node));
        continue;
      }
      const std::string unquantised = fresh_(result + "_unquantized");
      if (!bias.empty()) {
        const std::string product = fresh_(result + "_product");
        node.outputs[0] = product;
        out_.nodes.push_back(std::move(node));
        node = {fresh_(result + "_bias"), "Add", {product, bias}, {""}, {}};
      }
      node.outputs[0] = unquantised;
      out_.nodes.push_back(std::move(node));
      append_pair(result, unquantised, result);
    }
    drop_unread_constants(out_);
    return std::move(out_);
  }

 private:
  static Constant integers(Shape shape, std::vector<std::int64_t> values, Element element) {
    return {shape, {}, std::move(values), true, element};
  }
  static Constant floats(Shape shape, std::vector<float> values) {
    return {shape, std::move(values), {}, false, Element::float32};
  }
  std::string add(const std::string& name, Constant c) {
    std::string made = fresh_(name);
    out_.constants.emplace(made, std::move(c));
    return made;
  }

  /// Scale and zero point of a tensor, one pair for all that have the same.
  const std::pair<std::string, std::string>& steps_of(const std::string& tensor) {
    const std::string& root = part_.root.at(tensor);
    const auto it = steps_.find(root);
    if (it != steps_.end()) return it->second;
    const Steps s = numbers_.steps.at(root);
    return steps_[root] = {add(root + "_scale", floats({}, {s.scale})),
                           add(root + "_zero_point", integers({}, {s.zero}, Element::uint8))};
  }

  /// QuantizeLinear of `from`, DequantizeLinear to `to`.
  void append_pair(const std::string& tensor, const std::string& from, const std::string& to) {
    const auto [scale, zero] = steps_of(tensor);
    const std::string q = fresh_(tensor + "_quantized");
    out_.nodes.push_back({fresh_(tensor + "_QuantizeLinear"), "QuantizeLinear", {from, scale, zero}, {q}, {}});
    out_.nodes.push_back({fresh_(tensor + "_DequantizeLinear"), "DequantizeLinear", {q, scale, zero}, {to}, {}});
  }

  /// DequantizeLinear of a constant, with one scale for each position along the axis.
  std::string append_constant(const std::string& name, Constant q, std::vector<float> scale, std::size_t axis) {
    const Shape each{static_cast<std::int64_t>(scale.size())};
    const Element element = q.element;
    std::vector<std::int64_t> zeros(scale.size(), 0);
    NodeDef node{fresh_(name + "_DequantizeLinear"), "DequantizeLinear", {}, {fresh_(name + "_dequantized")}, {}};
    node.inputs = {add(name + "_quantized", std::move(q)), add(name + "_scale", floats(each, std::move(scale))),
                   add(name + "_zero_point", integers(each, std::move(zeros), element))};
    node.attributes["axis"] = static_cast<std::int64_t>(axis);
    out_.nodes.push_back(node);
    return node.outputs[0];
  }

  /// The name of the bias where the operator has no input for one, which then has to be added behind it; else none.
  std::string quantize_inputs(NodeDef& node, const WeightLayer& layer) {
    const WeightView v(def_, layer);
    const std::string x = def_.nodes[layer.node].inputs[0];
    const float x_scale = numbers_.steps.at(part_.root.at(x)).scale;
    const auto means = numbers_.means.find({x, node.op == "MatMul"});
    const bool correct = numbers_.correct_bias && means != numbers_.means.end();
    QuantizedWeights w = quantize_weights(v, numbers_.weight_bits, x_scale, correct ? &means->second : nullptr);
    std::vector<float> bias_scale;
    for (const float s : w.scale) bias_scale.push_back(x_scale * s);
    const std::string w_name = def_.nodes[layer.node].inputs[1];
    const std::string b_name = v.bias != nullptr ? layer.bias : w_name + "_bias";
    node.inputs = {node.inputs[0], append_constant(w_name, integers(v.w.shape, std::move(w.q), Element::int8),
                                                   std::move(w.scale), layer.out_axis)};
    if (v.bias == nullptr && !correct) return {};
    const std::string bias = append_constant(
        b_name, integers({static_cast<std::int64_t>(v.M)}, std::move(w.bias), Element::int32), bias_scale, 0);
    if (node.op == "MatMul") return bias;
    node.inputs.push_back(bias);
    return {};
  }

  const GraphDef& def_;
  const Selection& selection_;
  const Selection::Part& part_;
  const Numbers& numbers_;
  FreshNames fresh_;
  GraphDef out_;
  std::map<std::string, std::string> renamed_;
  std::map<std::string, std::pair<std::string, std::string>> steps_;
};

}  // namespace weir::detail
