// What train.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learn/folds.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/predicted_cost.hpp>
#include <weir/policy/learn/predicted_loss.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/learner.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir::detail {

WEIR_INLINE std::vector<std::string> gate_learner_names() {
  std::vector<std::string> names = learner_names();
  names.insert(names.begin(), {std::string(predicted_loss), std::string(priced_loss), std::string(predicted_cost)});
  return names;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Policy train(const Trace& trace, const Topology& topology, double lambda, const TrainOptions& options) {
  return PolicyTrainer(trace, topology, options).train(lambda).policy;
}

WEIR_INLINE PolicyTrainer::PolicyTrainer(const Trace& trace, Topology topology, TrainOptions options)
    : trace_(trace), topology_(std::move(topology)), options_(std::move(options)) {
  trace_.check();
  inputs_ = detail::gate_inputs(topology_, trace_);
  if (options_.passes < 0) throw ArgumentError("train: passes must be >= 0");
  if (options_.folds < 1 || options_.folds > trace_.size())
    throw ArgumentError("train: folds must be in [1, number of examples]");
  const std::string learner = options_.fit ? "" : options_.learner;
  if (!options_.fit) detail::check_learner(learner, detail::gate_learner_names());
  for (std::size_t k = 0; k < topology_.size(); ++k) {
    if (topology_.n_actions(k) > Gate::max_actions)
      throw ArgumentError(detail::message({"train: stage '", topology_.stages[k].name, "' has too many successors"}));
    X_.push_back(topology_.n_actions(k) > 1 ? gate_matrix(inputs_, trace_, k) : detail::RowMatrix());
    columns_.push_back(chosen_columns(k));
  }
  R_ = charged_loss(trace_, options_.side);
  fold_ = detail::deal_folds(trace_.size(), options_.folds, options_.seed);
  priced_ = learner == detail::priced_loss;
  if (priced_ || learner == detail::predicted_loss) predicted_loss_.emplace(problem());
  if (learner == detail::predicted_cost) predicted_cost_.emplace(problem());
}

WEIR_INLINE PathPoint PolicyTrainer::train(double lambda, const PathPoint* warm) const {
  if (!(lambda >= 0) || !std::isfinite(lambda)) throw ArgumentError("train: lambda must be finite and >= 0");
  const detail::Objective objective{topology_, trace_, R_, lambda};
  PathPoint point;
  point.lambda = lambda;
  if (one_parameter()) {
    const double limit = lambda > 0 ? detail::cheapest_costs(topology_, trace_).back() / lambda : INFINITY;
    point.policy = {topology_, predicted_loss_->gates(limit)};
    point.actions = predicted_loss_->actions(limit);
    point.objective.push_back(objective.path_costs(point.actions).mean());
    measure(point);
    return point;
  }
  point.policy = {topology_, std::vector<Gate>(topology_.size())};
  point.actions.resize(topology_.size());
  Memory memory(topology_.size());
  std::vector<Eigen::VectorXd> V(topology_.size());
  const std::vector<bool> everyone(trace_.size(), true);
  for (std::size_t k = topology_.size(); k-- > 0;) {
    const detail::RowMatrix costs = objective.action_costs(k, V);
    Decider best = constant(k, 0);
    for (std::size_t a = 1; a < topology_.n_actions(k); ++a) improve(best, constant(k, a), costs, everyone);
    if (warm != nullptr) improve(best, {warm->policy.gates[k], warm->actions[k]}, costs, everyone);
    if (topology_.n_actions(k) > 1) improve(best, fitted(k, costs, everyone, lambda), costs, everyone);
    memory[k] = {costs, everyone};
    V[k] = detail::Objective::taken(costs, best.actions);
    point.policy.gates[k] = std::move(best.gate);
    point.actions[k] = std::move(best.actions);
  }
  double value = V[0].mean() + trace_.stages[0].cost;
  if (warm != nullptr) {
    const double warm_value = objective.path_costs(warm->actions).mean();
    if (warm_value < value - rounding * std::abs(value)) {
      point.policy = warm->policy;
      point.actions = warm->actions;
      memory.assign(topology_.size(), {});
      V = objective.cost_to_go(point.actions);
      value = warm_value;
    }
  }
  point.objective.push_back(value);
  for (int pass = 0; pass < options_.passes && iterate(objective, memory, V, point); ++pass)
    point.objective.push_back(V[0].mean() + trace_.stages[0].cost);
  measure(point);
  return point;
}

WEIR_INLINE PathPoint PolicyTrainer::fixed(std::size_t exit) const {
  PathPoint point;
  point.policy = detail::fixed_policy(topology_, trace_, exit);
  point.actions = detail::action_table(point.policy, trace_);
  measure(point);
  return point;
}

WEIR_INLINE std::vector<double> PolicyTrainer::lambda_grid(std::size_t n) const {
  if (n < 2) throw ArgumentError("lambda grid: at least 2 points");
  double cheapest = 0;
  for (const auto& s : trace_.stages)
    if (&s != &trace_.stages.front() && s.cost > 0 && (cheapest == 0 || s.cost < cheapest)) cheapest = s.cost;
  const double most = R_.cwiseAbs().maxCoeff(), full = detail::cheapest_costs(topology_, trace_).back();
  if (!(most > 0) || !(cheapest > 0)) return {1.0};
  const double low = 0.5 * cheapest / most;
  const double high = std::max(10.0, static_cast<double>(trace_.size()) / 10) * std::max(full, cheapest) / most;
  std::vector<double> grid(n);
  for (std::size_t g = 0; g < n; ++g)
    grid[g] = low * std::pow(high / low, static_cast<double>(g) / static_cast<double>(n - 1));
  return grid;
}

WEIR_INLINE std::vector<PathPoint> PolicyTrainer::train_path(const std::vector<double>& lambdas) const {
  if (!std::is_sorted(lambdas.begin(), lambdas.end())) throw ArgumentError("path: lambdas must ascend");
  std::vector<PathPoint> path;
  for (std::size_t k = 0; k < topology_.size(); ++k) path.push_back(fixed(k));
  const std::size_t fixed_exits = path.size();
  path.resize(fixed_exits + lambdas.size());
  for (std::size_t g = lambdas.size(); g-- > 0;) {
    const bool first = g + 1 == lambdas.size();
    path[fixed_exits + g] = train(lambdas[g], first ? nullptr : &path[fixed_exits + g + 1]);
    if (options_.progress) options_.progress(lambdas.size() - g, lambdas.size());
  }
  return path;
}

WEIR_INLINE std::vector<Eigen::Index> PolicyTrainer::chosen_columns(std::size_t k) const {
  std::vector<std::vector<std::string>> own;
  for (const StageTrace& s : trace_.stages) own.push_back(s.feature_names);
  const auto names = inputs_.names(k, topology_, own);
  std::vector<Eigen::Index> columns;
  for (std::size_t j = 0; j < names.size(); ++j)
    if (!options_.feature || options_.feature(names[j])) columns.push_back(static_cast<Eigen::Index>(j));
  return columns;
}

WEIR_INLINE PolicyTrainer::Decider PolicyTrainer::constant(std::size_t k, std::size_t action) const {
  const std::size_t n_actions = topology_.n_actions(k);
  return {n_actions == 1 ? Gate{} : Gate::constant(action, n_actions, inputs_.size(k)),
          detail::Actions(trace_.size(), static_cast<std::uint8_t>(action))};
}

WEIR_INLINE bool PolicyTrainer::improve(Decider& best, Decider other, const detail::RowMatrix& costs,
                                        const std::vector<bool>& rows) {
  double change = 0, scale = 0;
  for (Eigen::Index i = 0; i < costs.rows(); ++i) {
    const auto row = static_cast<std::size_t>(i);
    if (!rows[row]) continue;
    change += costs(i, other.actions[row]) - costs(i, best.actions[row]);
    scale += costs.row(i).cwiseAbs().maxCoeff();
  }
  if (!(change < -rounding * scale)) return false;
  best = std::move(other);
  return true;
}

WEIR_INLINE detail::GateModel PolicyTrainer::fit_model(std::size_t k, const Dataset& data) const {
  detail::GateModel model = options_.fit ? options_.fit(data) : fit_by_name(options_.learner, data);
  if (model.n_features() != static_cast<std::size_t>(data.X.cols()))
    throw ShapeError(detail::message(
        {"train: the given fit made a model of ", model.n_features(), " features from ", data.X.cols()}));
  if (columns_[k].size() == inputs_.size(k)) return model;
  return model.reading({columns_[k].begin(), columns_[k].end()}, inputs_.size(k));
}

WEIR_INLINE Gate PolicyTrainer::fit_gate(std::size_t k, const detail::RowMatrix& costs,
                                         const std::vector<bool>& rows) const {
  const detail::RowMatrix& X = X_[k];
  std::vector<detail::GateModel> models;
  for (Eigen::Index a = 0; a < costs.cols(); ++a)
    for (Eigen::Index b = a + 1; b < costs.cols(); ++b) {
      std::vector<Eigen::Index> used;
      double weight[2] = {0, 0};
      for (Eigen::Index i = 0; i < costs.rows(); ++i) {
        if (!rows[static_cast<std::size_t>(i)] || costs(i, a) == costs(i, b)) continue;
        used.push_back(i);
        weight[costs(i, b) < costs(i, a) ? 1 : 0] += std::abs(costs(i, b) - costs(i, a));
      }
      if (weight[0] == 0 || weight[1] == 0 || columns_[k].empty()) {
        models.push_back(detail::GateModel::constant(weight[1] > weight[0] ? 1 : 0, inputs_.size(k)));
        continue;
      }
      Dataset data{X(used, columns_[k]), {}, (costs(used, b) - costs(used, a)).cwiseAbs()};
      for (const Eigen::Index i : used) data.y.push_back(costs(i, b) < costs(i, a) ? 1 : 0);
      models.push_back(fit_model(k, data));
    }
  return {topology_.n_actions(k), inputs_.size(k), std::move(models)};
}

WEIR_INLINE PolicyTrainer::Decider PolicyTrainer::fitted(std::size_t k, const detail::RowMatrix& costs,
                                                         const std::vector<bool>& rows, double lambda) const {
  if (priced_ || (predicted_cost_ && lambda > 0)) {
    auto [gate, actions] =
        priced_ ? predicted_loss_->priced(k, costs, rows) : predicted_cost_->gate(problem(), k, costs, rows, lambda);
    return {std::move(gate), std::move(actions)};
  }
  if (predicted_cost_) return constant(k, 0);  // no loss is worth anything
  Decider decider{fit_gate(k, costs, rows), {}};
  decider.actions = detail::actions_of(decider.gate, X_[k]);
  for (std::size_t f = 0; options_.folds > 1 && f < options_.folds; ++f) {
    std::vector<bool> others = rows;
    for (std::size_t i = 0; i < others.size(); ++i)
      if (fold_[i] == f) others[i] = false;
    const detail::Actions out_of_fold = detail::actions_of(fit_gate(k, costs, others), X_[k]);
    for (std::size_t i = 0; i < others.size(); ++i)
      if (fold_[i] == f) decider.actions[i] = out_of_fold[i];
  }
  return decider;
}

WEIR_INLINE bool PolicyTrainer::iterate(const detail::Objective& objective, Memory& memory,
                                        std::vector<Eigen::VectorXd>& V, PathPoint& point) const {
  const auto reach = detail::reached(topology_, point.actions);
  bool changed = false;
  for (std::size_t k = topology_.size(); k-- > 0;) {
    detail::RowMatrix costs = objective.action_costs(k, V);
    Decider best{point.policy.gates[k], point.actions[k]};
    const bool same = memory[k].rows == reach[k] && memory[k].costs == costs;
    if (topology_.n_actions(k) > 1 && !same && std::find(reach[k].begin(), reach[k].end(), true) != reach[k].end()) {
      bool better = improve(best, fitted(k, costs, reach[k], objective.lambda), costs, reach[k]);
      for (std::size_t a = 0; a < topology_.n_actions(k); ++a)
        better = improve(best, constant(k, a), costs, reach[k]) || better;
      changed = changed || better;
    }
    V[k] = detail::Objective::taken(costs, best.actions);
    point.policy.gates[k] = std::move(best.gate);
    point.actions[k] = std::move(best.actions);
    memory[k] = {std::move(costs), reach[k]};
  }
  return changed;
}

WEIR_INLINE void PolicyTrainer::measure(PathPoint& point) const {
  const Evaluation e =
      detail::evaluate_tables(topology_, trace_, {point.actions}, [](std::size_t) { return std::size_t{0}; });
  point.mean_cost = e.mean_cost();
  point.mean_excess = e.mean_excess();
  point.mean_difference = e.mean_difference();
}

}  // namespace weir
