/// Weighted isotonic regression: the least-squares monotone fit.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/isotonic_curve.hpp>

namespace weir::detail {

/// argmin_v sum_i weight_i (v_i - y_i)^2 over v_1 <= ... <= v_n: every v_i is the weighted mean of its block. Pool
/// adjacent violators (Barlow, Bartholomew, Bremner, Brunk, Statistical Inference under Order Restrictions, 1972).
/// y, weight [n], weight > 0. O(n).
inline std::vector<double> isotonic_regression(const std::vector<double>& y, const std::vector<double>& weight) {
  struct Block {
    double mean, weight;
    std::size_t rows;
  };
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < y.size(); ++i) {
    Block last{y[i], weight[i], 1};
    for (; !blocks.empty() && blocks.back().mean >= last.mean; blocks.pop_back()) {
      const Block& before = blocks.back();
      const double total = before.weight + last.weight;
      last = {before.mean + (last.mean - before.mean) * (last.weight / total), total, before.rows + last.rows};
    }
    blocks.push_back(last);
  }
  std::vector<double> v;
  v.reserve(y.size());
  for (const Block& block : blocks) v.insert(v.end(), block.rows, block.mean);
  return v;
}

/// Isotonic regression of `target` on `score`, non-decreasing. Rows of one score are first averaged; what lies inside
/// a level piece is left out. As scikit-learn's IsotonicRegression(out_of_bounds="clip"). All [n]; O(n log n).
/// Throws ShapeError where sizes differ, ArgumentError for a number that is not finite, a negative weight, no weight
/// at all, or scores whose spread overflows.
inline IsotonicCurve fit_isotonic_curve(const Eigen::VectorXd& score, const Eigen::VectorXd& target,
                                        const Eigen::VectorXd& weight) {
  if (target.size() != score.size() || weight.size() != score.size())
    throw ShapeError(detail::message(
        {"isotonic: ", score.size(), " scores, ", target.size(), " targets, ", weight.size(), " weights"}));
  if (!score.allFinite() || !target.allFinite() || !weight.allFinite() || (weight.array() < 0).any() ||
      !(weight.sum() > 0) || !std::isfinite(weight.sum()))
    throw ArgumentError("isotonic: scores, targets and weights must be finite, weights >= 0 and not all 0");
  std::vector<Eigen::Index> order;
  for (Eigen::Index i = 0; i < score.size(); ++i)
    if (weight(i) > 0) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return score(a) < score(b); });
  if (!std::isfinite(score(order.back()) - score(order.front())))
    throw ArgumentError("isotonic: the spread of the scores overflows");

  std::vector<double> at, mean, total;
  for (const Eigen::Index i : order) {
    if (at.empty() || score(i) != at.back()) at.push_back(score(i)), mean.push_back(0), total.push_back(0);
    total.back() += weight(i);
    mean.back() += (target(i) - mean.back()) * (weight(i) / total.back());
  }
  const std::vector<double> v = isotonic_regression(mean, total);
  IsotonicCurve curve{{}, {}};
  for (std::size_t k = 0; k < v.size(); ++k) {
    if (k > 0 && k + 1 < v.size() && v[k] == v[k - 1] && v[k] == v[k + 1]) continue;
    curve.x.push_back(at[k]);
    curve.y.push_back(v[k]);
  }
  return curve;
}

}  // namespace weir::detail
