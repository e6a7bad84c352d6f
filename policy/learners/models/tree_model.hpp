/// A binary decision tree over features, as fitted and as stored.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir {

/// Where a tree cuts between neighbouring values low < high: midway, or `low` where no double lies between.
inline double threshold_between(double low, double high) {
  const double middle = low / 2 + high / 2;
  return middle >= low && middle < high ? middle : low;
}

/// Node 0 is the root. An inner node sends x to `left` where x[feature] <= threshold and to `right` otherwise; children
/// lie behind their parent in the array, so every walk ends. The decision is p - 0.5, with p the weighted share of
/// class 1 among the training rows of the leaf.
struct TreeModel {
  struct Node {
    std::size_t feature = 0;
    double threshold = 0;
    std::size_t left = 0;  ///< 0 for a leaf
    std::size_t right = 0;
    double value = -0.5;  ///< p - 0.5 of the rows that reach the node

    bool operator==(const Node&) const = default;
  };

  std::size_t d = 0;
  std::vector<Node> nodes = std::vector<Node>(1);

  std::size_t n_features() const { return d; }

  /// x [d], trusted to have n_features() values. One comparison a level; neither allocates nor throws.
  double decision_function(std::span<const double> x) const {
    const Node* node = nodes.data();
    while (node->left != 0) node = &nodes[x[node->feature] <= node->threshold ? node->left : node->right];
    return node->value;
  }

  bool operator==(const TreeModel&) const = default;
};

inline void to_json(nlohmann::json& json, const TreeModel& m) {
  json = {{"n_features", m.d}};
  for (const char* key : {"feature", "threshold", "left", "right", "value"}) json[key] = nlohmann::json::array();
  for (const auto& node : m.nodes) {
    json["feature"].push_back(node.feature);
    json["threshold"].push_back(node.threshold);
    json["left"].push_back(node.left);
    json["right"].push_back(node.right);
    json["value"].push_back(node.value);
  }
}

/// Throws FormatError unless the arrays agree and every child lies behind its parent.
inline void from_json(const nlohmann::json& json, TreeModel& m) {
  refuse_unknown_keys(json, {"n_features", "feature", "threshold", "left", "right", "value"});
  m.d = model_json::index(json, "n_features", std::size_t{1} << 31U);
  const auto value = model_json::numbers(json, "value");
  const auto threshold = model_json::numbers(json, "threshold");
  const auto feature = model_json::indices(json, "feature", m.d + 1);
  const auto left = model_json::indices(json, "left", value.size());
  const auto right = model_json::indices(json, "right", value.size());
  const auto n = value.size();
  if (n == 0 || threshold.size() != n || feature.size() != n || left.size() != n || right.size() != n)
    throw FormatError("model: the tree's arrays differ in size or are empty");
  m.nodes.clear();
  for (std::size_t i = 0; i < n; ++i) {
    const bool leaf = left[i] == 0 && right[i] == 0;
    if (!leaf && (left[i] <= i || right[i] <= i || feature[i] >= m.d))
      throw FormatError("model: the tree's node " + std::to_string(i) + " is damaged");
    m.nodes.push_back({feature[i], threshold[i], left[i], right[i], value[i]});
  }
}

}  // namespace weir
