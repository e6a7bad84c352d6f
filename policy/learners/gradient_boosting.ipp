// What gradient_boosting.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/gradient_boosting.hpp>
#include <weir/policy/learners/histogram.hpp>
#include <weir/policy/learners/histogram_tree.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/models/tree_ensemble_model.hpp>
#include <weir/policy/learners/random.hpp>

namespace weir::detail {

WEIR_INLINE TreeEnsembleModel GradientBoosting::fit(const Dataset& data) const {
  check();
  data.check();
  const auto d = static_cast<std::size_t>(data.X.cols());
  const Dataset used = data.without_zero_weights();
  if (const int only = used.only_class(); only >= 0) return TreeEnsembleModel::constant(only == 1 ? 1 : -1, d);
  const BinnedFeatures X(used.X, used.sample_weight, max_bins);
  Rows rows(used);
  if (validation_fraction > 0) rows.hold_out(X, validation_fraction);
  return boost(X, rows, d);
}

}  // namespace weir::detail
