/// Fitting the projection of pooled activations to what a gate trades: ridge regression on losses, cross-fitted.
#pragma once
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cstddef>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/exits/pooled_projection.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// What the projection of stage k predicts, [n, 1 to 3]: the stage's loss, the full network's, and the excess
/// max(0, L_k - L_full); without targets that are the same for all examples, which teach nothing.
Eigen::MatrixXd projection_targets(const Trace& trace, std::size_t k);

/// What fit_pooled_projection yields.
struct ProjectionFit {
  PooledProjection projection;  ///< fitted to all rows, for images that are none of them
  Eigen::MatrixXd out_of_fold;  ///< [n, targets] row i by a projection that never saw row i
  double ridge = 0;             ///< the chosen one
};

/// For each target t: minimise 1/n sum_i (t_i - w z_i - b)^2 + ridge |w|^2 over the pooled activations scaled to mean 0
/// and variance 1 (a constant one is ignored). The ridge is the one of {0.01, 0.1, 1, 10} with the least squared error
/// out of fold, of all targets together, each in units of its variance.
///
/// Why not another projection: principal components and random directions keep what varies, not what errs; linear
/// discriminants of the classes say again what the exit head says, whose logits are linear in the same vector. The
/// losses are what a gate trades against time, and ridge regression is the least-squares linear answer, in closed form
/// and deterministic. It costs a gate three numbers instead of hundreds, which 5,000 examples could not weigh.
///
/// pooled [n, d]; targets [n, m], m >= 1; row i belongs to fold_of[i] in [0, folds), as in fit_cross(): no gate may
/// learn from a prediction about an example that the projection has seen the loss of. Throws ShapeError, ArgumentError
/// where sizes disagree, folds < 2, or something is not finite. O(n d^2 + folds d^3).
ProjectionFit fit_pooled_projection(GridPool pool, const Eigen::MatrixXf& pooled, const Eigen::MatrixXd& targets,
                                    const std::vector<std::size_t>& fold_of, std::size_t folds);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/pooled_projection_fit.ipp>
#endif
