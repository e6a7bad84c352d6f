// What logistic.hpp declares.
#pragma once
#include <cmath>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/linear_problem.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/newton.hpp>

namespace weir::detail {

WEIR_INLINE LinearModel LogisticRegression::fit(const Dataset& data) const {
  return fit_linear(data, C, standardise, normalise_weights, regularise_bias, [&](const LinearProblem& problem) {
    return minimise_by_newton(problem, Loss{}, tolerance, max_iter);
  });
}

}  // namespace weir::detail
