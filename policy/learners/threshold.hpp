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
#include <weir/policy/dataset.hpp>
#include <weir/policy/learners/model_json.hpp>

namespace weir {

/// f(x) = direction * (x[feature] - threshold), or +1 / -1 for direction 0.
struct ThresholdModel {
  std::size_t d = 0;
  std::size_t feature = 0;
  double threshold = 0;
  int direction = 0;       ///< +1: class 1 above the threshold, -1: below, 0: `constant_label` everywhere
  int constant_label = 0;  ///< used with direction 0 only

  static ThresholdModel constant(int label, std::size_t d) { return {d, 0, 0.0, 0, label}; }

  std::size_t n_features() const { return d; }

  /// x [d], trusted to have n_features() values. Neither allocates nor throws.
  double decision_function(std::span<const double> x) const {
    if (direction == 0) return constant_label == 1 ? 1.0 : -1.0;
    return direction > 0 ? x[feature] - threshold : threshold - x[feature];
  }

  bool operator==(const ThresholdModel&) const = default;
};

inline void to_json(nlohmann::json& json, const ThresholdModel& m) {
  json = {{"n_features", m.d},
          {"feature", m.feature},
          {"threshold", m.threshold},
          {"direction", m.direction},
          {"constant_label", m.constant_label}};
}

inline void from_json(const nlohmann::json& json, ThresholdModel& m) {
  refuse_unknown_keys(json, {"n_features", "feature", "threshold", "direction", "constant_label"});
  m.d = model_json::index(json, "n_features", std::size_t{1} << 31U);
  m.feature = model_json::index(json, "feature", std::max<std::size_t>(m.d, 1));
  m.threshold = model_json::number(json, "threshold");
  const double direction = model_json::number(json, "direction");
  if (direction != 1 && direction != 0 && direction != -1) throw FormatError("model: 'direction' must be -1, 0 or 1");
  m.direction = static_cast<int>(direction);
  if (m.direction != 0 && m.d == 0) throw FormatError("model: a threshold needs a feature");
  m.constant_label = static_cast<int>(model_json::index(json, "constant_label", 2));
}

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
      throw ArgumentError("threshold: feature " + std::to_string(feature) + " is not in [-1, " +
                          std::to_string(columns) + ")");
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

}  // namespace weir
