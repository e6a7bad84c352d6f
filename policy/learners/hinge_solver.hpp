/// A semismooth Newton solver for the weighted hinge loss in few dimensions.
#pragma once
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <weir/policy/learners/linear_problem.hpp>
#include <weir/policy/learners/weighted_gram.hpp>

namespace weir::detail {

/// Augmented Lagrangian of the hinge in the slack u_i = 1 - (Z v)_i at multipliers a [n], 0 <= a <= c, and width h:
///
///     F(v) = 0.5 v'v + sum_i c_i phi((u_i + h a_i / c_i) / h) h,   phi(s) = 0, s^2 / 2 or s - 1/2
///
/// for s below 0, up to 1, and above. Its slope in u_i, c_i clamp(s, 0, 1), is the next multiplier: feasible whatever v
/// is. Only rows with 0 < s < 1, the band, bend F.
class HingeLagrangian {
 public:
  using Array = Eigen::ArrayXd;

  explicit HingeLagrangian(const LinearProblem& problem) : Z_(problem.Z), c_(problem.cost.array()) {}

  /// s, the multipliers that follow from it, and F - 0.5 v'v.
  double evaluate(const Array& u, const Array& a, double h) {
    s_ = u / h + a / c_;
    share_ = s_.max(0.0).min(1.0);
    next_ = c_ * share_;
    return h * (c_ * share_ * (s_ - 0.5 * share_)).sum();
  }
  const Array& multipliers() const { return next_; }

  /// The Hessian I + sum over the band of (c_i / h) z_i z_i', its lower triangle. O(n d + band d^2).
  Eigen::MatrixXd hessian(double h) const {
    Eigen::MatrixXd H = Eigen::MatrixXd::Identity(Z_.cols(), Z_.cols());
    add_weighted_gram(Z_, (s_ > 0 && s_ < 1).select(c_ / h, 0.0), H);
    return H;
  }

 private:
  const Eigen::MatrixXd& Z_;
  const Array c_;
  Array s_, share_, next_;
};

/// Solves  min_v P(v) = 0.5 v'v + sum_i c_i max(0, 1 - (Z v)_i)  through its dual
///         max_a D(a) = sum_i a_i - 0.5 |Z'a|^2,  0 <= a <= c,   v = Z'a,
/// until the duality gap P(v) - D(a), which bounds P(v) - min P, is at most `tolerance` * P(v).
///
/// Newton's method on augmented Lagrangians whose width falls from step to step (Yan and Li, "An efficient augmented
/// Lagrangian method for support vector machine", Optim. Methods Softw. 2020). Coordinate descent is cheaper a pass,
/// but its number of passes grows with C and with the spread of the weights, which is large for a gate; this takes some
/// dozens of steps of O(n d) for any C, and the second derivative is that of the few rows near the margin. Returns the
/// best v seen, with the proven gap in `*gap` where asked. `max_iter` limits the Newton steps.
inline Eigen::VectorXd minimise_hinge(const LinearProblem& problem, double tolerance, int max_iter,
                                      double* gap = nullptr) {
  using Array = Eigen::ArrayXd;
  using Vector = Eigen::VectorXd;
  const auto& Z = problem.Z;
  const Array c = problem.cost.array();
  HingeLagrangian lagrangian(problem);

  Vector v = Vector::Zero(Z.cols()), best = v;
  Array u = Array::Ones(Z.rows()), a = Array::Zero(Z.rows()), change(Z.rows()), there(Z.rows());
  double best_primal = problem.cost.sum(), best_dual = 0;
  double h = 2;  // from v = 0 every row lies in the band: the first step is a least-squares fit
  double F = 0.5 * v.squaredNorm() + lagrangian.evaluate(u, a, h);
  for (int iteration = 0; iteration < max_iter; ++iteration) {
    const Vector dual_v = Z.transpose() * lagrangian.multipliers().matrix();
    const double primal = 0.5 * v.squaredNorm() + (c * u.max(0.0)).sum();
    const double dual = lagrangian.multipliers().sum() - 0.5 * dual_v.squaredNorm();
    if (!std::isfinite(primal) || !std::isfinite(dual)) break;
    if (primal < best_primal) {
      best_primal = primal;
      best = v;
    }
    best_dual = std::max(best_dual, dual);
    if (best_primal - best_dual <= tolerance * best_primal) break;

    const Eigen::LLT<Eigen::MatrixXd> factor(lagrangian.hessian(h));
    if (factor.info() != Eigen::Success) break;
    const Vector step = factor.solve(dual_v - v);
    const double decrement = step.dot(dual_v - v);
    // Close to this Lagrangian's minimum: update the multipliers and reduce the width h. The duality gap has two parts,
    // one from the width and 0.5 |v - Z'a|^2; the second must not be what remains at the end.
    const double residual = 0.5 * (dual_v - v).squaredNorm(), width_gap = std::max(primal - dual - residual, 0.0);
    const bool coarse = width_gap > 1e-6 * primal;
    if (decrement <= 0.01 * width_gap && (coarse || residual <= 0.1 * std::max(width_gap, tolerance * primal))) {
      a = lagrangian.multipliers();
      h *= 0.2;
      F = 0.5 * v.squaredNorm() + lagrangian.evaluate(u, a, h);
      continue;
    }
    change.matrix().noalias() = Z * -step;
    const double v_step = v.dot(step), step_step = step.squaredNorm();
    double length = 1, low = 0, high = 1, low_slope = -decrement, high_slope = 0;
    for (int trial = 0; trial < 30; ++trial) {
      there = u + length * change;
      const double value =
          0.5 * (v.squaredNorm() + length * (2 * v_step + length * step_step)) + lagrangian.evaluate(there, a, h);
      const double slope = v_step + length * step_step + (lagrangian.multipliers() * change).sum();
      // Whole steps that help are taken; else the minimum along the step is bracketed and found by its slope.
      if ((trial == 0 && value <= F - 1e-4 * decrement) || std::abs(slope) <= 0.1 * decrement || trial == 29) {
        F = value;
        v += length * step;
        u.swap(there);
        break;
      }
      (slope < 0 ? low : high) = length;
      (slope < 0 ? low_slope : high_slope) = slope;
      const double secant = low - low_slope * (high - low) / (high_slope - low_slope);
      const double width = high - low;
      length = std::clamp(secant, low + 0.05 * width, high - 0.05 * width);
    }
  }
  if (gap != nullptr) *gap = std::max(0.0, best_primal - best_dual);
  return best;
}

}  // namespace weir::detail
