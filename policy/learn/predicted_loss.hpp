/// Gates that compare a predicted loss with a limit, the same at all stages.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/fraction_model.hpp>
#include <weir/policy/learn/gate_problem.hpp>
#include <weir/policy/run/gate.hpp>

namespace weir::detail {

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
/// Alternatively (priced()) every gate has limits of its own for every price of loss, those that cost the examples the
/// least: the backward recursion of train.hpp over gates that are limits on rho. Then costs count, where one limit for
/// all stages knows nothing of them. The limit times the price takes the place of the cost to go V(x): at a gate and a
/// price it is the same for all examples, only set on their real costs to go (PredictedCost predicts it for each).
///
/// With one limit, beside the gates of the backward recursion an approximation: going on is taken to cost the same for
/// all examples at all stages. But every example says something of every stage, and nothing is fitted again for another
/// price of loss. Whether that gains more than it loses depends on the stages (policy/README.md).
///
/// rho is fit_fraction's, of the shares (R - low) / (high - low), which lie between 0 and 1 as expected losses do; low
/// = min(0, least R), high the largest R.
class PredictedLoss {
 public:
  /// skip, > 0: a successor is run if its predicted loss is at most this many times the limit for exits. Time: a fit
  /// for each action but each stage's last, (folds + 1) of them where folds > 1. Throws what LogisticRegression::fit
  /// throws, and ArgumentError for a bad skip.
  explicit PredictedLoss(const GateProblem& problem, double skip = 3);

  /// The gates with limit t > 0, in units of loss (infinity: everything exits at once).
  std::vector<Gate> gates(double t) const;

  /// The gate at stage k whose limits on rho_k0, rho_k1, ... make the examples of `rows` the cheapest, found from the
  /// last action but one to the exit, and what it does on all examples; costs [n, actions] of that stage
  /// (Objective::action_costs). O(n log n) for each action.
  std::pair<Gate, Actions> priced(std::size_t k, const RowMatrix& costs, const std::vector<bool>& rows) const;

  /// [stages][n] what they do on the examples, where folds > 1 by predictions that did not see them.
  ActionTable actions(double t) const;

 private:
  struct Stage {
    std::size_t n_actions = 1, n_features = 0, n_examples = 0;
    std::vector<std::size_t> columns;
    std::vector<FractionModel> predictors;  ///< [n_actions - 1]
  };

  /// The gate at a stage with these limits, as log-odds.
  static Gate gate(const Stage& stage, const std::vector<double>& limits);

  /// The limit on a score up to which the sum of `change` over the rows is the least; -always and always for none and
  /// all.
  static double best_limit(const Eigen::VectorXd& score, const Eigen::VectorXd& change, const std::vector<bool>& rows);

  /// Log-odds of the limit on action a.
  double limit(double t, std::size_t a) const;

  /// Whether the prediction is above the limit, as a model.
  static GateModel above(const FractionModel& predictor, const std::vector<std::size_t>& columns, double limit,
                         std::size_t n_features);

  double skip_, low_, high_;
  std::vector<Stage> stages_;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/predicted_loss.ipp>
#endif
