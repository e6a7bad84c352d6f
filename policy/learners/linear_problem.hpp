/// The regularised weighted problem that logistic regression and the linear SVMs share.
#pragma once
#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/learners/standardise_fit.hpp>

namespace weir::detail {

/// min over v = (w, b):  0.5 w'w [+ 0.5 b^2]  +  sum_i cost_i loss(sign_i (w'z_i + b)).
///
/// Rows of `Z` are (z_i, 1) * sign_i, so that Z v are the margins.
struct LinearProblem {
  Eigen::MatrixXd Z;            ///< [n, d + 1]
  Eigen::VectorXd cost;         ///< [n], > 0
  bool regularise_bias = true;  ///< as liblinear does; false as scikit-learn's lbfgs

  /// The diagonal P of the quadratic term 0.5 v'Pv: ones, with 0 for a bias that is not regularised.
  Eigen::VectorXd penalty() const {
    Eigen::VectorXd p = Eigen::VectorXd::Ones(Z.cols());
    if (!regularise_bias) p(Z.cols() - 1) = 0;
    return p;
  }
};

/// Fits a linear model: checks the data, drops rows of weight zero, fits a constant if there is only one class,
/// standardises, sets cost_i = C weight_i and hands the problem to `solve(const LinearProblem&) -> v`.
///
/// With `normalise_weights` the weights are divided by their sum, so the objective is 0.5 w'w + C (weighted mean loss)
/// and C means the same for weights in seconds, in milliseconds, and for any n. (Dividing by their mean instead would
/// make a row of weight 2 differ from the row twice.)
/// Throws what Dataset::check throws, and ArgumentError for C outside (0, infinity).
template <class Solve>
LinearModel fit_linear(const Dataset& data, double C, bool standardise, bool normalise_weights, bool regularise_bias,
                       const Solve& solve) {
  if (!(C > 0) || !std::isfinite(C)) throw ArgumentError("linear model: C must be positive and finite");
  data.check();
  const auto d = data.X.cols();
  const bool all = (data.sample_weight.array() > 0).all();
  const Dataset kept = all ? Dataset{} : data.without_zero_weights();
  const Dataset& used = all ? data : kept;
  if (const int only = used.only_class(); only >= 0) return LinearModel::constant(only, static_cast<std::size_t>(d));

  LinearModel model = LinearModel::constant(0, static_cast<std::size_t>(d));
  if (standardise) model.scaling = fit_standardise(used.X, used.sample_weight);
  LinearProblem problem{Eigen::MatrixXd(used.X.rows(), d + 1), C * used.sample_weight, regularise_bias};
  if (normalise_weights) problem.cost = C * (used.sample_weight / used.sample_weight.sum());
  for (Eigen::Index i = 0; i < problem.Z.rows(); ++i)
    problem.Z(i, d) = used.y[static_cast<std::size_t>(i)] == 0 ? -1 : 1;
  for (Eigen::Index j = 0; j < d; ++j)
    for (Eigen::Index i = 0; i < problem.Z.rows(); ++i)
      problem.Z(i, j) = problem.Z(i, d) * model.scaling.apply(static_cast<std::size_t>(j), used.X(i, j));

  const Eigen::VectorXd v = solve(problem);
  if (!v.allFinite()) throw ArgumentError("linear model: the features or weights are too large to fit; scale them");
  for (Eigen::Index j = 0; j < d; ++j) model.coef[static_cast<std::size_t>(j)] = v(j);
  model.intercept = v(d);
  return model;
}

}  // namespace weir::detail
