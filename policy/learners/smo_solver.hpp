/// Sequential minimal optimisation for the weighted hinge loss in the feature space of an RBF kernel.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>
#include <weir/core/finite_math.hpp>

namespace weir::detail {

/// Rows of K, K_ij = exp(-gamma |z_i - z_j|^2), of which those used last are kept, as many as fit into `bytes` (at
/// least two, at most all n). A row that is not kept costs O(n d) and n exponentials.
class RbfRows {
 public:
  /// Z [n, d] is referred to. gamma > 0.
  RbfRows(const Eigen::MatrixXd& Z, double gamma, std::size_t bytes) : Z_(Z), gamma_(gamma) {
    const auto n = static_cast<std::size_t>(Z.rows());
    capacity_ = std::min(n, std::max<std::size_t>(2, bytes / (n * sizeof(double))));
    slots_.reserve(capacity_);  // so that rows stay where they are
    slot_of_.assign(n, none);
  }

  /// Row i, [n]. Stays valid while at most one other row is asked for.
  const Eigen::VectorXd& operator[](Eigen::Index i) {
    std::size_t& at = slot_of_[static_cast<std::size_t>(i)];
    if (at == none) {
      at = free_slot();
      slots_[at].row = i;
      Eigen::VectorXd& values = slots_[at].values;
      values.setZero(Z_.rows());
      for (Eigen::Index j = 0; j < Z_.cols(); ++j) values.array() += (Z_.col(j).array() - Z_(i, j)).square();
      values = (-gamma_ * values.array()).exp();
    }
    slots_[at].last_use = ++clock_;
    return slots_[at].values;
  }

 private:
  struct Slot {
    Eigen::VectorXd values{};
    Eigen::Index row = 0;
    std::uint64_t last_use = 0;
  };
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  std::size_t free_slot() {
    if (slots_.size() < capacity_) {
      slots_.emplace_back();
      return slots_.size() - 1;
    }
    const auto oldest = std::min_element(slots_.begin(), slots_.end(),
                                         [](const Slot& a, const Slot& b) { return a.last_use < b.last_use; });
    slot_of_[static_cast<std::size_t>(oldest->row)] = none;
    return static_cast<std::size_t>(oldest - slots_.begin());
  }

  const Eigen::MatrixXd& Z_;
  double gamma_;
  std::size_t capacity_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::size_t> slot_of_;  ///< [n] slot of a row, or none
  std::uint64_t clock_ = 0;
};

struct SmoOptions {
  double tolerance = 1e-8;                          ///< of the duality gap, relative to P
  std::size_t max_iter = 1000000;                   ///< steps, each on two of the a_i
  std::size_t cache_bytes = std::size_t{1} << 26U;  ///< for rows of K
};

struct SmoResult {
  Eigen::VectorXd beta;  ///< [n] y_i a_i: f(z) = sum_i beta_i k(z_i, z) + intercept
  double intercept = 0;
  double primal = 0;  ///< P of this f
  double dual = 0;    ///< D(a) <= min P <= primal
  std::size_t iterations = 0;
};

/// Solves  min_{f, b} P = 0.5 |f|^2 + sum_i c_i max(0, 1 - y_i (f(z_i) + b)),  y_i in {-1, +1}, through its dual
///         max_a D(a) = sum_i a_i - 0.5 sum_ij a_i a_j y_i y_j K_ij,  0 <= a_i <= c_i,  sum_i y_i a_i = 0,
/// by steps on pairs of a, each pair chosen by second-order information (Fan, Chen, Lin, JMLR 2005, WSS 2; in the
/// signed variables beta = y a of Bottou and Lin, Support Vector Machine Solvers, 2007).
///
/// Stops where the proven gap P - D is at most `tolerance` * P, where no step changes beta in double precision, or at
/// max_iter; the gap reached is result.primal - result.dual in every case. A step costs O(n) and the rows of K that are
/// not kept; memory O(n d) and cache_bytes. No shrinking. Z [n, d]; y and c [n], c > 0; gamma > 0.
inline SmoResult minimise_hinge_rbf(const Eigen::MatrixXd& Z, const Eigen::VectorXd& y, const Eigen::VectorXd& c,
                                    double gamma, const SmoOptions& options) {
  const Eigen::Index n = Z.rows();
  const Eigen::VectorXd lower = (y.array() > 0).select(0.0, -c), upper = (y.array() > 0).select(c, 0.0);
  RbfRows K(Z, gamma, options.cache_bytes);
  SmoResult result;
  result.beta = Eigen::VectorXd::Zero(n);
  Eigen::VectorXd& beta = result.beta;
  Eigen::VectorXd g = y;  // y - K beta, the gradient of D by beta
  // At the optimum b lies between the steepest slope up and the least steep down; y_i (y_i - g_i + b) is the margin.
  const auto measure = [&](double steepest, double lowest) {
    result.intercept = 0.5 * (steepest + lowest);
    const double norm = beta.dot(y - g);
    result.dual = beta.dot(y) - 0.5 * norm;
    result.primal = 0.5 * norm + (c.array() * (y.array() * (g.array() - result.intercept)).max(0.0)).sum();
  };
  for (;; ++result.iterations) {
    // Both exist: sum_t beta_t = 0, so neither can all be at their upper bounds nor all at their lower ones.
    Eigen::Index i = -1, lowest = -1;
    for (Eigen::Index t = 0; t < n; ++t) {
      if (beta(t) < upper(t) && (i < 0 || g(t) > g(i))) i = t;
      if (beta(t) > lower(t) && (lowest < 0 || g(t) < g(lowest))) lowest = t;
    }
    const bool last = g(i) <= g(lowest) || result.iterations >= options.max_iter;
    if (last || result.iterations % 100 == 0) {
      measure(g(i), g(lowest));
      if (last || result.primal - result.dual <= options.tolerance * result.primal) return result;
    }
    const Eigen::VectorXd& Ki = K[i];
    const auto curvature = [&](Eigen::Index t) { return std::max(2 - 2 * Ki(t), 1e-12); };
    Eigen::Index j = -1;
    double most = 0;
    for (Eigen::Index t = 0; t < n; ++t) {
      const double slope = g(i) - g(t);
      if (!(beta(t) > lower(t)) || slope <= 0) continue;
      const double gain = slope * slope / curvature(t);
      if (gain > most) most = gain, j = t;
    }
    if (j < 0) {  // the slopes are so small that their squares are 0, or an overflow has made NaN of them
      measure(g(i), g(lowest));
      return result;
    }
    const Eigen::VectorXd& Kj = K[j];
    const double up = upper(i) - beta(i), down = beta(j) - lower(j);
    const double step = std::min({(g(i) - g(j)) / curvature(j), up, down});
    const double before_i = beta(i), before_j = beta(j);
    // What meets its bound is set to it: beta + (bound - beta) may round to a neighbour.
    beta(i) = step == up ? upper(i) : before_i + step;
    beta(j) = step == down ? lower(j) : before_j - step;
    if (beta(i) == before_i && beta(j) == before_j) {
      measure(g(i), g(lowest));
      return result;
    }
    g -= step * (Ki - Kj);
  }
}

}  // namespace weir::detail
