/// Damped Newton for the smooth linear learners.
#pragma once
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <weir/policy/learners/linear_problem.hpp>
#include <weir/policy/learners/weighted_gram.hpp>

namespace weir::detail {

/// Minimises F(v) = 0.5 v'Pv + sum_i cost_i loss(m_i), m = Z v, for a convex loss with `value(m)`, `slope(m)` and
/// `curvature(m)`, by Newton steps with Armijo backtracking (Boyd and Vandenberghe, Convex Optimization, 2004, 9.5).
///
/// Stops when half the squared Newton decrement, an estimate of F(v) - min F, is at most `tolerance` * F(v), or when
/// no step lowers F in double precision. Cost O(n d^2 + d^3) a step and usually 5 to 20 steps.
template <class Loss>
Eigen::VectorXd minimise_by_newton(const LinearProblem& problem, const Loss& loss, double tolerance, int max_iter) {
  const auto& Z = problem.Z;
  const Eigen::VectorXd penalty = problem.penalty();
  Eigen::VectorXd v = Eigen::VectorXd::Zero(Z.cols());
  Eigen::VectorXd margin = Eigen::VectorXd::Zero(Z.rows());
  const auto objective = [&](const Eigen::VectorXd& at, const Eigen::VectorXd& m) {
    return 0.5 * at.dot(penalty.cwiseProduct(at)) +
           problem.cost.dot(m.unaryExpr([&](double mi) { return loss.value(mi); }));
  };
  double F = objective(v, margin);
  for (int iteration = 0; iteration < max_iter; ++iteration) {
    const Eigen::VectorXd slope = problem.cost.cwiseProduct(margin.unaryExpr([&](double m) { return loss.slope(m); }));
    const Eigen::VectorXd curvature =
        problem.cost.cwiseProduct(margin.unaryExpr([&](double m) { return loss.curvature(m); }));
    const Eigen::VectorXd gradient = penalty.cwiseProduct(v) + Z.transpose() * slope;
    Eigen::MatrixXd hessian = penalty.asDiagonal();
    add_weighted_gram(Z, curvature.array(), hessian);
    // A bias that is not regularised can lose all curvature where every example is far from the boundary.
    hessian.diagonal().array() += 1e-14 * hessian.diagonal().maxCoeff();
    Eigen::VectorXd step = -hessian.ldlt().solve(gradient);
    double descent = gradient.dot(step);
    if (!(descent < 0) || !step.allFinite()) {
      step = -gradient;
      descent = -gradient.squaredNorm();
    }
    if (-0.5 * descent <= tolerance * F) {
      // One last step where it helps: Newton converges quadratically, so it is the cheapest precision there is.
      const Eigen::VectorXd last = v + step;
      return objective(last, Z * last) <= F ? last : v;
    }
    const Eigen::VectorXd change = Z * step;
    double length = 1;
    bool moved = false;
    for (int halvings = 0; halvings < 60 && !moved; ++halvings, length *= 0.5) {
      const Eigen::VectorXd next = v + length * step;
      const Eigen::VectorXd next_margin = margin + length * change;
      const double next_F = objective(next, next_margin);
      if (next_F <= F + 1e-4 * length * descent) {
        v = next;
        margin = next_margin;
        F = next_F;
        moved = true;
      }
    }
    if (!moved) break;
  }
  return v;
}

}  // namespace weir::detail
