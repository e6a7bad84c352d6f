/// A linear gate on four statistics per exit.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/scores.hpp>
#include <weir/policy/compare/rules/shared_threshold.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learners/logistic.hpp>

namespace weir::detail {

/// One logistic regression for each stage but the last, "exit" against "go on", where an example should exit if
///
///     lambda R_k <= min over later stages j of  T_{k+1} + ... + T_j + lambda R_j.
///
/// Every example counts the same, whether it gets there or not.
inline std::vector<LinearModel> fit_linear_gates(const std::vector<Eigen::MatrixXd>& X, const Trace& training,
                                                 double lambda) {
  const Eigen::MatrixXd R = charged_loss(training, LossSide::excess);
  std::vector<LinearModel> gates(X.size());
  Eigen::VectorXd later = Eigen::VectorXd::Constant(R.rows(), std::numeric_limits<double>::infinity());
  for (std::size_t k = X.size(); k-- > 0;) {
    later = later.cwiseMin(lambda * R.col(static_cast<Eigen::Index>(k + 1))).array() + training.stages[k + 1].cost;
    Dataset data{X[k], {}, Eigen::VectorXd::Ones(R.rows())};
    for (Eigen::Index i = 0; i < R.rows(); ++i)
      data.y.push_back(lambda * R(i, static_cast<Eigen::Index>(k)) <= later(i) ? 1 : 0);
    gates[k] = LogisticRegression{}.fit(data);
  }
  return gates;
}

/// The gate of JEI-DNN (Regol, Chataoui, Coates, ICLR 2024): per exit a linear unit on the largest probability, the
/// entropy, the margin and the entropy of the squared, renormalised probabilities.
///
/// An approximation: there gates and heads are learned together by a bi-level program; here networks and heads stay as
/// they are and gates are logistic regressions towards the best exit of each training example at a price lambda (seven
/// of them, in steps of sqrt(10) around T_full per unit of loss). The price is the one that does best on the training
/// trace once the shared threshold on the gates' log-odds is set for the budget and the chain's end is found
/// (TrainingBudget); that threshold, 0 in the original, is then tuned on the calibration trace. On a chain of all
/// stages. Throws ArgumentError where the trace has no probabilities.
inline std::optional<TunedRule> tune_linear_gate(const RuleData& data) {
  const Topology chain = full_chain(data.topology, "linear_gate");
  data.training.check();
  std::vector<Eigen::MatrixXd> X;
  double total = 0;
  for (const StageTrace& s : data.training.stages) {
    total += s.cost;
    if (X.size() < chain.full()) X.push_back(gate_statistics(s));
  }
  const Confidence by{std::string(stage_score_feature), true};
  const Walk whole = nearest_walk(chain);
  struct Best {
    Estimate training;
    Walk walk;
    TraceView view;
    std::vector<AnswerForm> forms;
  };
  std::optional<Best> best;
  const TrainingBudget judge = training_budget(data);
  for (int step = -2; step <= 4; ++step) {
    const double lambda = total * std::pow(10.0, step / 2.0);
    const auto fitted = fit_linear_gates(X, data.training, lambda);
    const TraceView view = [gates = fitted](const Trace& t) {
      Eigen::MatrixXd scores =
          Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(t.size()), static_cast<Eigen::Index>(t.stages.size()));
      for (std::size_t k = 0; k < gates.size(); ++k)
        scores.col(static_cast<Eigen::Index>(k)) = decisions(gates[k], gate_statistics(t.stages.at(k)));
      return with_scores(t, scores);
    };
    const Trace seen = view(data.training);
    for (const Walk& walk : with_free_end(whole)) {
      const auto now = judge.best_on(
          walk, [&](const Walk& w, const Budget& kept) { return threshold_estimate(chain, seen, by, kept, w); });
      if (!now || (best && !better(*now, best->training, data.budget))) continue;
      best = {*now, walk, view, std::vector<AnswerForm>(chain.size())};
      for (std::size_t k = 0; k < fitted.size(); ++k)
        best->forms[k].score = StageScore{ScoreInputs::statistics, fitted[k]};
    }
  }
  if (!best) return std::nullopt;
  const Trace calibration = best->view(data.calibration);
  auto rule = tune_along(best->walk, whole, data.budget, [&](const Walk& walk, const Budget& asked) {
    return tune_threshold(chain, calibration, by, asked, walk);
  });
  if (rule) {
    rule->name = "linear_gate";
    rule->view = best->view;
    rule->forms = best->forms;
  }
  return rule;
}

}  // namespace weir::detail
