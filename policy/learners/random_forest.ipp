// What random_forest.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/histogram.hpp>
#include <weir/policy/learners/histogram_tree.hpp>
#include <weir/policy/learners/models/tree_ensemble_model.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/learners/random_forest.hpp>

namespace weir::detail {

WEIR_INLINE TreeEnsembleModel RandomForest::fit(const Dataset& data) const {
  check();
  data.check();
  const auto d = static_cast<std::size_t>(data.X.cols());
  const Dataset used = data.without_zero_weights();
  if (const int only = used.only_class(); only >= 0) return TreeEnsembleModel::constant(only - 0.5, d);
  const BinnedFeatures X(used.X, used.sample_weight, max_bins);
  std::vector<std::uint64_t> keys(X.n);
  for (std::size_t i = 0; i < X.n; ++i) keys[i] = X.key(i, used.y[i]);

  auto model = TreeEnsembleModel::constant(0, d);
  const std::size_t root = std::max<std::size_t>(1, static_cast<std::size_t>(std::sqrt(static_cast<double>(d))));
  const Criterion criterion{min_weight_fraction_leaf * (1 - 1e-12) * FixedPair::one, static_cast<double>(trees)};
  HistogramTreeGrower<Criterion> grower(X, criterion, max_depth,
                                        max_features == 0 ? root : static_cast<std::size_t>(max_features));
  std::vector<FixedPair> sums(X.n);
  const Eigen::VectorXd share = used.sample_weight / used.sample_weight.sum();
  std::vector<double> drawn(X.n);
  for (std::uint64_t tree = 0; tree < static_cast<std::uint64_t>(trees); ++tree) {
    double total = 0;
    for (std::size_t i = 0; i < X.n; ++i) {
      const double factor = bootstrap ? -std::log1p(-counter_uniform(stream(2 * tree), keys[i])) : 1;
      drawn[i] = factor * share(static_cast<Eigen::Index>(i));
      total += drawn[i];
    }
    for (std::size_t i = 0; i < X.n; ++i)
      sums[i] = used.y[i] == 1 ? FixedPair::from(0, drawn[i] / total) : FixedPair::from(drawn[i] / total, 0);
    grower.grow(sums, stream(2 * tree + 1), model, [](double, std::span<const std::uint32_t>) {});
  }
  return model;
}

}  // namespace weir::detail
