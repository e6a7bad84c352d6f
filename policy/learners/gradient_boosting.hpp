/// Gradient-boosted trees for the weighted logistic loss.
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
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/histogram.hpp>
#include <weir/policy/learners/histogram_tree.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/models/tree_ensemble_model.hpp>
#include <weir/policy/learners/random.hpp>

namespace weir::detail {

/// f = base + sum of `rounds` trees, each a damped Newton step of  L(f) = sum_i v_i log(1 + exp(-s_i f(x_i))),
/// v = weight / sum(weight), s = 2 y - 1: with p = 1 / (1 + exp(-f)), g_i = v_i (p_i - y_i), h_i = v_i p_i (1 - p_i)
/// and G, H their sums over the rows of a node, a leaf adds -learning_rate G / (H + lambda) and a cut is worth G_l^2 /
/// (H_l + lambda) + G_r^2 / (H_r + lambda) - G^2 / (H + lambda)  (Friedman, Ann. Stat. 2001; Chen and Guestrin, KDD
/// 2016), found in histograms (Ke et al., NeurIPS 2017). base is the weighted log-odds, so decision_function is the
/// log-odds of class 1. It stops early where no cut is worth anything.
///
/// XGBoost's `hist` with lambda and min_child_weight in units of sum(weight). Sums over nodes are exact, so the order
/// of the rows matters only by the rounding of sum(weight) and base. O(d n log n + rounds d n max_depth / 2); a
/// decision costs rounds * max_depth comparisons.
struct GradientBoosting {
  int rounds = 100;                   ///< trees, 1 to 10000
  double learning_rate = 0.1;         ///< in (0, 1]
  int max_depth = 4;                  ///< 1 to 64
  double lambda = 1e-3;               ///< in units of the total weight, 1e-12 or more
  double min_child_hessian = 2.5e-3;  ///< least H of a leaf, in units of the total weight
  int max_bins = 255;                 ///< 2 to 255
  double validation_fraction = 0;     ///< of the rows, held out to stop where their loss is least; 0: none, below 1
  int patience = 10;                  ///< rounds without a lower loss on the rows held out

  /// Throws what Dataset::check throws, and ArgumentError for a hyper-parameter out of its range.
  TreeEnsembleModel fit(const Dataset& data) const;

 private:
  /// The rows' parts in the loss. Rows held out have share 0 and go down the trees with the others.
  struct Rows {
    std::vector<char> y;
    std::vector<double> share;  ///< of the total weight of the rows to fit
    std::vector<double> held;   ///< of the total weight of those held out; empty where there are none

    explicit Rows(const Dataset& data)
        : y(data.y.begin(), data.y.end()), share(data.sample_weight.begin(), data.sample_weight.end()) {
      normalise(share);
    }

    static void normalise(std::vector<double>& weight) {
      double total = 0;
      for (const double w : weight) total += w;
      for (double& w : weight) w /= total;
    }

    /// Sum of the shares of a class.
    double of_class(int label) const {
      double sum = 0;
      for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] == label ? share[i] : 0;
      return sum;
    }

    /// log(share of class 1 / share of class 0), finite even where one is lost in rounding.
    double log_odds() const {
      constexpr double least = std::numeric_limits<double>::min();
      return std::log(std::max(of_class(1), least)) - std::log(std::max(of_class(0), least));
    }

    /// Holds rows out by what is in them, so that a row and its copies stay together. None where both classes would not
    /// remain, or no example would leave.
    void hold_out(const BinnedFeatures& X, double fraction) {
      Rows split = *this;
      split.held.assign(y.size(), 0.0);
      std::size_t n_held = 0;
      for (std::size_t i = 0; i < y.size(); ++i)
        if (counter_uniform(0, X.key(i, y[i])) < fraction) {
          std::swap(split.share[i], split.held[i]);
          ++n_held;
        }
      if (n_held == 0 || !(split.of_class(0) > 0) || !(split.of_class(1) > 0)) return;
      normalise(split.share);
      normalise(split.held);
      *this = std::move(split);
    }
  };

  struct Criterion {
    double lambda;
    double least;
    double learning_rate;
    static constexpr bool must_gain = true;

    static double squares(double G, double) { return G * G; }
    double mass(double, double H) const { return H + lambda; }
    static double size(double, double H) { return H; }
    bool may_split(double, double H) const { return H > 0 && H >= 2 * least; }
    double value(double G, double H) const { return -learning_rate * (G / (H + lambda)); }
  };

  TreeEnsembleModel boost(const BinnedFeatures& X, const Rows& rows, std::size_t d) const {
    auto model = TreeEnsembleModel::constant(rows.log_odds(), d);
    const Criterion criterion{lambda * FixedPair::one, min_child_hessian * FixedPair::one, learning_rate};
    HistogramTreeGrower<Criterion> grower(X, criterion, max_depth, X.n_columns());
    std::vector<double> margin(X.n, model.base);
    std::vector<FixedPair> sums(X.n);
    double least_loss = std::numeric_limits<double>::infinity();
    std::size_t best_trees = 0;
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < X.n; ++i) {
        const double p = 1 / (1 + std::exp(-margin[i]));
        sums[i] = FixedPair::from(rows.share[i] * (p - rows.y[i]), rows.share[i] * (p * (1 - p)));
      }
      const std::size_t trees = model.roots.size(), nodes = model.nodes.size();
      grower.grow(sums, 0, model, [&](double value, std::span<const std::uint32_t> leaf) {
        for (const auto row : leaf) margin[row] += value;
      });
      if (model.nodes.size() == nodes + 1) {
        truncate(model, trees);
        break;
      }
      if (rows.held.empty()) continue;
      const double loss = held_loss(rows, margin);
      if (loss < least_loss) {
        least_loss = loss;
        best_trees = model.roots.size();
      } else if (model.roots.size() >= best_trees + static_cast<std::size_t>(patience)) {
        break;
      }
    }
    if (!rows.held.empty()) truncate(model, best_trees);
    return model;
  }

  static double held_loss(const Rows& rows, const std::vector<double>& margin) {
    double sum = 0;
    for (std::size_t i = 0; i < margin.size(); ++i)
      if (rows.held[i] > 0)
        sum += rows.held[i] * LogisticRegression::Loss::value(rows.y[i] == 1 ? margin[i] : -margin[i]);
    return sum;
  }

  static void truncate(TreeEnsembleModel& model, std::size_t trees) {
    if (trees == model.roots.size()) return;
    model.nodes.resize(model.roots[trees]);
    model.roots.resize(trees);
  }

  void check() const {
    const auto demand = [](bool holds, const char* text) {
      if (!holds) throw ArgumentError(detail::message({"boosting: ", text}));
    };
    demand(rounds >= 1 && rounds <= 10000, "rounds must be in [1, 10000]");
    demand(learning_rate > 0 && learning_rate <= 1, "learning_rate must be in (0, 1]");
    demand(max_depth >= 1 && max_depth <= 64, "max_depth must be in [1, 64]");
    demand(lambda >= 1e-12 && std::isfinite(lambda), "lambda must be finite and at least 1e-12");
    demand(min_child_hessian >= 0 && std::isfinite(min_child_hessian), "min_child_hessian must be finite and >= 0");
    demand(max_bins >= 2 && max_bins <= 255, "max_bins must be in [2, 255]");
    demand(validation_fraction >= 0 && validation_fraction < 1, "validation_fraction must be in [0, 1)");
    demand(patience >= 1, "patience must be at least 1");
  }
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/gradient_boosting.ipp>
#endif
