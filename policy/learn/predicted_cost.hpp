/// Gates that compare what each action is predicted to cost, example by example.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/fraction_model.hpp>
#include <weir/policy/learn/gate_problem.hpp>
#include <weir/policy/run/gate.hpp>

namespace weir::detail {

/// The plug-in of (2) in policy/README.md: a gate at stage k takes the action whose predicted cost is the least,
///
///     exit where  lambda rho_k(x) <= V_k(x),   rho_k(x) = E[ R_k | x ],  V_k(x) = E[ least of T_km + V_m | x ],
///
/// with several successors the cheapest of lambda rho_k(x) and each E[ T_km + V_m | x ], V_m the cost to go under the
/// gates behind it. So unlike in PredictedLoss the cost to go differs from example to example.
///
/// Each c_a(x) is fit_fraction's, of the share (c_a / lambda - low) / (high - low) of the worst loss; low = min(0,
/// least R), high the largest R; what costs more than the worst loss counts as that. The log-odds of two of them are
/// compared, a linear gate. rho is fitted once, to all examples; costs to go for each lambda, to the examples that
/// reach the gate.
///
/// The paper fits the sign of the difference of two costs, weighted with its size; here both costs are fitted.
class PredictedCost {
 public:
  /// Time: a fit for each stage with a gate, folds + 1 of them where folds > 1. Throws what fit_fraction throws.
  explicit PredictedCost(const GateProblem& problem);

  /// The gate at stage k for one lambda > 0, learned from the costs [n, actions] of that stage
  /// (Objective::action_costs) of the examples of `rows`, at least one, and what it does on all, where folds > 1 by
  /// predictions that did not see them. `problem` is the one given to the constructor. Time: a fit for each successor,
  /// folds + 1 where folds > 1.
  std::pair<Gate, Actions> gate(const GateProblem& problem, std::size_t k, const RowMatrix& costs,
                                const std::vector<bool>& rows, double lambda) const;

 private:
  /// Whether action b is predicted to cost less than action a, as a model over all features of the stage.
  static GateModel prefers(const FractionModel& b, const FractionModel& a, const std::vector<Eigen::Index>& columns,
                           std::size_t n_features);

  double low_, high_;
  std::vector<FractionModel> exit_;  ///< [stages] rho_k, none where there is no gate
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/predicted_cost.ipp>
#endif
