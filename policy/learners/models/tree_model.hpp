/// A binary decision tree over features, as fitted and as stored.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

/// Where a tree cuts between neighbouring values low < high: midway, or `low` where no double lies between.
double threshold_between(double low, double high);

/// Node 0 is the root. An inner node sends x to `left` where x[feature] <= threshold and to `right` otherwise; children
/// lie behind their parent in the array, so every descent ends. The decision is p - 0.5, with p the weighted share of
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

void to_json(nlohmann::json& json, const TreeModel& m);

/// Throws FormatError unless the arrays agree and every child lies behind its parent.
void from_json(const nlohmann::json& json, TreeModel& m);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/models/tree_model.ipp>
#endif
