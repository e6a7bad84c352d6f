/// A learned score per exit that sees the exits before it, and a threshold per exit.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/rules/greedy_thresholds.hpp>
#include <weir/policy/rules/scores.hpp>

namespace weir {

namespace detail {

/// What the score of stage k reads, [n, 3 + k (+ classes)]: largest probability, entropy, the share of the stages 0 ..
/// k that vote for stage k's answer, the earlier scores [n, k], and the class probabilities of at most
/// max_one_hot_classes classes.
inline Eigen::MatrixXd exit_score_inputs(const Trace& trace, std::size_t k, const Eigen::MatrixXd& earlier) {
  const StageTrace& s = trace.stages.at(k);
  const Eigen::MatrixXd statistics = gate_statistics(s);
  const Eigen::Index n = statistics.rows(), history = static_cast<Eigen::Index>(k);
  const Eigen::Index classes = s.probabilities.cols() <= max_one_hot_classes ? s.probabilities.cols() : 0;
  Eigen::MatrixXd X(n, 3 + history + classes);
  X.leftCols(2) = statistics.leftCols(2);
  for (Eigen::Index i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    std::size_t votes = 0;
    for (std::size_t j = 0; j <= k; ++j) votes += trace.stages[j].prediction[at] == s.prediction[at] ? 1 : 0;
    X(i, 2) = static_cast<double>(votes) / static_cast<double>(k + 1);
  }
  X.middleCols(3, history) = earlier.leftCols(history);
  if (classes > 0) X.rightCols(classes) = s.probabilities.cast<double>();
  return X;
}

/// [n, stages] the scores of every stage but the last, whose column is 0; gates are fitted first where `fit` says so.
inline Eigen::MatrixXd exit_scores(std::vector<LinearModel>& models, const Trace& trace, bool fit) {
  const auto n = static_cast<Eigen::Index>(trace.size());
  Eigen::MatrixXd scores = Eigen::MatrixXd::Zero(n, static_cast<Eigen::Index>(trace.stages.size()));
  for (std::size_t k = 0; k < models.size(); ++k) {
    const Eigen::MatrixXd X = exit_score_inputs(trace, k, scores);
    if (fit) {
      Dataset data{X, {}, Eigen::VectorXd::Ones(n)};
      for (Eigen::Index i = 0; i < n; ++i) data.y.push_back(trace.stages[k].loss(i) > 0 ? 0 : 1);
      models[k] = LogisticRegression{}.fit(data);
    }
    scores.col(static_cast<Eigen::Index>(k)) = decisions(models[k], X);
  }
  return scores;
}

}  // namespace detail

/// Exit scores as in EENet (Ilhan et al., WACV 2024). Kept: what the score of an exit reads (class probabilities,
/// largest probability, entropy, vote share, the earlier exits' scores), that it is trained to tell right answers from
/// wrong ones after the network, and thresholds per exit for a budget. Not kept: the score is linear (logistic
/// regression, exit after exit) instead of a small network; above 20 classes the single probabilities are left out; and
/// thresholds come from the greedy search on the training trace instead of a learned distribution of exits. On a chain
/// of all stages. Throws ArgumentError where the trace has no probabilities.
inline std::optional<TunedRule> tune_exit_score(const RuleData& data) {
  const Topology chain = full_chain(data.topology, "exit_score");
  data.training.check();
  std::vector<LinearModel> models(chain.full());
  const Confidence by{"exit_score", true};
  const Trace training = with_scores(data.training, by.feature, detail::exit_scores(models, data.training, true));
  const TraceView view = [models, by](const Trace& t) {
    std::vector<LinearModel> fitted = models;
    return with_scores(t, by.feature, detail::exit_scores(fitted, t, false));
  };
  auto rule = detail::tune_greedy("exit_score", chain, training, view(data.calibration), by, data.budget);
  if (rule) rule->view = view;
  return rule;
}

}  // namespace weir
