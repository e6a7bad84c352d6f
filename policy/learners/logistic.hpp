/// Weighted logistic regression.
#pragma once
#include <cmath>
#include <weir/core/compile.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/models/linear_model.hpp>

namespace weir::detail {

/// min  0.5 w'w + C sum_i weight_i log(1 + exp(-y_i f(x_i))),  y_i in {-1, +1},  f(x) = w'z + b,
/// so decision_function is the log-odds of class 1. L2 as in liblinear's -s 0 (Fan et al., JMLR 2008) and
/// scikit-learn's LogisticRegression; solved by damped Newton, O(n d^2) a step.
struct LogisticRegression {
  double C = 1000;                ///< inverse regularisation; with normalised weights it multiplies the mean loss
  bool standardise = true;        ///< weighted mean 0 and deviation 1 first
  bool normalise_weights = true;  ///< weights / sum(weights), see fit_linear
  bool regularise_bias = false;   ///< false: as scikit-learn's lbfgs; true: 0.5 b^2 more, as liblinear
  double tolerance = 1e-12;       ///< relative distance from the optimum at which to stop
  int max_iter = 200;

  LinearModel fit(const Dataset& data) const;

  /// log(1 + exp(-m)) and its derivatives, without overflow for any m.
  struct Loss {
    static double value(double m) { return m > 0 ? std::log1p(std::exp(-m)) : std::log1p(std::exp(m)) - m; }
    static double slope(double m) { return m > 0 ? -std::exp(-m) / (1 + std::exp(-m)) : -1 / (1 + std::exp(m)); }
    static double curvature(double m) {
      const double e = std::exp(-std::abs(m));
      return e / ((1 + e) * (1 + e));
    }
  };
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/logistic.ipp>
#endif
