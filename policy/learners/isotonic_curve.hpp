/// Weighted isotonic regression: the least-squares monotone fit, and the curve that it is applied by.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/model_json.hpp>

namespace weir {

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

/// Piecewise linear through (x_k, y_k), constant beyond the ends.
struct IsotonicCurve {
  std::vector<double> x = {0};  ///< [m], m >= 1, strictly ascending
  std::vector<double> y = {0};  ///< [m]

  /// Isotonic regression of `target` on `score`, non-decreasing. Rows of one score are first averaged; what lies inside
  /// a level piece is left out. As scikit-learn's IsotonicRegression(out_of_bounds="clip"). All [n]; O(n log n).
  /// Throws ShapeError where sizes differ, ArgumentError for a number that is not finite, a negative weight, no weight
  /// at all, or scores whose spread overflows.
  static IsotonicCurve fit(const Eigen::VectorXd& score, const Eigen::VectorXd& target, const Eigen::VectorXd& weight) {
    if (target.size() != score.size() || weight.size() != score.size())
      throw ShapeError("isotonic: " + std::to_string(score.size()) + " scores, " + std::to_string(target.size()) +
                       " targets, " + std::to_string(weight.size()) + " weights");
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

  /// O(log m). Neither allocates nor throws.
  double operator()(double score) const {
    const auto above = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), score) - x.begin());
    if (above == 0) return y.front();
    if (above == x.size()) return y.back();
    const double share = (score - x[above - 1]) / (x[above] - x[above - 1]);
    return y[above - 1] + share * (y[above] - y[above - 1]);
  }

  bool operator==(const IsotonicCurve&) const = default;
};

inline void to_json(nlohmann::json& json, const IsotonicCurve& c) { json = {{"x", c.x}, {"y", c.y}}; }

/// Throws FormatError unless x is not empty, ascends and does not overflow, and y is as long and does not descend.
inline void from_json(const nlohmann::json& json, IsotonicCurve& c) {
  refuse_unknown_keys(json, {"x", "y"});
  c = {model_json::numbers(json, "x"), model_json::numbers(json, "y")};
  if (c.x.empty() || c.x.size() != c.y.size()) throw FormatError("model: the curve's 'x' and 'y' differ in size");
  for (std::size_t k = 1; k < c.x.size(); ++k)
    if (!(c.x[k - 1] < c.x[k]) || !(c.y[k - 1] <= c.y[k])) throw FormatError("model: the curve must ascend");
  if (!std::isfinite(c.x.back() - c.x.front())) throw FormatError("model: the curve's 'x' overflows");
}

}  // namespace weir
