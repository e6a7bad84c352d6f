/// The plug-in cost rule: isotonic regression of the expected cost difference on a logistic score.
#pragma once
#include <cstddef>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/cross_fit.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/models/isotonic_model.hpp>

namespace weir::detail {

/// score = logistic regression on all features; curve = weighted isotonic regression of +1 (class 1) and -1 (class 0)
/// on the scores that rows get from models fitted without them.
///
/// A row's weight is its cost difference |D|, its label the sign of D. So the curve estimates E[D | s] / E[|D| | s] at
/// a score s, and its sign is that of the expected cost difference: the plug-in rule, class 1 where E[D | s] > 0.
/// (Regressing D itself gives the same cut: a level set {fit > 0} of an isotonic regression is the upper set with the
/// largest sum of D, however D is split into weight and target; Robertson, Wright, Dykstra, Order Restricted
/// Statistical Inference, 1988, 1.4. It would not be the same for a row twice and a row of weight 2, and its values
/// would be in seconds.)
///
/// That largest sum also says what this is: on a single score, the monotone rule of least weighted error, which is a
/// threshold. What it has over logistic regression is only where the threshold lies: at the least cost instead of at
/// the surrogate's zero, which rows far from the cut pull away where the log-odds are not linear. What it has over a
/// SingleThreshold is a score of all features, and scores that the fit did not flatter. On top, the values are a
/// calibrated (p - q) / (p + q) of the weight on both sides, not just a sign.
///
/// Cost: folds + 1 logistic fits and O(n log n).
struct IsotonicRule {
  LogisticRegression score{};
  std::size_t folds = 5;  ///< 2 or more; at most as many as rows differ

  /// Throws what LogisticRegression::fit throws, and ArgumentError for fewer than 2 folds.
  IsotonicModel fit(const Dataset& data) const;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/isotonic.ipp>
#endif
