/// Scores of examples by models that never saw them.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>
#include <weir/policy/learners/dataset.hpp>

namespace weir::detail {

/// Ranks of the rows of X [n, d] in lexicographic order, equal rows sharing one: 0 .. number of different rows - 1.
inline std::vector<std::size_t> row_ranks(const Eigen::MatrixXd& X) {
  const auto compare = [&](Eigen::Index a, Eigen::Index b) {
    for (Eigen::Index j = 0; j < X.cols(); ++j)
      if (X(a, j) != X(b, j)) return X(a, j) < X(b, j) ? -1 : 1;
    return 0;
  };
  std::vector<Eigen::Index> order(static_cast<std::size_t>(X.rows()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return compare(a, b) < 0; });
  std::vector<std::size_t> rank(order.size(), 0);
  for (std::size_t k = 1; k < order.size(); ++k)
    rank[static_cast<std::size_t>(order[k])] =
        rank[static_cast<std::size_t>(order[k - 1])] + (compare(order[k - 1], order[k]) != 0 ? 1 : 0);
  return rank;
}

/// decision_function of each row by fit(data without the row's fold). [n]
///
/// Row i belongs to fold (rank i) mod `folds`, ranks being those of the different rows in lexicographic order. So a row
/// that is there twice is in one fold, and neither the order of the rows nor the unit of a feature changes the folds;
/// each fold spreads evenly over the first feature. Where fewer rows differ than there are folds, each is its own;
/// where all are equal there is nothing to leave out, and they are scored by fit(data). Cost: `folds` fits and a sort.
template <class Fit>
Eigen::VectorXd out_of_fold_scores(const Dataset& data, std::size_t folds, const Fit& fit) {
  const std::vector<std::size_t> rank = row_ranks(data.X);
  folds = std::min(folds, *std::max_element(rank.begin(), rank.end()) + 1);
  Eigen::VectorXd score(data.X.rows());
  std::vector<double> x(static_cast<std::size_t>(data.X.cols()));
  for (std::size_t fold = 0; fold < folds; ++fold) {
    Dataset others = data;
    for (std::size_t i = 0; i < rank.size() && folds > 1; ++i)
      if (rank[i] % folds == fold) others.sample_weight(static_cast<Eigen::Index>(i)) = 0;
    const auto model = fit(others);
    for (std::size_t i = 0; i < rank.size(); ++i) {
      if (rank[i] % folds != fold) continue;
      for (std::size_t j = 0; j < x.size(); ++j)
        x[j] = data.X(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
      score(static_cast<Eigen::Index>(i)) = model.decision_function(x);
    }
  }
  return score;
}

}  // namespace weir::detail
