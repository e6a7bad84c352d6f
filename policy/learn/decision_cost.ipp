// What decision_cost.hpp declares.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learn/decision_cost.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/measure/cost_model.hpp>

namespace weir::detail {

WEIR_INLINE std::vector<double> decision_seconds(const Policy& policy, const Trace& trace) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t most = 256, rounds = 9;
  std::vector<Eigen::Index> rows;
  for (std::size_t i = 0; i < std::min(trace.size(), most); ++i) rows.push_back(static_cast<Eigen::Index>(i));
  const Trace part = trace.rows(rows);
  const GateInputs inputs = gate_inputs(policy.topology, part);
  policy.check(inputs);
  std::vector<double> seconds(policy.gates.size(), 0.0);
  for (std::size_t k = 0; k < seconds.size(); ++k) {
    if (policy.gates[k].n_actions() == 1) continue;
    const RowMatrix X = gate_matrix(inputs, part, k);
    std::vector<double> means;
    for (std::size_t round = 0; round < rounds; ++round) {
      const auto start = Clock::now();
      const Actions actions = actions_of(policy.gates[k], X);
      const double took = std::chrono::duration<double>(Clock::now() - start).count();
      means.push_back(took / static_cast<double>(actions.size()));
    }
    seconds[k] = median(std::move(means));
  }
  return seconds;
}

WEIR_INLINE std::vector<double> decision_seconds(const Trace& trace, const Topology& topology, TrainOptions options) {
  options.progress = nullptr;
  options.folds = 1;
  options.passes = 0;
  const PolicyTrainer trainer(trace, topology, options);
  const Policy policy = trainer.train(trainer.lambda_grid(3)[1]).policy;
  std::vector<double> seconds = decision_seconds(policy, trace);
  const double dearest = *std::ranges::max_element(seconds);
  for (std::size_t k = 0; k < seconds.size(); ++k) {
    const auto is_constant = [](const GateModel& m) {
      return m == GateModel::constant(0, m.n_features()) || m == GateModel::constant(1, m.n_features());
    };
    if (std::ranges::any_of(policy.gates[k].models(), is_constant)) seconds[k] = dearest;
  }
  return seconds;
}

WEIR_INLINE std::vector<StageCost> with_decisions(std::vector<StageCost> costs, const std::vector<double>& seconds) {
  if (costs.size() != seconds.size())
    throw ShapeError(detail::message({"decisions of ", seconds.size(), " stages for the costs of ", costs.size()}));
  for (std::size_t k = 0; k < costs.size(); ++k) {
    costs[k].cost += seconds[k];
    costs[k].answer_cost += seconds[k];
  }
  return costs;
}

WEIR_INLINE CostModel with_decisions(CostModel model, const std::vector<double>& seconds) {
  for (auto& costs : model.costs) costs = with_decisions(std::move(costs), seconds);
  return model;
}

WEIR_INLINE Trace with_decisions(Trace trace, const std::vector<double>& seconds) {
  trace.set_costs(with_decisions(trace.costs(), seconds), trace.cost_unit);
  return trace;
}

}  // namespace weir::detail
