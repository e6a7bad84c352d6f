/// What is computed into the weights before they are quantised.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>
#include <weir/core/graph_def.hpp>

namespace weir::detail {

/// Who makes and who reads each tensor of a graph, which must outlive it.
class GraphIndex {
 public:
  explicit GraphIndex(const GraphDef& def) : outputs_(def.outputs.begin(), def.outputs.end()) {
    for (std::size_t i = 0; i < def.nodes.size(); ++i) {
      for (const std::string& name : def.nodes[i].outputs)
        if (!name.empty()) producer_[name] = i;
      for (const std::string& name : def.nodes[i].inputs)
        if (!name.empty()) readers_[name].push_back(i);
    }
  }
  bool is_output(const std::string& name) const { return outputs_.contains(name); }
  std::optional<std::size_t> producer(const std::string& name) const {
    const auto it = producer_.find(name);
    return it == producer_.end() ? std::nullopt : std::optional(it->second);
  }
  /// One entry for each time that a node reads it.
  const std::vector<std::size_t>& readers(const std::string& name) const {
    static const std::vector<std::size_t> none;
    const auto it = readers_.find(name);
    return it == readers_.end() ? none : it->second;
  }
  /// The one node that reads a tensor which is no output of the network.
  std::optional<std::size_t> only_reader(const std::string& name) const {
    const auto& all = readers(name);
    return all.size() == 1 && !is_output(name) ? std::optional(all[0]) : std::nullopt;
  }

 private:
  std::set<std::string> outputs_;
  std::map<std::string, std::size_t> producer_;
  std::map<std::string, std::vector<std::size_t>> readers_;
};

inline const Constant* constant_of(const GraphDef& def, const NodeDef& node, std::size_t i) {
  if (i >= node.inputs.size()) return nullptr;
  const auto it = def.constants.find(node.inputs[i]);
  return it == def.constants.end() ? nullptr : &it->second;
}

inline std::int64_t integer_attribute(const NodeDef& node, const char* name, std::int64_t otherwise) {
  const auto it = node.attributes.find(name);
  const auto* i = it == node.attributes.end() ? nullptr : std::get_if<std::int64_t>(&it->second);
  return i == nullptr ? otherwise : *i;
}
inline float real_attribute(const NodeDef& node, const char* name, float otherwise) {
  const auto it = node.attributes.find(name);
  const auto* f = it == node.attributes.end() ? nullptr : std::get_if<float>(&it->second);
  return f == nullptr ? otherwise : *f;
}

/// A name that nothing in the graph has, and that is from now on taken.
class FreshNames {
 public:
  explicit FreshNames(const GraphDef& def) {
    for (const NodeDef& n : def.nodes) {
      taken_.insert(n.name);
      taken_.insert(n.outputs.begin(), n.outputs.end());
    }
    for (const auto& [name, c] : def.constants) taken_.insert(name);
    for (const InputDef& i : def.inputs) taken_.insert(i.name);
  }
  std::string operator()(std::string name) {
    while (!taken_.insert(name).second) name += "_";
    return name;
  }

 private:
  std::set<std::string> taken_;
};

/// Takes nodes out that hand on their input (Identity, and Dropout, which does nothing but in training), unless their
/// output is one of the network's.
inline void drop_identities(GraphDef& def) {
  const GraphIndex index(def);
  std::map<std::string, std::string> same;
  std::erase_if(def.nodes, [&](const NodeDef& n) {
    if ((n.op != "Identity" && n.op != "Dropout") || n.inputs.empty() || def.constants.contains(n.inputs[0]))
      return false;
    for (std::size_t i = 0; i < n.outputs.size(); ++i)
      if (index.is_output(n.outputs[i]) || (i > 0 && !index.readers(n.outputs[i]).empty())) return false;
    const auto before = same.find(n.inputs[0]);  // nodes are in order: those before it are known
    same[n.outputs[0]] = before == same.end() ? n.inputs[0] : before->second;
    return true;
  });
  for (NodeDef& n : def.nodes)
    for (std::string& name : n.inputs)
      if (const auto it = same.find(name); it != same.end()) name = it->second;
}

/// y = s (w x + b - mean) + shift, s = scale / sqrt(variance + epsilon): BatchNormalization behind a convolution with
/// constant weights becomes part of them, where nothing else reads what lies between. Returns how many did.
inline std::size_t fold_batch_norms(GraphDef& def) {
  const GraphIndex index(def);
  FreshNames fresh(def);
  std::set<std::size_t> gone;
  for (std::size_t i = 0; i < def.nodes.size(); ++i) {
    NodeDef& conv = def.nodes[i];
    if (conv.op != "Conv" || conv.outputs.size() != 1) continue;
    const auto reader = index.only_reader(conv.outputs[0]);
    if (!reader || def.nodes[*reader].op != "BatchNormalization") continue;
    const NodeDef& norm = def.nodes[*reader];
    const bool more = std::any_of(norm.outputs.begin() + 1, norm.outputs.end(),
                                  [&](const std::string& y) { return !y.empty() && !index.readers(y).empty(); });
    const Constant *w = constant_of(def, conv, 1), *b = constant_of(def, conv, 2);
    const bool has_bias = conv.inputs.size() > 2 && !conv.inputs[2].empty();
    const Constant* p[4];
    bool known = !more && w != nullptr && !w->is_int && w->shape.rank() >= 3 && (!has_bias || b != nullptr) &&
                 integer_attribute(norm, "training_mode", 0) == 0 && norm.inputs.size() == 5 &&
                 norm.inputs[0] == conv.outputs[0];
    const std::size_t M = known ? static_cast<std::size_t>(w->shape[0]) : 0;
    for (std::size_t k = 0; known && k < 4; ++k) {
      p[k] = constant_of(def, norm, k + 1);
      known = p[k] != nullptr && p[k]->floats.size() == M;
    }
    if (!known || M == 0 || (has_bias && b->floats.size() != M)) continue;
    const double epsilon = double{real_attribute(norm, "epsilon", 1e-5F)};
    std::vector<float> weights(w->floats.begin(), w->floats.end()), bias(M);
    const std::size_t each = weights.size() / M;
    for (std::size_t m = 0; m < M; ++m) {
      const double s = double{p[0]->floats[m]} / std::sqrt(double{p[3]->floats[m]} + epsilon);
      for (std::size_t k = 0; k < each; ++k)
        weights[m * each + k] = static_cast<float>(double{weights[m * each + k]} * s);
      bias[m] = static_cast<float>(double{p[1]->floats[m]} +
                                   s * ((has_bias ? double{b->floats[m]} : 0.0) - double{p[2]->floats[m]}));
    }
    // An infinite scale, or products that overflow, make NaN of sums that are infinite or finite.
    const auto finite = [](const std::vector<float>& v) {
      return std::all_of(v.begin(), v.end(), [](float f) { return std::isfinite(f); });
    };
    if (!finite(weights) || !finite(bias)) continue;
    const std::string w_name = fresh(conv.inputs[1] + "_folded"), b_name = fresh(conv.name + "_bias_folded");
    Constant folded_w{w->shape, std::move(weights), {}, false, Element::float32};
    Constant folded_b{Shape{static_cast<std::int64_t>(M)}, std::move(bias), {}, false, Element::float32};
    def.constants.emplace(w_name, std::move(folded_w));
    def.constants.emplace(b_name, std::move(folded_b));
    conv.inputs = {conv.inputs[0], w_name, b_name};
    conv.outputs[0] = norm.outputs[0];
    gone.insert(*reader);
  }
  std::size_t at = 0;
  std::erase_if(def.nodes, [&](const NodeDef&) { return gone.contains(at++); });
  return gone.size();
}

/// Constants that no node reads.
inline void drop_unread_constants(GraphDef& def) {
  std::set<std::string> read(def.outputs.begin(), def.outputs.end());
  for (const NodeDef& n : def.nodes) read.insert(n.inputs.begin(), n.inputs.end());
  std::erase_if(def.constants, [&](const auto& c) { return !read.contains(c.first); });
}

}  // namespace weir::detail
