// What predicted_cost.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/fraction_model.hpp>
#include <weir/policy/learn/gate_problem.hpp>
#include <weir/policy/learn/predicted_cost.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/run/gate.hpp>

namespace weir::detail {

WEIR_INLINE PredictedCost::PredictedCost(const GateProblem& problem)
    : low_(std::min(0.0, problem.R.minCoeff())),
      high_(std::max(problem.R.maxCoeff(), low_ + 1e-300)),
      exit_(problem.topology.size()) {
  const std::vector<bool> everyone(static_cast<std::size_t>(problem.R.rows()), true);
  for (std::size_t k = 0; k < exit_.size(); ++k)
    if (problem.topology.n_actions(k) > 1)
      exit_[k] = fit_fraction(problem.fractions(k),
                              (problem.R.col(static_cast<Eigen::Index>(k)).array() - low_) / (high_ - low_), everyone);
}

WEIR_INLINE GateModel PredictedCost::prefers(const FractionModel& b, const FractionModel& a,
                                             const std::vector<Eigen::Index>& columns, std::size_t n_features) {
  const double difference = a.model.intercept - b.model.intercept;
  if (columns.empty() || !std::isfinite(difference)) return GateModel::constant(difference > 0 ? 1 : 0, n_features);
  LinearModel model = a.model;
  model.intercept = difference;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const double slope = b.model.coef[j] * b.model.scaling.factor[j];
    model.coef[j] -= slope / model.scaling.factor[j];
    model.intercept -= slope * (model.scaling.mean[j] - b.model.scaling.mean[j]);
  }
  GateModel gate("logistic", std::move(model));
  if (columns.size() == n_features) return gate;
  return gate.reading({columns.begin(), columns.end()}, n_features);
}

WEIR_INLINE std::pair<Gate, Actions> PredictedCost::gate(const GateProblem& problem, std::size_t k,
                                                         const RowMatrix& costs, const std::vector<bool>& rows,
                                                         double lambda) const {
  const auto n_actions = static_cast<std::size_t>(costs.cols());
  std::vector<FractionModel> predicted{exit_[k]};
  for (Eigen::Index a = 1; a < costs.cols(); ++a) {
    const Eigen::ArrayXd share = (costs.col(a).array() / lambda - low_) / (high_ - low_);
    predicted.push_back(fit_fraction(problem.fractions(k), share.max(0.0).min(1.0).matrix(), rows));
  }
  std::vector<GateModel> models;
  const auto n_features = static_cast<std::size_t>(problem.X[k].cols());
  for (std::size_t a = 0; a < n_actions; ++a)
    for (std::size_t b = a + 1; b < n_actions; ++b)
      models.push_back(prefers(predicted[b], predicted[a], problem.columns[k], n_features));
  Gate gate(n_actions, n_features, std::move(models));
  if (problem.folds == 1) {
    Actions actions = actions_of(gate, problem.X[k]);
    return {std::move(gate), std::move(actions)};
  }
  Actions actions(rows.size(), 0);
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    for (std::size_t a = 1; a < n_actions; ++a)
      if (predicted[a].log_odds(row) < predicted[actions[i]].log_odds(row)) actions[i] = static_cast<std::uint8_t>(a);
  }
  return {std::move(gate), std::move(actions)};
}

}  // namespace weir::detail
