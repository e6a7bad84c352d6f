/// Weighted linear support vector machines.
#pragma once
#include <algorithm>
#include <weir/core/compile.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/models/linear_model.hpp>

namespace weir::detail {

enum class SvmLoss { hinge, squared_hinge };

/// min  0.5 (w'w + b^2) + C sum_i weight_i max(0, 1 - y_i f(x_i))^p,  y_i in {-1, +1},  f(x) = w'z + b,
/// p = 1 (hinge) or 2 (squared hinge). The bias is the coefficient of a constant feature 1 and regularised with the
/// rest, as in liblinear's -s 3 and -s 2 with -B 1 (Fan et al., JMLR 2008) and scikit-learn's LinearSVC.
///
/// Hinge by Newton on augmented Lagrangians to a proven duality gap, squared hinge by Newton; O(n d^2) a step at most.
struct LinearSvm {
  SvmLoss loss = SvmLoss::hinge;
  double C = 1000;                ///< inverse regularisation; with normalised weights it multiplies the mean loss
  bool standardise = true;        ///< weighted mean 0 and deviation 1 first
  bool normalise_weights = true;  ///< weights / sum(weights), see fit_linear
  double tolerance = 1e-9;        ///< relative distance from the optimum at which to stop
  int max_iter = 200;

  LinearModel fit(const Dataset& data) const;

  /// max(0, 1 - m)^2, its derivative and its generalised second derivative.
  struct SquaredHinge {
    static double value(double m) {
      const double gap = std::max(0.0, 1 - m);
      return gap * gap;
    }
    static double slope(double m) { return -2 * std::max(0.0, 1 - m); }
    static double curvature(double m) { return m < 1 ? 2.0 : 0.0; }
  };
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/linear_svm.ipp>
#endif
