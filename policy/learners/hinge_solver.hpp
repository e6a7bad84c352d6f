/// An interior-point solver for the weighted hinge loss in few dimensions.
#pragma once
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <weir/policy/learners/linear_model.hpp>

namespace weir {

/// Solves  min_v P(v) = 0.5 v'v + sum_i c_i max(0, 1 - (Z v)_i)  through its dual
///         max_a D(a) = sum_i a_i - 0.5 |Z'a|^2,  0 <= a <= c,   v = Z'a,
/// until the duality gap P(v) - D(a), which bounds P(v) - min P, is at most `tolerance` * P(v).
///
/// Mehrotra's predictor-corrector with the Woodbury identity, so that only a [d + 1, d + 1] system is factored (Fine
/// and Scheinberg, JMLR 2001; Ferris and Munson, SIAM J. Optim. 2002). Coordinate descent is cheaper a pass, but its
/// number of passes grows with C and with the spread of the weights, which is large for a gate; this takes 10 to 40
/// steps of O(n d^2) for any C. Returns the best v seen, with the proven gap in `*gap` where asked.
inline Eigen::VectorXd minimise_hinge(const LinearProblem& problem, double tolerance, int max_iter,
                                      double* gap = nullptr) {
  using Array = Eigen::ArrayXd;
  using Vector = Eigen::VectorXd;
  const auto& Z = problem.Z;
  const Array c = problem.cost.array();
  const auto n = static_cast<double>(Z.rows());

  // a, u = c - a are the distances to the two bounds; s, t their multipliers: Z Z'a - 1 - s + t = 0.
  Array a = 0.5 * c, u = c - a;
  Array slack = (Z * (Z.transpose() * a.matrix())).array() - 1;
  const double start = (c * (slack.abs() + 1)).mean();
  Array s = slack.max(0.0) + start / c, t = (-slack).max(0.0) + start / c;

  Vector best = Vector::Zero(Z.cols());
  double best_primal = problem.cost.sum(), best_dual = 0;  // a = 0: every margin is 0
  const auto longest = [](const Array& x, const Array& dx) {
    double length = 1;
    for (Eigen::Index i = 0; i < x.size(); ++i)
      if (dx(i) < 0) length = std::min(length, -x(i) / dx(i));
    return length;
  };
  for (int iteration = 0; iteration < max_iter; ++iteration) {
    const Vector v = Z.transpose() * a.matrix();
    const Array margin = (Z * v).array();
    const double primal = 0.5 * v.squaredNorm() + (c * (1 - margin).max(0.0)).sum();
    const double dual = a.sum() - 0.5 * v.squaredNorm();
    if (!std::isfinite(primal) || !std::isfinite(dual)) break;
    if (primal < best_primal) {
      best_primal = primal;
      best = v;
    }
    best_dual = std::max(best_dual, dual);
    if (best_primal - best_dual <= tolerance * best_primal) break;

    const Array residual = margin - 1 - s + t;
    const Array D = s / a + t / u;
    Eigen::MatrixXd small = Z.transpose() * ((1 / D).matrix().asDiagonal() * Z);
    small.diagonal().array() += 1;
    const Eigen::LLT<Eigen::MatrixXd> factor(small);
    if (factor.info() != Eigen::Success) break;
    Array da, ds, dt;
    // Newton for a s = as, u t = ut (targets minus products) and the residual.
    const auto direction = [&](const Array& as, const Array& ut) {
      const Array right = (-residual + as / a - ut / u) / D;
      da = right - (Z * factor.solve(Z.transpose() * right.matrix())).array() / D;
      ds = (as - s * da) / a;
      dt = (ut + t * da) / u;
    };
    const double mu = ((a * s).sum() + (u * t).sum()) / (2 * n);
    direction(-a * s, -u * t);
    const double primal_step = std::min(longest(a, da), longest(u, -da));
    const double dual_step = std::min(longest(s, ds), longest(t, dt));
    const double predicted = (((a + primal_step * da) * (s + dual_step * ds)).sum() +
                              ((u - primal_step * da) * (t + dual_step * dt)).sum()) /
                             (2 * n);
    const double target = mu * std::pow(predicted / mu, 3);
    const Array as = target - a * s - da * ds, ut = target - u * t + da * dt;
    direction(as, ut);
    // The objective is quadratic, so both halves move by one length; stay strictly inside.
    const double length = 0.995 * std::min({1.0, longest(a, da), longest(u, -da), longest(s, ds), longest(t, dt)});
    if (!(length > 1e-12)) break;
    a += length * da;
    u -= length * da;
    s += length * ds;
    t += length * dt;
    // Rounding may touch a bound; a and u are nudged back, far below any tolerance.
    const Array floor = c * 1e-18;
    a = a.max(floor);
    u = u.max(floor);
    s = s.max(std::numeric_limits<double>::min());
    t = t.max(std::numeric_limits<double>::min());
  }
  if (gap != nullptr) *gap = best_primal - best_dual;
  return best;
}

}  // namespace weir
