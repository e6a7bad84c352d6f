/// The best single cut on one feature.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/learners/models/threshold_model.hpp>

namespace weir::detail {

/// argmin over (feature, direction, threshold) of sum_i weight_i 1[class chosen != y_i], the gate's objective itself
/// and no surrogate: on one confidence statistic this is the max-probability or entropy cascade, fitted to cost.
///
/// Both constants are candidates too. Among equal errors: a constant, then the lower feature index, direction +1, the
/// lower threshold. Thresholds lie midway between neighbouring values. Cost O(d n log n).
struct SingleThreshold {
  int feature = -1;  ///< the column to cut, or -1 for the best of all

  ThresholdModel fit(const Dataset& data) const {
    data.check();
    const auto columns = data.X.cols();
    if (feature < -1 || feature >= columns)
      throw ArgumentError(detail::message({"threshold: feature ", feature, " is not in [-1, ", columns, ")"}));
    const auto d = static_cast<std::size_t>(columns);
    const Dataset used = data.without_zero_weights();
    double weight[2] = {0, 0};
    for (std::size_t i = 0; i < used.y.size(); ++i) weight[used.y[i]] += used.sample_weight(static_cast<long>(i));
    ThresholdModel best = ThresholdModel::constant(weight[1] > weight[0] ? 1 : 0, d);
    double least = std::min(weight[0], weight[1]);
    // Sums in another order differ by rounding; what differs by less is a tie.
    const double tie = 1e-12 * (weight[0] + weight[1]);

    std::vector<Eigen::Index> order(used.y.size());
    for (Eigen::Index j = feature < 0 ? 0 : feature; j < (feature < 0 ? columns : feature + 1); ++j) {
      std::iota(order.begin(), order.end(), Eigen::Index{0});
      std::stable_sort(order.begin(), order.end(),
                       [&](Eigen::Index a, Eigen::Index b) { return used.X(a, j) < used.X(b, j); });
      for (const int direction : {1, -1}) {
        // Class 1 above: wrong are the ones below the cut and the zeros above it; mirrored for direction -1.
        double error = direction > 0 ? weight[0] : weight[1];
        for (std::size_t k = 0; k + 1 < order.size(); ++k) {
          const int label = used.y[static_cast<std::size_t>(order[k])];
          error += ((label == 1) == (direction > 0) ? 1 : -1) * used.sample_weight(order[k]);
          const double low = used.X(order[k], j), high = used.X(order[k + 1], j);
          if (low == high || error >= least - tie) continue;
          least = error;
          best = {d, static_cast<std::size_t>(j), cut(low, high, direction), direction, 0};
        }
      }
    }
    return best;
  }

 private:
  /// A value t with low < t < high, or the end that keeps both on their sides where no double lies between: the class
  /// at t itself is 0.
  static double cut(double low, double high, int direction) {
    const double middle = low / 2 + high / 2;
    if (middle > low && middle < high) return middle;
    return direction > 0 ? low : high;
  }
};

}  // namespace weir::detail
