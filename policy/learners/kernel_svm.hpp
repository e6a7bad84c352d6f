/// Weighted support vector machine with a Gaussian (RBF) kernel.
#pragma once
#include <Eigen/Core>
#include <cmath>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/models/kernel_svm_model.hpp>
#include <weir/policy/learners/smo_solver.hpp>
#include <weir/policy/learners/standardise_fit.hpp>

namespace weir::detail {

/// min  0.5 |f|^2 + C sum_i weight_i max(0, 1 - y_i (f(z_i) + b)),  y_i in {-1, +1}, over functions f of the Gaussian
/// kernel's space and a free bias b: the C-SVC of Boser, Guyon, Vapnik (COLT 1992) and Cortes, Vapnik (1995), as
/// libsvm and scikit-learn's SVC with sample_weight state it. Solved by minimise_hinge_rbf.
///
/// Cost: a step is O(n), and O(n d) with n exponentials where it needs a row of the kernel that is not kept. On noisy
/// labels the defaults take 1 to 3 steps a row (n = 500 to 6,000), 100 times the C ten times as many: O(n^2 d)
/// together. 64 MiB keep all rows up to n = 2,900; above some 5,000 most steps compute theirs again, and a path of 30
/// prices fits each gate 30 times or more. `max_iter` and `cache_bytes` bound time and memory for any n; a fit that
/// max_iter ends does not throw, but the model's relative_gap tells how far from the optimum it may be.
struct KernelSvm {
  double C = 1000;                ///< inverse regularisation; with normalised weights it multiplies the mean loss
  double gamma = 0;               ///< 1 / (2 sigma^2), or 0 for "scale": 1 / (d * variance of all entries of z)
  bool standardise = true;        ///< weighted mean 0 and deviation 1 first
  bool normalise_weights = true;  ///< weights / sum(weights), see fit_linear
  SmoOptions solver{};

  /// Throws what Dataset::check throws, and ArgumentError for a hyper-parameter out of range.
  KernelSvmModel fit(const Dataset& data) const;

  /// 1 / (d v) with v the weighted variance of all entries of Z [n, d], or 1 where that is 0. As scikit-learn's
  /// gamma="scale", which leaves the weights out.
  static double scale_gamma(const Eigen::MatrixXd& Z, const Eigen::VectorXd& weight) {
    const auto d = static_cast<double>(Z.cols());
    const Eigen::VectorXd share = weight / weight.sum();
    const double mean = share.dot(Z.rowwise().mean());
    const double variance = share.dot((Z.array() - mean).square().rowwise().mean().matrix());
    const double gamma = 1 / (d * variance);
    return std::isfinite(gamma) && gamma > 0 ? gamma : 1.0;
  }
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/kernel_svm.ipp>
#endif
