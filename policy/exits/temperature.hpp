/// Temperature scaling: one number that makes the confidence of an exit head honest.
#pragma once
#include <Eigen/Core>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/exits/exit_head.hpp>

namespace weir::detail {

/// The T in [min_temperature, max_temperature] that minimises  sum_i weight_i (-ln softmax(z_i / T)_{y_i})  (Guo,
/// Pleiss, Sun, Weinberger, ICML 2017). Convex in 1 / T: Newton there, with bisection where a step leaves the bracket
/// or slows down, to 1e-12 of T. Answers that are all right ask for T = 0 and get min_temperature, answers worse than
/// chance get max_temperature; where all T fit alike it is 1.
///
/// logits [n, classes] of examples that the classifier was not fitted to; logarithms of probabilities serve as well (of
/// CrossFit::probability, cut away from 0). y [n] in [0, classes); weight [n] or empty (all 1). A few tens of passes of
/// O(n classes). Throws ShapeError where sizes disagree, ArgumentError for what is not finite, a label out of range, a
/// negative weight or none at all.
double fit_temperature(const Eigen::MatrixXd& logits, const std::vector<int>& y, const Eigen::VectorXd& weight = {});

/// The head with the temperature that suits these rows, whatever it had before. X [n, pooled] are pooled activations of
/// images that the head was not fitted to. The answers stay the same, only their probabilities change. Throws what
/// fit_temperature throws.
ExitHead calibrate_temperature(const ExitHead& head, const Eigen::MatrixXf& X, const std::vector<int>& y,
                               const Eigen::VectorXd& weight = {});

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/exits/temperature.ipp>
#endif
