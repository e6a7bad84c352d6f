// What isotonic.hpp declares.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <weir/core/error.hpp>
#include <weir/policy/learners/cross_fit.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/isotonic.hpp>
#include <weir/policy/learners/isotonic_curve_fit.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/models/isotonic_model.hpp>

namespace weir::detail {

WEIR_INLINE IsotonicModel IsotonicRule::fit(const Dataset& data) const {
  if (folds < 2) throw ArgumentError("isotonic: at least 2 folds are needed");
  data.check();
  const Dataset used = data.without_zero_weights();
  if (const int only = used.only_class(); only >= 0)
    return IsotonicModel::constant(only, static_cast<std::size_t>(data.X.cols()));
  Eigen::VectorXd sign(used.X.rows());
  for (Eigen::Index i = 0; i < sign.size(); ++i) sign(i) = used.y[static_cast<std::size_t>(i)] == 1 ? 1 : -1;
  const Eigen::VectorXd unseen = out_of_fold_scores(used, folds, [&](const Dataset& d) { return score.fit(d); });
  return {score.fit(used), fit_isotonic_curve(unseen, sign, used.sample_weight)};
}

}  // namespace weir::detail
