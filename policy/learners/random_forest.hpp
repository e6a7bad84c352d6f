/// Random forest with weights.
#pragma once
#include <cstdint>
#include <string>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/models/tree_ensemble_model.hpp>
#include <weir/policy/learners/random.hpp>

namespace weir::detail {

/// f(x) = mean over the trees of (p - 0.5), p being the weighted share of class 1 in the leaf that x reaches; trees as
/// DecisionTree's, grown from histograms, each on weights of its own and with columns drawn again in every node
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
  TreeEnsembleModel fit(const Dataset& data) const;

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
      if (!holds) throw ArgumentError(detail::message({"forest: ", text}));
    };
    demand(trees >= 1 && trees <= 10000, "trees must be in [1, 10000]");
    demand(max_depth >= 1 && max_depth <= 64, "max_depth must be in [1, 64]");
    demand(max_features >= 0, "max_features must be >= 0");
    demand(min_weight_fraction_leaf >= 0 && min_weight_fraction_leaf <= 0.5,
           "min_weight_fraction_leaf must be in [0, 0.5]");
    demand(max_bins >= 2 && max_bins <= 255, "max_bins must be in [2, 255]");
  }
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/random_forest.ipp>
#endif
