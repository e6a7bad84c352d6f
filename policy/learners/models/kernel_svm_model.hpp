/// The decision function of a kernel SVM.
#pragma once
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir {

/// f(x) = sum_s coef_s exp(-gamma sum_j ((x_j - support_sj) factor_j)^2) + intercept. The support vectors are rows of
/// the training data as they were; the mean of a standardised feature cancels in the difference.
///
/// A decision costs n_support (2 d operations and an exponential): microseconds for hundreds of support vectors, where
/// a linear gate takes tens of nanoseconds. Noisy labels make most rows support vectors.
struct KernelSvmModel {
  std::vector<double> factor;   ///< [d], > 0: 1 / deviation
  std::vector<double> support;  ///< [n_support, d]
  std::vector<double> coef;     ///< [n_support] y_i a_i
  double gamma = 1;
  double intercept = -1;
  double relative_gap = 0;  ///< the proven (P - min P) / P is at most this; above the tolerance where max_iter ended it

  /// f(x) = +1 for class 1 or -1 for class 0, whatever x is.
  static KernelSvmModel constant(int label, std::size_t d) {
    return {std::vector<double>(d, 1.0), {}, {}, 1.0, label == 1 ? 1.0 : -1.0, 0.0};
  }

  std::size_t n_features() const { return factor.size(); }
  std::size_t n_support() const { return coef.size(); }

  /// x [d], trusted to have n_features() values. Neither allocates nor throws.
  double decision_function(std::span<const double> x) const {
    double sum = intercept;
    const double* s = support.data();
    for (const double a : coef) {
      double distance = 0;
      for (std::size_t j = 0; j < factor.size(); ++j, ++s) {
        const double difference = (x[j] - *s) * factor[j];
        distance += difference * difference;
      }
      sum += a * std::exp(-gamma * distance);
    }
    return sum;
  }

  bool operator==(const KernelSvmModel&) const = default;
};

inline void to_json(nlohmann::json& json, const KernelSvmModel& m) {
  json = {{"factor", m.factor}, {"support", m.support},     {"coef", m.coef},
          {"gamma", m.gamma},   {"intercept", m.intercept}, {"relative_gap", m.relative_gap}};
}

/// Throws FormatError where the arrays' sizes disagree, or a factor or gamma is not positive.
inline void from_json(const nlohmann::json& json, KernelSvmModel& m) {
  refuse_unknown_keys(json, {"factor", "support", "coef", "gamma", "intercept", "relative_gap"});
  m = {model_json::numbers(json, "factor"),   model_json::numbers(json, "support"),
       model_json::numbers(json, "coef"),     model_json::number(json, "gamma"),
       model_json::number(json, "intercept"), model_json::number(json, "relative_gap")};
  // By division: a product of sizes may overflow.
  if (m.factor.empty() ? !m.support.empty() || !m.coef.empty()
                       : m.support.size() % m.factor.size() != 0 || m.support.size() / m.factor.size() != m.coef.size())
    throw FormatError("model: 'support' must be [coef, factor]");
  for (const double factor : m.factor)
    if (!(factor > 0)) throw FormatError("model: 'factor' must be positive");
  if (!(m.gamma > 0) || !(m.relative_gap >= 0))
    throw FormatError("model: 'gamma' must be positive and 'relative_gap' not negative");
}

}  // namespace weir
