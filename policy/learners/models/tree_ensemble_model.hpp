/// A sum of binary decision trees, as fitted and as stored.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir {

/// f(x) = base + sum over the trees, in order, of the value of the leaf that x reaches.
///
/// All trees lie in one array, each behind the one before; inside a tree children lie behind their parent, so every
/// walk ends. An inner node sends x to `left` where x[feature] <= value and to the node behind `left` otherwise.
struct TreeEnsembleModel {
  struct Node {
    double value = 0;           ///< threshold of an inner node, summand of a leaf
    std::uint32_t feature = 0;  ///< of an inner node
    std::uint32_t left = 0;     ///< 0 for a leaf

    bool operator==(const Node&) const = default;
  };

  std::size_t d = 0;
  double base = -1;
  std::vector<std::uint32_t> roots;  ///< [trees] in nodes, increasing from 0
  std::vector<Node> nodes;

  /// f(x) = value, whatever the d features are.
  static TreeEnsembleModel constant(double value, std::size_t d) { return {d, value, {}, {}}; }

  std::size_t n_features() const { return d; }

  /// x [d], trusted to have n_features() values. One comparison a level of each tree; neither allocates nor throws.
  double decision_function(std::span<const double> x) const {
    double sum = base;
    for (const auto root : roots) {
      const Node* node = &nodes[root];
      while (node->left != 0) node = &nodes[node->left + (x[node->feature] <= node->value ? 0U : 1U)];
      sum += node->value;
    }
    return sum;
  }

  bool operator==(const TreeEnsembleModel&) const = default;
};

inline void to_json(nlohmann::json& json, const TreeEnsembleModel& m) {
  json = {{"n_features", m.d}, {"base", m.base}, {"root", m.roots}};
  for (const char* key : {"feature", "left", "value"}) json[key] = nlohmann::json::array();
  for (const auto& node : m.nodes) {
    json["feature"].push_back(node.feature);
    json["left"].push_back(node.left);
    json["value"].push_back(node.value);
  }
}

/// Throws FormatError unless the arrays agree, every child lies behind its parent in the same tree, every feature
/// exists and no sum of leaves can overflow.
inline void from_json(const nlohmann::json& json, TreeEnsembleModel& m) {
  refuse_unknown_keys(json, {"n_features", "base", "root", "feature", "left", "value"});
  constexpr std::size_t limit = std::size_t{1} << 31U;
  m = TreeEnsembleModel::constant(model_json::number(json, "base"), model_json::index(json, "n_features", limit));
  const auto value = model_json::numbers(json, "value");
  const std::size_t n = value.size();
  if (n > limit) throw FormatError("model: the trees have too many nodes");
  const auto feature = model_json::indices(json, "feature", m.d + 1);
  const auto left = model_json::indices(json, "left", n);
  const auto roots = model_json::indices(json, "root", n);
  if (feature.size() != n || left.size() != n) throw FormatError("model: the trees' arrays differ in size");
  if (roots.empty() ? n != 0 : roots[0] != 0) throw FormatError("model: 'root' must begin with 0, the first node");
  double largest_sum = std::abs(m.base);
  m.nodes.reserve(n);
  for (std::size_t t = 0; t < roots.size(); ++t) {
    const std::size_t end = t + 1 < roots.size() ? roots[t + 1] : n;
    if (end <= roots[t]) throw FormatError("model: 'root' must increase");
    double largest = 0;
    for (std::size_t i = roots[t]; i < end; ++i) {
      if (left[i] == 0)
        largest = std::max(largest, std::abs(value[i]));
      else if (left[i] <= i || left[i] + 1 >= end || feature[i] >= m.d)
        throw FormatError("model: the trees' node " + std::to_string(i) + " is damaged");
      m.nodes.push_back({value[i], static_cast<std::uint32_t>(feature[i]), static_cast<std::uint32_t>(left[i])});
    }
    m.roots.push_back(static_cast<std::uint32_t>(roots[t]));
    largest_sum += largest;
  }
  if (!std::isfinite(largest_sum)) throw FormatError("model: the trees' 'value' must have a finite sum");
}

}  // namespace weir
