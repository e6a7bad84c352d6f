/// Weighted support vector machine with a Gaussian (RBF) kernel.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/models/kernel_svm_model.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/learners/smo_solver.hpp>
#include <weir/policy/learners/standardise_fit.hpp>

namespace weir {

/// min  0.5 |f|^2 + C sum_i weight_i max(0, 1 - y_i (f(z_i) + b)),  y_i in {-1, +1}, over functions f of the Gaussian
/// kernel's space and a free bias b: the C-SVC of Boser, Guyon, Vapnik (COLT 1992) and Cortes, Vapnik (1995), as
/// libsvm and scikit-learn's SVC with sample_weight state it. Solved by minimise_hinge_rbf.
///
/// Cost: a step is O(n), and O(n d) with n exponentials where it needs a row of the kernel that is not kept. On noisy
/// labels the defaults take 1 to 3 steps a row (n = 500 to 6,000), 100 times the C ten times as many: O(n^2 d)
/// together. 64 MiB keep all rows up to n = 2,900; above some 5,000 most steps compute theirs anew, and a path of 30
/// prices fits each gate 30 times or more. `max_iter` and `cache_bytes` bound time and memory for any n; a fit that
/// max_iter ends does not throw, but the model's relative_gap tells how far from the optimum it may be.
struct KernelSvm {
  double C = 1000;                ///< inverse regularisation; with normalised weights it multiplies the mean loss
  double gamma = 0;               ///< 1 / (2 sigma^2), or 0 for "scale": 1 / (d * variance of all entries of z)
  bool standardise = true;        ///< weighted mean 0 and deviation 1 first
  bool normalise_weights = true;  ///< weights / sum(weights), see fit_linear
  SmoOptions solver{};

  /// Throws what Dataset::check throws, and ArgumentError for a hyper-parameter out of range.
  KernelSvmModel fit(const Dataset& data) const {
    if (!(C > 0) || !std::isfinite(C)) throw ArgumentError("kernel svm: C must be positive and finite");
    if (!(gamma >= 0) || !std::isfinite(gamma)) throw ArgumentError("kernel svm: gamma must be finite and >= 0");
    data.check();
    const auto d = static_cast<std::size_t>(data.X.cols());
    const Dataset used = data.without_zero_weights();
    if (const int only = used.only_class(); only >= 0) return KernelSvmModel::constant(only, d);

    const auto scaling = standardise ? fit_standardise(used.X, used.sample_weight) : Standardise::identity(d);
    const Eigen::MatrixXd Z = standardised(scaling, used.X);
    Eigen::VectorXd cost = C * used.sample_weight, sign(Z.rows());
    if (normalise_weights) cost /= used.sample_weight.sum();
    for (Eigen::Index i = 0; i < sign.size(); ++i) sign(i) = used.y[static_cast<std::size_t>(i)] == 1 ? 1 : -1;

    KernelSvmModel model = KernelSvmModel::constant(0, d);
    model.factor = scaling.factor;
    model.gamma = gamma > 0 ? gamma : scale_gamma(Z, used.sample_weight);
    const SmoResult found = minimise_hinge_rbf(Z, sign, cost, model.gamma, solver);
    if (!found.beta.allFinite() || !std::isfinite(found.primal) || !std::isfinite(found.dual))
      throw ArgumentError("kernel svm: the features or weights are too large to fit; scale them");
    model.intercept = found.intercept;
    model.relative_gap = found.primal > 0 ? std::max(0.0, found.primal - found.dual) / found.primal : 0.0;
    for (Eigen::Index i = 0; i < Z.rows(); ++i) {
      if (found.beta(i) == 0) continue;
      model.coef.push_back(found.beta(i));
      for (Eigen::Index j = 0; j < Z.cols(); ++j) model.support.push_back(used.X(i, j));
    }
    return model;
  }

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

}  // namespace weir
