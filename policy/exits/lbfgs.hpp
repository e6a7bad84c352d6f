/// Limited-memory BFGS for smooth convex objectives.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>
#include <weir/core/finite_math.hpp>

namespace weir::detail {

struct LbfgsOptions {
  int max_iterations = 500;
  int memory = 10;
  double tolerance = 1e-6;  ///< stops where the largest component of the gradient is at most this
};

struct LbfgsResult {
  double value = 0;
  int iterations = 0;
  bool converged = false;
};

/// Minimises f from x, which becomes the minimiser. objective(x, gradient) returns f(x) and writes the gradient;
/// after_iteration(i, max_iterations) is called with the progress. Two-loop recursion with a backtracking line search
/// that holds the Armijo condition, and the curvature condition by skipping updates that break it (Nocedal, Wright,
/// Numerical Optimization, 2006, algorithms 7.4 and 7.5). Deterministic. Cost per iteration: one or a few evaluations
/// and O(memory * size).
template <typename Objective, typename Progress>
LbfgsResult minimise_lbfgs(const Objective& objective, Eigen::VectorXd& x, const LbfgsOptions& options,
                           const Progress& after_iteration) {
  Eigen::VectorXd gradient(x.size()), next_gradient(x.size()), next(x.size()), direction;
  std::deque<std::pair<Eigen::VectorXd, Eigen::VectorXd>> history;  // (step, change of the gradient)
  LbfgsResult result;
  result.value = objective(x, gradient);
  for (; result.iterations < options.max_iterations; ++result.iterations) {
    if (gradient.lpNorm<Eigen::Infinity>() <= options.tolerance) {
      result.converged = true;
      break;
    }
    direction = -gradient;
    Eigen::VectorXd alpha(static_cast<Eigen::Index>(history.size()));
    for (auto i = static_cast<Eigen::Index>(history.size()) - 1; i >= 0; --i) {
      const auto& [s, y] = history[static_cast<std::size_t>(i)];
      alpha(i) = s.dot(direction) / s.dot(y);
      direction -= alpha(i) * y;
    }
    if (history.empty()) {
      direction /= std::max(1.0, gradient.norm());
    } else {
      direction *= history.back().first.dot(history.back().second) / history.back().second.squaredNorm();
    }
    for (Eigen::Index i = 0; i < alpha.size(); ++i) {
      const auto& [s, y] = history[static_cast<std::size_t>(i)];
      direction += (alpha(i) - y.dot(direction) / s.dot(y)) * s;
    }
    double slope = gradient.dot(direction);
    if (!(slope < 0)) {  // rounding has spoilt the history
      history.clear();
      direction = -gradient;
      slope = -gradient.squaredNorm();
    }
    double step = 1, value = 0;
    bool found = false;
    for (int tries = 0; tries < 40 && !found; ++tries, step *= 0.5) {
      next = x + step * direction;
      value = objective(next, next_gradient);
      found = std::isfinite(value) && value <= result.value + 1e-4 * step * slope;
    }
    if (!found) break;  // no progress is possible in this precision
    Eigen::VectorXd s = next - x, y = next_gradient - gradient;
    if (s.dot(y) > 1e-12 * s.norm() * y.norm()) {
      history.emplace_back(std::move(s), std::move(y));
      if (history.size() > static_cast<std::size_t>(options.memory)) history.pop_front();
    }
    x.swap(next);
    gradient.swap(next_gradient);
    result.value = value;
    after_iteration(result.iterations + 1, options.max_iterations);
  }
  return result;
}

}  // namespace weir::detail
