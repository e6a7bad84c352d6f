/// Gates that compare a predicted loss with a limit, the same at all stages.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir {

/// What gates are learned from, for all stages: what PolicyTrainer has.
struct GateProblem {
  const Topology& topology;
  const std::vector<RowMatrix>& X;                        ///< [stages][n, d] what each gate sees
  const std::vector<std::vector<Eigen::Index>>& columns;  ///< [stages] of that, what it learns from
  const Eigen::MatrixXd& R;                               ///< [n, stages] charged_loss
  const std::vector<std::size_t>& fold;                   ///< [n]
  std::size_t folds = 1;                                  ///< 1: what is predicted for an example is by a fit to it
};

/// For every stage k and each of its actions, of which a leads to stage j (j = k for the exit), a model of
///
///     rho_ka(x) = E[ R_j | x ],   x what the gate at k sees,
///
/// and policies with one parameter, the limit t: a gate takes the first of exit, nearest successor, next one, ... with
///
///     rho_k0(x) <= t   (exit),     rho_ka(x) <= skip t   (run next[a - 1]),
///
/// and where there is none the last successor. The exits are Chow's rule (On optimum recognition error and reject
/// tradeoff, IEEE Trans. Inf. Theory 1970) with a fitted error in place of a confidence, as in the post-hoc deferral of
/// Jitkrittum et al. (When does confidence-based cascade deferral suffice?, NeurIPS 2023); passing over successors that
/// would hardly be good enough is weir's.
///
/// Beside the gates of the backward recursion an approximation: going on is taken to cost the same for all examples at
/// all stages. But every example says something of every stage, nothing is fitted anew for another price of loss, and
/// only the limit moves along the path; where a few thousand examples are all there is, that gains more than it loses.
///
/// rho is a logistic regression whose labels (R - low) / (high - low) may lie between 0 and 1, as expected losses do;
/// low = min(0, least R), high the largest R.
class PredictedLoss {
 public:
  /// skip: how many times the limit of an exit may be expected of a successor that is run nevertheless; > 0. Time: a
  /// fit for each action but each stage's last, (folds + 1) of them where folds > 1. Throws what
  /// LogisticRegression::fit throws, and ArgumentError for a bad skip.
  explicit PredictedLoss(const GateProblem& problem, double skip = 3)
      : skip_(skip), low_(std::min(0.0, problem.R.minCoeff())), high_(problem.R.maxCoeff()) {
    if (!(skip > 0)) throw ArgumentError("predicted loss: skip must be > 0");
    stages_.resize(problem.topology.size());
    for (std::size_t k = 0; k < stages_.size(); ++k) {
      const auto& next = problem.topology.stages[k].next;
      stages_[k].n_actions = problem.topology.n_actions(k);
      stages_[k].n_features = static_cast<std::size_t>(problem.X[k].cols());
      stages_[k].n_examples = static_cast<std::size_t>(problem.R.rows());
      stages_[k].columns.assign(problem.columns[k].begin(), problem.columns[k].end());
      for (std::size_t a = 0; a < next.size(); ++a)
        stages_[k].predictors.push_back(predictor(problem, k, a == 0 ? k : next[a - 1]));
    }
  }

  /// The gates with limit t > 0, in units of loss (infinity: everything exits at once).
  std::vector<Gate> gates(double t) const {
    std::vector<Gate> all;
    for (const Stage& stage : stages_) {
      if (stage.n_actions == 1) {
        all.emplace_back();
        continue;
      }
      std::vector<GateModel> models;
      for (std::size_t a = 0; a < stage.n_actions; ++a)
        for (std::size_t b = a + 1; b < stage.n_actions; ++b)
          models.push_back(above(stage.predictors[a], stage.columns, limit(t, a), stage.n_features));
      all.emplace_back(stage.n_actions, stage.n_features, std::move(models));
    }
    return all;
  }

  /// [stages][n] what they do on the examples, where folds > 1 by predictions that did not see them.
  ActionTable actions(double t) const {
    ActionTable table;
    for (const Stage& stage : stages_) {
      const std::size_t last = stage.n_actions - 1;
      Actions taken(stage.n_examples, static_cast<std::uint8_t>(last));
      for (std::size_t a = last; a-- > 0;) {
        const double most = limit(t, a);
        for (std::size_t i = 0; i < taken.size(); ++i)
          if (stage.predictors[a].log_odds(static_cast<Eigen::Index>(i)) <= most)
            taken[i] = static_cast<std::uint8_t>(a);
      }
      table.push_back(std::move(taken));
    }
    return table;
  }

 private:
  static constexpr double certain = std::numeric_limits<double>::infinity();

  /// rho of one action, as the log-odds of its place between low and high; -certain and certain where all labels are
  /// 0 or all are 1.
  struct Predictor {
    LinearModel model;
    Eigen::VectorXd log_odds;  ///< [n]
  };

  struct Stage {
    std::size_t n_actions = 1, n_features = 0, n_examples = 0;
    std::vector<std::size_t> columns;
    std::vector<Predictor> predictors;  ///< [n_actions - 1]
  };

  /// Log-odds of the limit on action a.
  double limit(double t, std::size_t a) const {
    const double p = ((a == 0 ? t : skip_ * t) - low_) / (high_ - low_);
    return p < 1 ? std::log(p / (1 - p)) : certain;
  }

  /// Whether the prediction is above the limit, as a model.
  static GateModel above(const Predictor& predictor, const std::vector<std::size_t>& columns, double limit,
                         std::size_t n_features) {
    LinearModel model = predictor.model;
    if (columns.empty() || !std::isfinite(model.intercept - limit))
      return GateModel::constant(model.intercept > limit ? 1 : 0, n_features);
    model.intercept -= limit;
    GateModel gate("logistic", std::move(model));
    return columns.size() == n_features ? gate : gate.reading(columns, n_features);
  }

  /// Labels p [n] in [0, 1]: an example counts p as class 1 and 1 - p as class 0.
  static LinearModel fit(const RowMatrix& X, const Eigen::VectorXd& p, const std::vector<Eigen::Index>& columns,
                         const std::vector<Eigen::Index>& rows) {
    std::vector<Eigen::Index> used;
    std::vector<double> weight;
    Dataset data;
    for (const int label : {0, 1})
      for (const Eigen::Index i : rows) {
        const double w = label == 1 ? p(i) : 1 - p(i);
        if (!(w > 0)) continue;
        used.push_back(i);
        weight.push_back(w);
        data.y.push_back(label);
      }
    LinearModel model = LinearModel::constant(0, columns.size());
    const double ones = p(rows).mean();
    if (!(ones > 0) || !(ones < 1) || columns.empty()) {
      model.intercept = !(ones > 0) ? -certain : !(ones < 1) ? certain : std::log(ones / (1 - ones));
      return model;
    }
    data.X = X(used, columns);
    data.sample_weight = Eigen::Map<const Eigen::VectorXd>(weight.data(), static_cast<Eigen::Index>(weight.size()));
    return LogisticRegression{}.fit(data);
  }

  Predictor predictor(const GateProblem& problem, std::size_t k, std::size_t j) const {
    const RowMatrix& X = problem.X[k];
    const Eigen::VectorXd p =
        (problem.R.col(static_cast<Eigen::Index>(j)).array() - low_) / std::max(high_ - low_, 1e-300);
    std::vector<Eigen::Index> all(static_cast<std::size_t>(X.rows()));
    std::iota(all.begin(), all.end(), Eigen::Index{0});
    Predictor out{fit(X, p, problem.columns[k], all), Eigen::VectorXd(X.rows())};
    for (std::size_t f = 0; f < problem.folds; ++f) {
      std::vector<Eigen::Index> seen, judged;
      for (const Eigen::Index i : all) (problem.fold[static_cast<std::size_t>(i)] == f ? judged : seen).push_back(i);
      const LinearModel model = problem.folds > 1 ? fit(X, p, problem.columns[k], seen) : out.model;
      std::vector<double> x(problem.columns[k].size());
      for (const Eigen::Index i : judged) {
        for (std::size_t c = 0; c < x.size(); ++c) x[c] = X(i, problem.columns[k][c]);
        out.log_odds(i) = model.decision_function(x);
      }
    }
    return out;
  }

  double skip_, low_, high_;
  std::vector<Stage> stages_;
};

}  // namespace weir
