// What predicted_loss.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/fraction_model.hpp>
#include <weir/policy/learn/predicted_loss.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir::detail {

WEIR_INLINE PredictedLoss::PredictedLoss(const GateProblem& problem, double skip)
    : skip_(skip), low_(std::min(0.0, problem.R.minCoeff())), high_(problem.R.maxCoeff()) {
  if (!(skip > 0)) throw ArgumentError("predicted loss: skip must be > 0");
  stages_.resize(problem.topology.size());
  const std::vector<bool> everyone(static_cast<std::size_t>(problem.R.rows()), true);
  for (std::size_t k = 0; k < stages_.size(); ++k) {
    const auto& next = problem.topology.stages[k].next;
    stages_[k].n_actions = problem.topology.n_actions(k);
    stages_[k].n_features = static_cast<std::size_t>(problem.X[k].cols());
    stages_[k].n_examples = static_cast<std::size_t>(problem.R.rows());
    stages_[k].columns.assign(problem.columns[k].begin(), problem.columns[k].end());
    for (std::size_t a = 0; a < next.size(); ++a) {
      const auto loss = problem.R.col(static_cast<Eigen::Index>(a == 0 ? k : next[a - 1]));
      stages_[k].predictors.push_back(
          fit_fraction(problem.fractions(k), (loss.array() - low_) / std::max(high_ - low_, 1e-300), everyone));
    }
  }
}

WEIR_INLINE Gate PredictedLoss::gate(const Stage& stage, const std::vector<double>& limits) {
  if (stage.n_actions == 1) return {};
  std::vector<GateModel> models;
  for (std::size_t a = 0; a < stage.n_actions; ++a)
    for (std::size_t b = a + 1; b < stage.n_actions; ++b)
      models.push_back(above(stage.predictors[a], stage.columns, limits[a], stage.n_features));
  return {stage.n_actions, stage.n_features, std::move(models)};
}

WEIR_INLINE std::vector<Gate> PredictedLoss::gates(double t) const {
  std::vector<Gate> all;
  for (const Stage& stage : stages_) {
    std::vector<double> limits;
    for (std::size_t a = 0; a + 1 < stage.n_actions; ++a) limits.push_back(limit(t, a));
    all.push_back(gate(stage, limits));
  }
  return all;
}

WEIR_INLINE double PredictedLoss::best_limit(const Eigen::VectorXd& score, const Eigen::VectorXd& change,
                                             const std::vector<bool>& rows) {
  std::vector<Eigen::Index> order;
  for (Eigen::Index i = 0; i < score.size(); ++i)
    if (rows[static_cast<std::size_t>(i)]) order.push_back(i);
  std::ranges::stable_sort(order, {}, [&](Eigen::Index i) { return score(i); });
  double sum = 0, least = 0, limit = -always;
  for (std::size_t r = 0; r < order.size(); ++r) {
    sum += change(order[r]);
    const double here = score(order[r]), next = r + 1 < order.size() ? score(order[r + 1]) : always;
    if (here == next || !(sum < least)) continue;
    least = sum;
    limit = std::isfinite(here) && std::isfinite(next) ? here + (next - here) / 2
            : std::isfinite(next)                      ? next - 1
                                                       : next;
  }
  return limit;
}

WEIR_INLINE std::pair<Gate, Actions> PredictedLoss::priced(std::size_t k, const RowMatrix& costs,
                                                           const std::vector<bool>& rows) const {
  const Stage& stage = stages_[k];
  const std::size_t last = stage.n_actions - 1;
  Eigen::VectorXd now = costs.col(static_cast<Eigen::Index>(last));
  Actions taken(stage.n_examples, static_cast<std::uint8_t>(last));
  std::vector<double> limits(last);
  for (std::size_t a = last; a-- > 0;) {
    const Eigen::VectorXd& score = stage.predictors[a].log_odds;
    const auto column = costs.col(static_cast<Eigen::Index>(a));
    limits[a] = best_limit(score, column - now, rows);
    for (Eigen::Index i = 0; i < score.size(); ++i)
      if (score(i) <= limits[a]) {
        taken[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(a);
        now(i) = column(i);
      }
  }
  return {gate(stage, limits), std::move(taken)};
}

WEIR_INLINE ActionTable PredictedLoss::actions(double t) const {
  ActionTable table;
  for (const Stage& stage : stages_) {
    const std::size_t last = stage.n_actions - 1;
    Actions taken(stage.n_examples, static_cast<std::uint8_t>(last));
    for (std::size_t a = last; a-- > 0;) {
      const double most = limit(t, a);
      for (std::size_t i = 0; i < taken.size(); ++i)
        if (stage.predictors[a].log_odds(static_cast<Eigen::Index>(i)) <= most) taken[i] = static_cast<std::uint8_t>(a);
    }
    table.push_back(std::move(taken));
  }
  return table;
}

WEIR_INLINE double PredictedLoss::limit(double t, std::size_t a) const {
  const double p = ((a == 0 ? t : skip_ * t) - low_) / (high_ - low_);
  return log_odds(p);
}

WEIR_INLINE GateModel PredictedLoss::above(const FractionModel& predictor, const std::vector<std::size_t>& columns,
                                           double limit, std::size_t n_features) {
  LinearModel model = predictor.model;
  if (columns.empty() || !std::isfinite(model.intercept - limit))
    return GateModel::constant(model.intercept > limit ? 1 : 0, n_features);
  model.intercept -= limit;
  GateModel gate("logistic", std::move(model));
  return columns.size() == n_features ? gate : gate.reading(columns, n_features);
}

}  // namespace weir::detail
