/// A learned score per exit that sees the exits before it, and a threshold per exit.
#pragma once
#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/greedy_thresholds.hpp>
#include <weir/policy/compare/rules/scores.hpp>
#include <weir/policy/learners/logistic.hpp>

namespace weir::detail {

/// What the score of stage k reads, [n, n_score_inputs]: ScoreInputs::history of every example, with the earlier scores
/// [n, k].
inline Eigen::MatrixXd exit_score_inputs(const Trace& trace, std::size_t k, const Eigen::MatrixXd& earlier) {
  const StageTrace& s = trace.stages.at(k);
  if (s.probabilities.size() == 0)
    throw ArgumentError(detail::message({"stage '", s.name, "' has no class probabilities"}));
  const auto classes = static_cast<std::size_t>(s.probabilities.cols());
  const Eigen::Index n = s.probabilities.rows();
  RowMatrix X(n, static_cast<Eigen::Index>(n_score_inputs(ScoreInputs::history, k, classes)));
  std::vector<float> p(classes);
  std::vector<double> before(k);
  std::array<double, 6> confidence{};
  for (Eigen::Index i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    std::size_t agreeing = 0;
    for (std::size_t j = 0; j < k; ++j) {
      agreeing += trace.stages[j].prediction[at] == s.prediction[at] ? 1 : 0;
      before[j] = earlier(i, static_cast<Eigen::Index>(j));
    }
    for (std::size_t c = 0; c < classes; ++c) p[c] = s.probabilities(i, static_cast<Eigen::Index>(c));
    confidence_features(p, confidence);
    fill_score_inputs(ScoreInputs::history, p, confidence, agreeing, before,
                      {X.data() + i * X.cols(), static_cast<std::size_t>(X.cols())});
  }
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

/// Exit scores as in EENet (Ilhan et al., WACV 2024). Kept: what the score of an exit reads (class probabilities,
/// largest probability, entropy, vote share, the earlier exits' scores), that it is trained to tell right answers from
/// wrong ones after the network, and thresholds per exit for a budget. Not kept: the score is linear (logistic
/// regression, exit after exit) instead of a small network; above 20 classes the single probabilities are left out; and
/// thresholds come from the greedy search on the training trace instead of a learned distribution of exits. On a chain
/// of all stages up to the one that tune_greedy finds. Throws ArgumentError where the trace has no probabilities.
inline std::optional<TunedRule> tune_exit_score(const RuleData& data) {
  const Topology chain = full_chain(data.topology, "exit_score");
  data.training.check();
  std::vector<LinearModel> models(chain.full());
  const Confidence by{std::string(stage_score_feature), true};
  const Trace training = with_scores(data.training, exit_scores(models, data.training, true));
  const TraceView view = [models](const Trace& t) {
    std::vector<LinearModel> fitted = models;
    return with_scores(t, exit_scores(fitted, t, false));
  };
  auto rule = tune_greedy("exit_score", chain, training, view(data.calibration), by, data.budget);
  if (rule) {
    rule->view = view;
    rule->forms.assign(chain.size(), {});
    for (std::size_t k = 0; k < models.size(); ++k) rule->forms[k].score = StageScore{ScoreInputs::history, models[k]};
  }
  return rule;
}

}  // namespace weir::detail
