/// The Lagrangian cost of a policy, and the weighted problems that its gates are learned from.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// Which difference from the full network's loss is charged.
enum class LossSide {
  excess,     ///< R_k = max(0, L_k - L_full): only what gets worse (Bolukbasi et al., ICML 2017)
  difference  ///< R_k = L_k - L_full: mistakes of the full network that an early answer repairs count for it
};

/// R [n, stages]; the last column is 0.
Eigen::MatrixXd charged_loss(const Trace& trace, LossSide side);

/// The objective  min over policies of  mean_i ( T(x_i) + lambda R_exit(x_i) ),  T the cost of the stages that ran.
///
/// Behind stage k, with the later gates fixed, action a costs an example
///
///     c_0 = lambda R_k                       (exit)
///     c_a = T_km + V_m,  m = next[a - 1]     (run stage m after k and do there what its gate says)
///
/// where V_k = c_{action of gate k} is the cost to go; what was spent up to k is the same for all actions and left out.
/// In a chain c_1 - c_0 is the J_{k+1} - S_k of Bolukbasi et al., so that a gate is a binary problem with label
/// [c_1 < c_0] and weight |c_1 - c_0|. Exactly,
///
///     sum_i V_k(i) - sum_i min_a c_a(i)  =  sum of the weights of the examples that gate k decides wrongly.
struct Objective {
  const Topology& topology;
  const Trace& trace;
  const Eigen::MatrixXd& R;  ///< [n, stages] charged_loss
  double lambda = 0;         ///< cost that one unit of loss is worth, finite, >= 0

  /// c [n, actions] of stage k. cost_to_go[m] = V_m [n] is read for the successors of k.
  RowMatrix action_costs(std::size_t k, const std::vector<Eigen::VectorXd>& cost_to_go) const {
    const auto& next = topology.stages[k].next;
    RowMatrix c(R.rows(), static_cast<Eigen::Index>(1 + next.size()));
    c.col(0) = lambda * R.col(static_cast<Eigen::Index>(k));
    for (std::size_t a = 1; a <= next.size(); ++a)
      c.col(static_cast<Eigen::Index>(a)) = cost_to_go[next[a - 1]].array() + trace.step_cost(k, next[a - 1]);
    return c;
  }

  /// V [n] where these actions are taken.
  static Eigen::VectorXd taken(const RowMatrix& costs, const Actions& actions) {
    Eigen::VectorXd V(costs.rows());
    for (Eigen::Index i = 0; i < costs.rows(); ++i) V(i) = costs(i, actions[static_cast<std::size_t>(i)]);
    return V;
  }

  /// V_k [stages][n] of a whole table of actions, by the backward recursion.
  std::vector<Eigen::VectorXd> cost_to_go(const ActionTable& actions) const {
    std::vector<Eigen::VectorXd> V(topology.size());
    for (std::size_t k = topology.size(); k-- > 0;) V[k] = taken(action_costs(k, V), actions[k]);
    return V;
  }

  /// T + lambda R [n] of each example's whole way.
  Eigen::VectorXd path_costs(const ActionTable& actions) const {
    return cost_to_go(actions)[0].array() + trace.stages[0].cost;
  }
};

/// Whether each example reaches each stage under a table of actions: [stages][n].
std::vector<std::vector<bool>> reached(const Topology& topology, const ActionTable& actions);

/// mean_i ( T + lambda R ) of an evaluation: what training lowers, measured from outside.
double lagrangian(const Evaluation& e, double lambda, LossSide side);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/objective.ipp>
#endif
