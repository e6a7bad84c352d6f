/// Which nodes and tensors of a graph are computed on 8-bit integers.
#pragma once
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/policy/quantize/fold.hpp>

namespace weir::detail {

/// A convolution, fully connected layer or matrix product with constant weights.
struct WeightLayer {
  std::size_t node = 0;
  std::size_t out_axis = 0;                   ///< of the weights: along which its output channels lie
  bool answers = false;                       ///< the network's answer is its output, or computed only from that
  std::string tensor = {};                    ///< its result, behind the Relu or Clip that its result's range replaces
  std::string bias = {};                      ///< the constant that is added to each output channel; none: empty
  std::optional<std::size_t> bias_node = {};  ///< of a MatMul: the Add that does so
};

template <std::size_t N>
bool is_one_of(const std::string& op, const std::array<std::string_view, N>& ops) {
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}

/// What of a graph can be computed on integers, and, given which layers are to stay in fp32, what is.
///
/// A layer that is computed on integers has its input and its result quantised. Between such layers the operators that
/// keep 8 bits are computed on them too: Add, Mul and Concat of quantised tensors, pooling, LeakyRelu, Sigmoid; MaxPool
/// and what only moves elements keep the steps of their input. The rest is computed in floats.
class Selection {
 public:
  explicit Selection(const GraphDef& def) : def_(def), index_(def) {
    find_answer_nodes();
    for (std::size_t i = 0; i < def.nodes.size(); ++i) {
      if (absorbed_.contains(i)) continue;
      const auto layer = weight_layer(i);
      if (layer && layer->bias_node) bias_[i] = *layer->bias_node, absorbed_[*layer->bias_node] = i;
      if (layer || def.nodes[i].op == "Add") find_activation(i, layer ? layer->bias_node.value_or(i) : i);
      if (!layer) continue;
      layers_.push_back(*layer);
      layers_.back().tensor = result_of(i);
    }
  }

  const GraphIndex& index() const { return index_; }
  /// In the order of the graph.
  const std::vector<WeightLayer>& layers() const { return layers_; }
  /// The Relu or Clip behind node i that the range of its result makes unnecessary.
  const std::map<std::size_t, std::size_t>& activations() const { return activation_; }
  /// The tensor that node i computes, behind its bias and activation; none where it has no results.
  std::string result_of(std::size_t i) const {
    const auto activation = activation_.find(i), bias = bias_.find(i);
    const NodeDef& n = def_.nodes[activation != activation_.end() ? activation->second
                                  : bias != bias_.end()           ? bias->second
                                                                  : i];
    return n.outputs.empty() ? std::string() : n.outputs[0];
  }

  struct Part {
    std::vector<bool> on_integers;            ///< by node
    std::map<std::string, std::string> root;  ///< quantised tensors -> the tensor whose steps they have
  };

  /// chosen: whether each of layers() is to be computed on integers; those of the answer never are.
  Part part(const std::vector<bool>& chosen) const {
    Part p;
    p.on_integers.resize(def_.nodes.size());
    std::set<std::size_t> products;
    std::set<std::string> read;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      if (!chosen[l] || layers_[l].answers) continue;
      products.insert(layers_[l].node);
      read.insert(def_.nodes[layers_[l].node].inputs[0]);
    }
    for (std::size_t i = 0; i < def_.nodes.size(); ++i)
      p.on_integers[i] = products.contains(i) || keeps_integers(i, [&](const std::string& name) {
                           return read.contains(name) || made_on_integers(p, name);
                         });
    // A mean, or a reshape, of which only floats are made stays in floats: nothing is lost to rounding.
    static constexpr std::array<std::string_view, 6> light = {"GlobalAveragePool", "AveragePool", "Flatten",
                                                              "Reshape",           "Squeeze",     "Unsqueeze"};
    for (std::size_t i = def_.nodes.size(); i-- > 0;) {
      if (!p.on_integers[i] || !is_one_of(def_.nodes[i].op, light)) continue;
      const auto& readers = index_.readers(def_.nodes[i].outputs[0]);
      p.on_integers[i] = std::any_of(readers.begin(), readers.end(), [&](std::size_t r) { return p.on_integers[r]; });
    }
    for (const std::string& name : read)
      if (!index_.producer(name)) p.root[name] = name;  // an input of the network
    for (std::size_t i = 0; i < def_.nodes.size(); ++i) {
      const std::string result = result_of(i);
      if (result.empty()) continue;
      if (p.on_integers[i] && is_one_of(def_.nodes[i].op, movers))
        p.root[result] = p.root.at(def_.nodes[i].inputs[0]);
      else if (p.on_integers[i] || read.contains(result))
        p.root[result] = result;
    }
    share_steps_of_joins(p);
    return p;
  }

 private:
  static constexpr std::array<std::string_view, 6> movers = {"MaxPool",   "Flatten", "Reshape",
                                                             "Transpose", "Squeeze", "Unsqueeze"};

  /// What only a Concat reads has the steps of its result: it would get them there anyway, with one more rounding, and
  /// so the Concat only copies, or nothing. Not what is behind a Relu or Clip that its range replaces, unless all
  /// inputs are behind a Relu: the range of the result would not cut there.
  void share_steps_of_joins(Part& p) const {
    const auto cut_by = [&](const std::string& name) -> std::string {
      const auto made = index_.producer(name);
      return made && absorbed_.contains(*made) && def_.nodes[*made].op != "Add" ? def_.nodes[*made].op : "";
    };
    for (std::size_t i = def_.nodes.size(); i-- > 0;) {
      const NodeDef& n = def_.nodes[i];
      if (n.op != "Concat" || !p.on_integers[i]) continue;
      const bool positive = std::all_of(n.inputs.begin(), n.inputs.end(),
                                        [&](const std::string& name) { return cut_by(name) == "Relu"; });
      for (const std::string& name : n.inputs)
        if (p.root.at(name) == name && index_.readers(name).size() == 1 && !index_.is_output(name) &&
            (positive || cut_by(name).empty()))
          p.root[name] = p.root.at(n.outputs[0]);
    }
  }

  bool made_on_integers(const Part& p, const std::string& name) const {
    const auto made = index_.producer(name);
    if (!made) return false;
    const auto of = absorbed_.find(*made);  // a dropped activation stands for the node before it
    return p.on_integers[of == absorbed_.end() ? *made : of->second];
  }

  template <typename IsQuantised>
  bool keeps_integers(std::size_t i, const IsQuantised& quantised) const {
    static constexpr std::array<std::string_view, 3> joins = {"Add", "Mul", "Concat"};
    static constexpr std::array<std::string_view, 4> maps = {"AveragePool", "GlobalAveragePool", "LeakyRelu",
                                                             "Sigmoid"};
    const NodeDef& n = def_.nodes[i];
    if (answer_nodes_.contains(i) || n.inputs.empty() || n.outputs.size() != 1) return false;
    if (is_one_of(n.op, joins))
      return (n.op == "Concat" || n.inputs.size() == 2) && std::all_of(n.inputs.begin(), n.inputs.end(), quantised);
    if (is_one_of(n.op, movers)) {
      for (std::size_t k = 1; k < n.inputs.size(); ++k)
        if (constant_of(def_, n, k) == nullptr) return false;
      return quantised(n.inputs[0]);
    }
    return is_one_of(n.op, maps) && quantised(n.inputs[0]);
  }

  /// None where node i is no layer that can be quantised.
  std::optional<WeightLayer> weight_layer(std::size_t i) const {
    const NodeDef& n = def_.nodes[i];
    const Constant* w = constant_of(def_, n, 1);
    if (w == nullptr || w->is_int || w->floats.empty() || n.outputs.size() != 1 || def_.constants.contains(n.inputs[0]))
      return std::nullopt;
    const auto made = index_.producer(n.inputs[0]);
    if (made && def_.nodes[*made].outputs[0] != n.inputs[0]) return std::nullopt;  // one of several results
    WeightLayer layer{i, 0, answer_nodes_.contains(i)};
    if (n.op == "Conv") {
      if (w->shape.rank() != 3 && w->shape.rank() != 4) return std::nullopt;
    } else if (n.op == "Gemm") {
      if (w->shape.rank() != 2 || real_attribute(n, "alpha", 1) != 1 || real_attribute(n, "beta", 1) != 1 ||
          integer_attribute(n, "transA", 0) != 0)
        return std::nullopt;
      layer.out_axis = integer_attribute(n, "transB", 0) != 0 ? 0 : 1;
    } else if (n.op == "MatMul") {
      if (w->shape.rank() != 2) return std::nullopt;
      layer.out_axis = 1;
      layer.bias_node = find_bias(n, w->shape[1]);
      if (layer.bias_node) {
        const NodeDef& add = def_.nodes[*layer.bias_node];
        layer.bias = add.inputs[add.inputs[0] == n.outputs[0] ? 1 : 0];
      }
    } else {
      return std::nullopt;
    }
    if (n.inputs.size() > 2) layer.bias = n.inputs[2];
    if (!layer.bias.empty() && !is_bias(layer.bias, w->shape[layer.out_axis])) return std::nullopt;
    return layer;
  }

  /// A constant with one number for each of M channels.
  bool is_bias(const std::string& name, std::int64_t M) const {
    const auto b = def_.constants.find(name);
    return b != def_.constants.end() && !b->second.is_int && b->second.shape.rank() > 0 &&
           b->second.floats.size() == static_cast<std::size_t>(M) && b->second.shape[b->second.shape.rank() - 1] == M;
  }

  /// The Add of a bias that is the only reader of a MatMul.
  std::optional<std::size_t> find_bias(const NodeDef& product, std::int64_t M) const {
    const auto reader = index_.only_reader(product.outputs[0]);
    if (!reader) return std::nullopt;
    const NodeDef& add = def_.nodes[*reader];
    if (add.op != "Add" || add.inputs.size() != 2 || add.outputs.size() != 1) return std::nullopt;
    const std::string& other = add.inputs[add.inputs[0] == product.outputs[0] ? 1 : 0];
    return is_bias(other, M) && def_.constants.at(other).shape.rank() == 1 ? reader : std::nullopt;
  }

  /// A Relu, or a Clip from 0 to some number, that is the only reader of the result of node `last`, which is i or the
  /// Add of i's bias; 8 bits from 0 on can hold its results.
  void find_activation(std::size_t i, std::size_t last) {
    const NodeDef& n = def_.nodes[last];
    if (n.outputs.size() != 1) return;
    const auto reader = index_.only_reader(n.outputs[0]);
    if (!reader || answer_nodes_.contains(*reader)) return;
    const NodeDef& a = def_.nodes[*reader];
    if (a.op == "Clip" && a.inputs[0] == n.outputs[0]) {
      const Constant *low = constant_of(def_, a, 1), *high = constant_of(def_, a, 2);
      const bool has_high = a.inputs.size() > 2 && !a.inputs[2].empty();
      if (low == nullptr || low->floats.size() != 1 || low->floats[0] != 0) return;
      if (has_high && (high == nullptr || high->floats.size() != 1 || !(high->floats[0] > 0))) return;
    } else if (a.op != "Relu") {
      return;
    }
    activation_[i] = *reader;
    absorbed_[*reader] = i;
  }

  /// From the outputs back to the layers that answer, or to a mean over the image: 8 bits there would make ties.
  void find_answer_nodes() {
    static constexpr std::array<std::string_view, 6> stops = {"Conv",        "Gemm",      "MatMul", "GlobalAveragePool",
                                                              "AveragePool", "ReduceMean"};
    std::vector<std::string> open = def_.outputs;
    while (!open.empty()) {
      const auto made = index_.producer(open.back());
      open.pop_back();
      if (!made || !answer_nodes_.insert(*made).second || is_one_of(def_.nodes[*made].op, stops)) continue;
      const auto& inputs = def_.nodes[*made].inputs;
      open.insert(open.end(), inputs.begin(), inputs.end());
    }
  }

  const GraphDef& def_;
  GraphIndex index_;
  std::set<std::size_t> answer_nodes_;
  std::vector<WeightLayer> layers_;
  std::map<std::size_t, std::size_t> activation_, bias_;  ///< of a node
  std::map<std::size_t, std::size_t> absorbed_;  ///< activations and Adds of a bias -> the node that they belong to
};

}  // namespace weir::detail
