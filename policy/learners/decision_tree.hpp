/// CART with weights.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/models/tree_model.hpp>

namespace weir::detail {

/// A classification tree grown greedily by the weighted Gini impurity 2 p (1 - p) (Breiman, Friedman, Olshen, Stone,
/// 1984): each node takes the cut (feature, threshold) that maximises the sum over the children of
/// (W0^2 + W1^2) / (W0 + W1), W being the children's class weights. As scikit-learn's DecisionTreeClassifier, with ties
/// broken by feature index, then by the lower threshold; thresholds lie midway between neighbouring values.
///
/// Columns are sorted once and kept sorted by stable partition: O(d n log n + d n depth).
struct DecisionTree {
  int max_depth = 4;                       ///< 1 to 64; 1 is a single cut
  double min_weight_fraction_leaf = 0.01;  ///< share of the total weight that a leaf holds at least, 0 to 0.5
  std::size_t min_samples_leaf = 1;        ///< rows of weight > 0 in a leaf at least; above 1 a repeated row counts

  /// Throws what Dataset::check throws, and ArgumentError for a hyper-parameter out of its range.
  TreeModel fit(const Dataset& data) const;

 private:
  struct Cut {
    double score = -std::numeric_limits<double>::infinity();
    std::size_t feature = 0;
    double threshold = 0;
    std::size_t n_left = 0;  ///< 0: no cut is allowed
  };

  struct Grower {
    const DecisionTree& options;
    const Dataset& data;
    TreeModel& model;
    std::vector<std::vector<Eigen::Index>> order = {};  ///< [d][n] rows by value; a node owns the same range of each
    std::vector<Eigen::Index> scratch = {};
    std::vector<char> goes_left = {};
    double least_weight = 0;

    int label(Eigen::Index row) const { return data.y[static_cast<std::size_t>(row)]; }

    void prepare() {
      order.resize(model.d, std::vector<Eigen::Index>(data.y.size()));
      for (std::size_t j = 0; j < model.d; ++j) {
        const auto column = data.X.col(static_cast<Eigen::Index>(j));
        std::iota(order[j].begin(), order[j].end(), Eigen::Index{0});
        std::stable_sort(order[j].begin(), order[j].end(),
                         [&](Eigen::Index a, Eigen::Index b) { return column(a) < column(b); });
      }
      scratch.resize(data.y.size());
      goes_left.resize(data.y.size());
      least_weight = options.min_weight_fraction_leaf * data.sample_weight.sum();
    }

    /// Grows node `at` (index in model.nodes) from the rows order[*][begin, end).
    void grow(std::size_t at, std::size_t begin, std::size_t end, int depth) {
      double weight[2] = {0, 0};
      for (std::size_t k = begin; k < end; ++k) weight[label(order[0][k])] += data.sample_weight(order[0][k]);
      const double total = weight[0] + weight[1];
      model.nodes[at].value = weight[1] / total - 0.5;
      if (depth == options.max_depth || weight[0] == 0 || weight[1] == 0) return;
      const Cut cut = best_cut(begin, end, weight);
      if (cut.n_left == 0) return;
      partition(cut, begin, end);
      const std::size_t left = model.nodes.size();
      model.nodes.resize(left + 2);
      model.nodes[at].feature = cut.feature;
      model.nodes[at].threshold = cut.threshold;
      model.nodes[at].left = left;
      model.nodes[at].right = left + 1;
      grow(left, begin, begin + cut.n_left, depth + 1);
      grow(left + 1, begin + cut.n_left, end, depth + 1);
    }

    Cut best_cut(std::size_t begin, std::size_t end, const double (&weight)[2]) const {
      // Sums in another order differ by rounding; what differs by less is a tie, also at the least leaf weight.
      const double total = weight[0] + weight[1], tie = 1e-12 * total, least = least_weight * (1 - 1e-12);
      Cut best;
      for (std::size_t j = 0; j < model.d; ++j) {
        const auto column = data.X.col(static_cast<Eigen::Index>(j));
        double left[2] = {0, 0};
        for (std::size_t k = begin; k + 1 < end; ++k) {
          const auto row = order[j][k];
          left[label(row)] += data.sample_weight(row);
          const double low = column(row), high = column(order[j][k + 1]);
          const std::size_t n_left = k + 1 - begin, n_right = end - k - 1;
          if (low == high || std::min(n_left, n_right) < options.min_samples_leaf) continue;
          const double right[2] = {std::max(0.0, weight[0] - left[0]), std::max(0.0, weight[1] - left[1])};
          const double left_total = left[0] + left[1], right_total = right[0] + right[1];
          if (std::min(left_total, right_total) < least || !(right_total > 0)) continue;
          const double score = sum_of_squares(left) / left_total + sum_of_squares(right) / right_total;
          if (!(score > best.score + tie)) continue;
          best = {score, j, threshold_between(low, high), n_left};
        }
      }
      return best;
    }

    static double sum_of_squares(const double (&w)[2]) { return w[0] * w[0] + w[1] * w[1]; }

    /// Splits every column's range in place, each half still sorted.
    void partition(const Cut& cut, std::size_t begin, std::size_t end) {
      const auto column = data.X.col(static_cast<Eigen::Index>(cut.feature));
      for (std::size_t k = begin; k < end; ++k)
        goes_left[static_cast<std::size_t>(order[0][k])] = column(order[0][k]) <= cut.threshold;
      for (auto& rows : order) {
        std::size_t left = begin, right = 0;
        for (std::size_t k = begin; k < end; ++k) {
          if (goes_left[static_cast<std::size_t>(rows[k])])
            rows[left++] = rows[k];
          else
            scratch[right++] = rows[k];
        }
        std::copy_n(scratch.begin(), right, rows.begin() + static_cast<std::ptrdiff_t>(left));
      }
    }
  };
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/decision_tree.ipp>
#endif
