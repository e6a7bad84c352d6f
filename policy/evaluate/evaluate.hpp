/// Policies on traces: where every example exits, what that costs, and what is lost.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// The way of one example: stages in the order they ran; the last one is the exit.
struct Route {
  std::vector<std::size_t> visited;
  std::size_t exit() const { return visited.back(); }
};

}  // namespace weir::detail

namespace weir {

/// Where each of n examples exits and what that cost, against the full network's answer on the same example.
struct Evaluation {
  std::vector<std::size_t> exit;  ///< [n] stage whose answer counts
  Eigen::VectorXd cost;           ///< [n] sum over the stages that ran
  Eigen::VectorXd loss;           ///< [n] L_exit
  Eigen::VectorXd difference;     ///< [n] L_exit - L_full; its mean is the net loss, mistakes repaired count for it
  Eigen::VectorXd excess;         ///< [n] max(0, L_exit - L_full), what Bolukbasi et al. charge

  std::size_t size() const { return exit.size(); }
  double mean_cost() const { return cost.mean(); }
  double mean_loss() const { return loss.mean(); }
  double mean_difference() const { return difference.mean(); }
  double mean_excess() const { return excess.mean(); }

  /// [n_stages] share of examples that exit at each stage.
  std::vector<double> shares(std::size_t n_stages) const {
    std::vector<double> share(n_stages, 0.0);
    for (const std::size_t k : exit) share.at(k) += 1;
    for (double& s : share) s /= static_cast<double>(exit.size());
    return share;
  }
};

}  // namespace weir

namespace weir::detail {

/// Scores any decisions on a trace: exit [n] and cost [n] are given, losses are looked up.
inline Evaluation score(const Trace& trace, std::vector<std::size_t> exit, Eigen::VectorXd cost) {
  const auto n = static_cast<Eigen::Index>(trace.size());
  if (exit.size() != trace.size() || cost.size() != n)
    throw ShapeError(
        detail::message({"score: ", trace.size(), " examples, ", exit.size(), " exits, ", cost.size(), " times"}));
  Evaluation e{std::move(exit), std::move(cost), Eigen::VectorXd(n), {}, {}};
  for (Eigen::Index i = 0; i < n; ++i) e.loss(i) = trace.stages.at(e.exit[static_cast<std::size_t>(i)]).loss(i);
  e.difference = e.loss - trace.stages.back().loss;
  e.excess = e.difference.cwiseMax(0.0);
  return e;
}

/// The action of one gate on every example, [n]; Gate::max_actions fits in a byte.
using Actions = std::vector<std::uint8_t>;

/// The actions of every gate on every example of a trace, whether or not the example gets there: [stages][n].
using ActionTable = std::vector<Actions>;

/// X [n, gate.n_features()] -> [n]. Throws ShapeError where the gate has another number of features.
inline Actions actions_of(const Gate& gate, const RowMatrix& X) {
  Actions actions(static_cast<std::size_t>(X.rows()), 0);
  if (gate.n_actions() == 1) return actions;
  for (Eigen::Index i = 0; i < X.rows(); ++i)
    actions[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(gate.action({X.data() + i * X.cols(), static_cast<std::size_t>(X.cols())}));
  return actions;
}

/// Follows example i from stage 0 along a table of actions.
inline Route follow(const Topology& topology, const ActionTable& actions, std::size_t i) {
  Route route{{0}};
  for (std::size_t k = 0; actions[k][i] != 0; route.visited.push_back(k))
    k = topology.stages[k].next[actions[k][i] - 1];
  return route;
}

/// The way of example i of a trace: throws ShapeError where policy and trace do not fit.
inline Route route(const Policy& policy, const Trace& trace, std::size_t i) {
  const GateInputs inputs = gate_inputs(policy.topology, trace);
  policy.check(inputs);
  const Trace one = trace.rows({static_cast<Eigen::Index>(i)});
  Route way{{0}};
  for (std::size_t k = 0;; way.visited.push_back(k)) {
    const std::size_t a = actions_of(policy.gates[k], gate_matrix(inputs, one, k))[0];
    if (a == 0) return way;
    k = policy.next(k, a);
  }
}

/// For each example the policy that `pick(i)` names among `tables`.
template <class Pick>
Evaluation evaluate_tables(const Topology& topology, const Trace& trace, const std::vector<ActionTable>& tables,
                           const Pick& pick) {
  std::vector<std::size_t> exit(trace.size());
  Eigen::VectorXd cost(static_cast<Eigen::Index>(trace.size()));
  std::vector<std::vector<double>> step(topology.size());  // [stage][action - 1]
  for (std::size_t k = 0; k < topology.size(); ++k)
    for (const std::size_t next : topology.stages[k].next) step[k].push_back(trace.step_cost(k, next));
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const ActionTable& actions = tables[pick(i)];
    std::size_t k = 0;
    double sum = trace.stages[0].cost;
    while (actions[k][i] != 0) {
      sum += step[k][actions[k][i] - 1U];
      k = topology.stages[k].next[actions[k][i] - 1U];
    }
    exit[i] = k;
    cost(static_cast<Eigen::Index>(i)) = sum;
  }
  return score(trace, std::move(exit), std::move(cost));
}

inline ActionTable action_table(const Policy& policy, const Trace& trace) {
  const GateInputs inputs = gate_inputs(policy.topology, trace);
  policy.check(inputs);
  ActionTable actions;
  for (std::size_t k = 0; k < policy.gates.size(); ++k)
    actions.push_back(policy.gates[k].n_actions() == 1 ? Actions(trace.size(), 0)
                                                       : actions_of(policy.gates[k], gate_matrix(inputs, trace, k)));
  return actions;
}

}  // namespace weir::detail

namespace weir {

/// Sends every example of a trace through a policy. Throws ShapeError where they do not fit. O(n gates d).
inline Evaluation evaluate(const Policy& policy, const Trace& trace) {
  return detail::evaluate_tables(policy.topology, trace, {detail::action_table(policy, trace)},
                                 [](std::size_t) { return std::size_t{0}; });
}

/// The same with example i of the trace under the id first_id + i.
inline Evaluation evaluate(const MixedPolicy& policy, const Trace& trace, std::uint64_t first_id = 0) {
  if (policy.a.topology != policy.b.topology) throw ArgumentError("mixed policy: the two topologies differ");
  return detail::evaluate_tables(
      policy.a.topology, trace, {detail::action_table(policy.a, trace), detail::action_table(policy.b, trace)},
      [&](std::size_t i) {
        return detail::counter_uniform(policy.seed, first_id + i) < policy.p ? std::size_t{0} : 1;
      });
}

}  // namespace weir

namespace weir::detail {

/// [stages] what the cheapest path from stage 0 takes up to and with each stage.
inline std::vector<double> cheapest_costs(const Topology& topology, const Trace& trace,
                                          std::vector<std::size_t>* parent = nullptr) {
  std::vector<double> least(topology.size(), -1);
  std::vector<std::size_t> from(topology.size(), 0);
  least[0] = trace.stages.at(0).cost;
  for (std::size_t k = 0; k < topology.size(); ++k)
    for (const std::size_t next : topology.stages[k].next) {
      const double cost = least[k] + trace.step_cost(k, next);
      if (least[next] >= 0 && least[next] <= cost) continue;
      least[next] = cost;
      from[next] = k;
    }
  if (parent != nullptr) *parent = std::move(from);
  return least;
}

/// The policy that sends every example to stage `exit`, along the cheapest path, and exits there.
inline Policy fixed_policy(const Topology& topology, const Trace& trace, std::size_t exit) {
  const GateInputs inputs = gate_inputs(topology, trace);
  if (exit >= topology.size()) throw ArgumentError(detail::message({"fixed policy: there is no stage ", exit}));
  std::vector<std::size_t> parent;
  cheapest_costs(topology, trace, &parent);
  std::vector<std::size_t> action(topology.size(), 0);
  for (std::size_t k = exit; k != 0; k = parent[k]) {
    const auto& next = topology.stages[parent[k]].next;
    action[parent[k]] = 1 + static_cast<std::size_t>(std::find(next.begin(), next.end(), k) - next.begin());
  }
  Policy policy{topology, {}};
  for (std::size_t k = 0; k < topology.size(); ++k)
    policy.gates.push_back(
        topology.n_actions(k) == 1 ? Gate{} : Gate::constant(action[k], topology.n_actions(k), inputs.size(k)));
  return policy;
}

}  // namespace weir::detail
