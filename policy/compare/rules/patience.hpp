/// Exit once several stages in a row agree.
#pragma once
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/free_end.hpp>
#include <weir/policy/compare/rules/threshold_walk.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>

namespace weir::detail {

/// Exits where a stage and the `patience` stages before it all predict the same class (PABEE: Zhou et al., NeurIPS
/// 2020); patience 0 exits at once, and nobody goes on behind stage `end`. On a chain of all the trace's stages, with
/// its topology.
inline Policy patience_policy(const Topology& topology, const Trace& trace, std::size_t patience, std::size_t end) {
  Policy policy{full_chain(topology, "patience"), {}};
  const GateInputs inputs = gate_inputs(policy.topology, trace);
  for (std::size_t k = 0; k < policy.topology.size(); ++k) {
    const std::size_t n_actions = policy.topology.n_actions(k), d = inputs.size(k);
    if (n_actions == 1 || k < patience || k >= end) {
      policy.gates.push_back(n_actions == 1 ? Gate{} : Gate::constant(k >= end ? 0 : 1, n_actions, d));
      continue;
    }
    // A tree whose every node asks one stage: disagreement goes on, agreement asks the next, the last leaf exits.
    TreeModel tree;
    tree.d = d;
    tree.nodes.clear();
    std::size_t column = static_cast<std::size_t>(trace.stages[k].features.cols());
    for (const std::size_t j : inputs.before(k)) {
      if (j + patience >= k) {
        const std::size_t at = tree.nodes.size();
        tree.nodes.push_back({column, 0.5, at + 1, at + 2, 0.5});
        tree.nodes.push_back({0, 0, 0, 0, 0.5});
      }
      column += 1 + static_cast<std::size_t>(trace.stages[j].features.cols());
    }
    tree.nodes.push_back({0, 0, 0, 0, -0.5});
    policy.gates.push_back(Gate(n_actions, d, {GateModel("tree", tree)}));
  }
  return policy;
}

/// Up to the full network.
inline Policy patience_policy(const Topology& topology, const Trace& trace, std::size_t patience) {
  return patience_policy(topology, trace, patience, topology.full());
}

/// The patience that keeps the budget best on a trace where nobody goes on behind stage `end`. O(stages) runs of the
/// trace.
inline std::optional<TunedRule> tune_patience(const Topology& topology, const Trace& trace, const Budget& budget,
                                              std::size_t end) {
  const auto best = best_member(end + 1, trace.size(), budget, end == topology.full(), [&](std::size_t i) {
    return MemberScore::of(evaluate(patience_policy(topology, trace, end - i, end), trace));
  });
  if (!best) return std::nullopt;
  const std::size_t patience = end - best->first;  // `end`: never satisfied before that stage
  return TunedRule{"patience", static_cast<double>(patience),
                   MixedPolicy::pure(patience_policy(topology, trace, patience, end)), best->second};
}

/// The patience that keeps the budget best on the calibration trace; the last stage is found on the training trace
/// (tune_free_end).
inline std::optional<TunedRule> tune_patience(const RuleData& data) {
  return tune_free_end(
      nearest_walk(data.topology), training_budget(data),
      [&](const Walk& walk, const Budget& kept) -> std::optional<Estimate> {
        const auto tuned = tune_patience(data.topology, data.training, kept, walk.back());
        if (!tuned) return std::nullopt;
        return tuned->calibration;
      },
      [&](const Walk& walk, const Budget& asked) {
        return tune_patience(data.topology, data.calibration, asked, walk.back());
      });
}

}  // namespace weir::detail
