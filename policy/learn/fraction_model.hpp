/// What a gate predicts of a share between 0 and 1, such as a loss or a cost to go: logistic regression whose labels
/// need not be 0 or 1.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <limits>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learners/logistic.hpp>

namespace weir::detail {

/// The log-odds of a share that is always 1; its negative is that of one that is always 0.
inline constexpr double always = std::numeric_limits<double>::infinity();

/// log(p / (1 - p)), for every p: -always up to 0, always from 1 on.
double log_odds(double p);

/// E[p | x] = 1 / (1 + exp(-f(x))), f linear in some features.
struct FractionModel {
  LinearModel model;         ///< f, of the chosen columns
  Eigen::VectorXd log_odds;  ///< [n] f at each example, where folds are used by a fit without the example
};

/// What shares are predicted from, and which examples may say so of which.
struct FractionProblem {
  const RowMatrix& X;                        ///< [n, d]
  const std::vector<Eigen::Index>& columns;  ///< of X, what is read
  const std::vector<std::size_t>& fold;      ///< [n]
  std::size_t folds = 1;                     ///< 1: what is predicted for an example is by a fit to it
};

/// Fits p [n], values in [0, 1], on the rows: an example counts p as class 1 and 1 - p as class 0 (fractional logistic
/// regression; Papke and Wooldridge, Journal of Applied Econometrics, 1996). All are predicted, the other rows too.
/// Where all p are 0 every example gets -always, where all are 1 always; without columns the mean of p decides. There
/// must be at least one row.
/// Time: a LogisticRegression::fit, folds + 1 of them where folds > 1; throws what that throws.
FractionModel fit_fraction(const FractionProblem& problem, const Eigen::VectorXd& p, const std::vector<bool>& rows);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/fraction_model.ipp>
#endif
