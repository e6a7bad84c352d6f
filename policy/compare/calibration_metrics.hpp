/// How well confidences match what happens, and how well they rank: calibration error, Brier score, likelihood, AUROC.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

/// `weight`, or ones where it is empty. Throws ShapeError where sizes disagree or there is no row; ArgumentError for
/// scores that are not finite, labels other than 0 and 1, weights that are negative or not finite, or no weight at all.
Eigen::VectorXd checked_weights(const char* what, const Eigen::VectorXd& score, const std::vector<int>& y,
                                const Eigen::VectorXd& weight);

// In all of these p or score is [n], y [n] is 0 or 1, and weight is [n] or empty (all 1). For an exit, p is the
// confidence max_c p_c of its answer and y is 1 where the answer is right.

/// sum_b share_b |mean y - mean p in bin b| over equal bins of p, bin b holding ((b - 1) / bins, b / bins] and the
/// first one 0 too (Naeini, Cooper, Hauskrecht, AAAI 2015; Guo, Pleiss, Sun, Weinberger, ICML 2017). O(n).
double expected_calibration_error(const Eigen::VectorXd& p, const std::vector<int>& y,
                                  const Eigen::VectorXd& weight = {}, std::size_t bins = 15);

/// Weighted mean of (p - y)^2 (Brier, Monthly Weather Review 1950).
double brier_score(const Eigen::VectorXd& p, const std::vector<int>& y, const Eigen::VectorXd& weight = {});

/// Weighted mean of -ln of the probability of what happened, each cut to at most 30 nats as in cross_entropy.
double negative_log_likelihood(const Eigen::VectorXd& p, const std::vector<int>& y, const Eigen::VectorXd& weight = {});

/// P(score of a 1 > score of a 0) + P(equal) / 2 over pairs, each with the product of its weights: the area under the
/// ROC curve (Hanley, McNeil, Radiology 1982). With score = confidence and y = "the answer is right" it is the AUROC of
/// failure prediction (Hendrycks, Gimpel, ICLR 2017), which a monotone calibration leaves as it was. Throws
/// ArgumentError where no weight is on one of the labels. O(n log n).
double auroc(const Eigen::VectorXd& score, const std::vector<int>& y, const Eigen::VectorXd& weight = {});

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/compare/calibration_metrics.ipp>
#endif
