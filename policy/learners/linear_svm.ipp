// What linear_svm.hpp declares.
#pragma once
#include <algorithm>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/hinge_solver.hpp>
#include <weir/policy/learners/linear_problem.hpp>
#include <weir/policy/learners/linear_svm.hpp>
#include <weir/policy/learners/newton.hpp>

namespace weir::detail {

WEIR_INLINE LinearModel LinearSvm::fit(const Dataset& data) const {
  return fit_linear(data, C, standardise, normalise_weights, true, [&](const LinearProblem& problem) {
    return loss == SvmLoss::hinge ? minimise_hinge(problem, tolerance, max_iter)
                                  : minimise_by_newton(problem, SquaredHinge{}, tolerance, max_iter);
  });
}

}  // namespace weir::detail
