/// A sum of binary decision trees, as fitted and as stored.
#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

/// f(x) = base + sum over the trees, in order, of the value of the leaf that x reaches.
///
/// All trees lie in one array, each behind the one before; inside a tree children lie behind their parent, so every
/// descent ends. An inner node sends x to `left` where x[feature] <= value and to the node behind `left` otherwise.
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

void to_json(nlohmann::json& json, const TreeEnsembleModel& m);

/// Throws FormatError unless the arrays agree, every child lies behind its parent in the same tree, every feature
/// exists and no sum of leaves can overflow.
void from_json(const nlohmann::json& json, TreeEnsembleModel& m);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/models/tree_ensemble_model.ipp>
#endif
