/// Random forest with weights.
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

namespace weir {

/// f(x) = mean over the trees of (p - 0.5), p being the weighted share of class 1 in the leaf that x reaches; trees as
/// DecisionTree's, grown from histograms, each on weights of its own and with columns drawn anew in every node
/// (Breiman, Machine Learning 2001).
///
/// A tree sees row i with weight_i E_i, E_i ~ Exp(1): the Bayesian bootstrap (Rubin, Ann. Stat. 1981) in place of
/// Breiman's counts, with the same mean and variance. E_i is drawn from the row's bins and label, so that a row of
/// weight 2 is the row twice and neither the order of rows nor the unit of weights matters. The price: rows that no
/// learner could tell apart are drawn together, so trees differ more where few rows differ.
///
/// Deterministic from `seed`. O(d n log n + trees max_features n max_depth).
struct RandomForest {
  int trees = 100;                          ///< 1 to 10000
  int max_depth = 8;                        ///< 1 to 64
  int max_features = 0;                     ///< columns a node looks at; 0: floor(sqrt(d))
  double min_weight_fraction_leaf = 0.005;  ///< share of the tree's total weight that a leaf holds at least, 0 to 0.5
  bool bootstrap = true;                    ///< false: every tree sees the weights as they are
  int max_bins = 255;                       ///< 2 to 255
  std::uint64_t seed = 0;

  /// Throws what Dataset::check throws, and ArgumentError for a hyper-parameter out of its range.
  TreeEnsembleModel fit(const Dataset& data) const {
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

 private:
  /// Gini: sums are the weights of classes 0 and 1.
  struct Criterion {
    double least;
    double trees;
    static constexpr bool must_gain = false;

    static double squares(double w0, double w1) { return w0 * w0 + w1 * w1; }
    static double mass(double w0, double w1) { return w0 + w1; }
    static double size(double w0, double w1) { return w0 + w1; }
    static bool may_split(double w0, double w1) { return w0 > 0 && w1 > 0; }
    double value(double w0, double w1) const { return (w1 / (w0 + w1) - 0.5) / trees; }
  };

  /// Seeds that differ between trees and between forests.
  std::uint64_t stream(std::uint64_t k) const { return static_cast<std::uint64_t>(counter_uniform(seed, k) * 0x1p53); }

  void check() const {
    const auto demand = [](bool holds, const char* text) {
      if (!holds) throw ArgumentError(std::string("forest: ") + text);
    };
    demand(trees >= 1 && trees <= 10000, "trees must be in [1, 10000]");
    demand(max_depth >= 1 && max_depth <= 64, "max_depth must be in [1, 64]");
    demand(max_features >= 0, "max_features must be >= 0");
    demand(min_weight_fraction_leaf >= 0 && min_weight_fraction_leaf <= 0.5,
           "min_weight_fraction_leaf must be in [0, 0.5]");
    demand(max_bins >= 2 && max_bins <= 255, "max_bins must be in [2, 255]");
  }
};

}  // namespace weir
