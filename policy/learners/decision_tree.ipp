// What decision_tree.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/decision_tree.hpp>
#include <weir/policy/learners/models/tree_model.hpp>

namespace weir::detail {

WEIR_INLINE TreeModel DecisionTree::fit(const Dataset& data) const {
  if (max_depth < 1 || max_depth > 64) throw ArgumentError("tree: max_depth must be in [1, 64]");
  if (!(min_weight_fraction_leaf >= 0 && min_weight_fraction_leaf <= 0.5))
    throw ArgumentError("tree: min_weight_fraction_leaf must be in [0, 0.5]");
  if (min_samples_leaf < 1) throw ArgumentError("tree: min_samples_leaf must be at least 1");
  data.check();
  TreeModel model;
  model.d = static_cast<std::size_t>(data.X.cols());
  const Dataset used = data.without_zero_weights();
  if (used.y.empty()) return model;
  Grower grower{*this, used, model};
  grower.prepare();
  grower.grow(0, 0, used.y.size(), 0);
  return model;
}

}  // namespace weir::detail
