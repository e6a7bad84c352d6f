// What kernel_svm.hpp declares.
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
#include <weir/policy/learners/kernel_svm.hpp>
#include <weir/policy/learners/models/kernel_svm_model.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/learners/smo_solver.hpp>
#include <weir/policy/learners/standardise_fit.hpp>

namespace weir::detail {

WEIR_INLINE KernelSvmModel KernelSvm::fit(const Dataset& data) const {
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

}  // namespace weir::detail
