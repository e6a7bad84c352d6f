/// The decision function of a kernel SVM.
#pragma once
#include <cmath>
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

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

void to_json(nlohmann::json& json, const KernelSvmModel& m);

/// Throws FormatError where the arrays' sizes disagree, or a factor or gamma is not positive.
void from_json(const nlohmann::json& json, KernelSvmModel& m);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/models/kernel_svm_model.ipp>
#endif
