/// Fitting exit heads: weighted multinomial logistic regression, and its out-of-fold answers.
#pragma once
#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/context.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/lbfgs.hpp>

namespace weir {

/// Called with (done, total) units of work.
using Progress = std::function<void(std::size_t, std::size_t)>;

/// minimise  C sum_i w_i (-ln p_{y_i}(x_i)) + 1/2 |W|^2  over W [classes, d] and an unpenalised intercept, on features
/// scaled to mean 0 and variance 1 (a constant feature is ignored), by L-BFGS from zero. Deterministic.
///
/// L-BFGS works on V with W' = L^-T V, where L L' is the Hessian at W = 0 for one class: activations of a network are
/// strongly correlated, and 40 iterations on W itself are worth fewer than 15 of these.
struct ExitHeadLearner {
  double C = 1;
  int max_iterations = 200;
  double tolerance = 1e-5;  ///< on the gradient of the mean loss

  /// X [n, d] pooled activations; y [n] in [0, n_classes); sample_weight [n] or empty (all 1). Throws ShapeError,
  /// ArgumentError (NaN, a label out of range). O(iterations n d classes).
  ExitHead fit(detail::GridPool pool, const Eigen::MatrixXf& X, const std::vector<int>& y, std::size_t n_classes,
               const Eigen::VectorXd& sample_weight = {}, const Progress& progress = {}) const {
    const Eigen::Index n = X.rows(), d = X.cols(), K = static_cast<Eigen::Index>(n_classes);
    check(X, y, n_classes, sample_weight);
    const Eigen::VectorXd weight = sample_weight.size() == 0 ? Eigen::VectorXd::Ones(n) : sample_weight;
    const double total = weight.sum();
    Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(d), scale = Eigen::RowVectorXd::Zero(d);
    for (Eigen::Index i = 0; i < n; ++i) mean += weight(i) / total * X.row(i).cast<double>();
    for (Eigen::Index i = 0; i < n; ++i)
      scale += weight(i) / total * (X.row(i).cast<double>() - mean).array().square().matrix();
    for (Eigen::Index j = 0; j < d; ++j) scale(j) = scale(j) > 1e-12 ? 1 / std::sqrt(scale(j)) : 0;

    const double decay = 1 / (C * total);
    const auto standardised = [&](Eigen::Index first, Eigen::Index rows) -> Eigen::MatrixXd {
      return (X.middleRows(first, rows).cast<double>().rowwise() - mean).array().rowwise() * scale.array();
    };
    const Eigen::LLT<Eigen::MatrixXd> root = preconditioner(standardised, weight / total, decay, d, K);
    Eigen::VectorXd parameters = Eigen::VectorXd::Zero((d + 1) * K);
    // Mean loss and its gradient, over blocks of rows that stay in the cache.
    const auto objective = [&](const Eigen::VectorXd& w, Eigen::VectorXd& gradient) {
      const Eigen::MatrixXd W = root.matrixU().solve(Eigen::Map<const Eigen::MatrixXd>(w.data(), d, K));
      const Eigen::Map<const Eigen::RowVectorXd> b(w.data() + d * K, K);
      gradient.setZero();
      Eigen::Map<Eigen::MatrixXd> gW(gradient.data(), d, K);
      Eigen::Map<Eigen::RowVectorXd> gb(gradient.data() + d * K, K);
      double loss = 0;
      for (Eigen::Index first = 0; first < n; first += 256) {
        const Eigen::Index rows = std::min<Eigen::Index>(256, n - first);
        const Eigen::MatrixXd x = standardised(first, rows);
        Eigen::MatrixXd p = x * W;
        p.rowwise() += b;
        for (Eigen::Index i = 0; i < rows; ++i) {
          const Eigen::Index label = y[static_cast<std::size_t>(first + i)];
          const double top = p.row(i).maxCoeff(), own = p(i, label), share = weight(first + i) / total;
          p.row(i) = (p.row(i).array() - top).exp();
          const double sum = p.row(i).sum();
          loss += share * (std::log(sum) + top - own);
          p.row(i) *= share / sum;
          p(i, label) -= share;
        }
        gW.noalias() += x.transpose() * p;
        gb += p.colwise().sum();
      }
      gW += decay * W;
      root.matrixL().solveInPlace(gW);
      return loss + decay / 2 * W.squaredNorm();
    };
    detail::minimise_lbfgs(objective, parameters, {max_iterations, 10, tolerance}, [&](int done, int of) {
      if (progress) progress(static_cast<std::size_t>(done), static_cast<std::size_t>(of));
    });

    const Eigen::MatrixXd W = root.matrixU().solve(Eigen::Map<const Eigen::MatrixXd>(parameters.data(), d, K));
    std::vector<float> weights(static_cast<std::size_t>(d * K)), bias(n_classes);
    for (Eigen::Index k = 0; k < K; ++k) {
      double shift = parameters(d * K + k);
      for (Eigen::Index j = 0; j < d; ++j) {
        weights[static_cast<std::size_t>(k * d + j)] = static_cast<float>(W(j, k) * scale(j));
        shift -= W(j, k) * scale(j) * mean(j);
      }
      bias[static_cast<std::size_t>(k)] = static_cast<float>(shift);
    }
    return {pool, n_classes, std::move(weights), std::move(bias)};
  }

 private:
  /// L of L L' = (1/K) sum_i share_i z_i z_i' + decay I, the sum from at most 4 d rows spread over all of them. The
  /// diagonal of the sum is known to be 1; where the rows say less (a feature that is rarely active), it counts.
  template <typename Rows>
  static Eigen::LLT<Eigen::MatrixXd> preconditioner(const Rows& standardised, const Eigen::VectorXd& share,
                                                    double decay, Eigen::Index d, Eigen::Index K) {
    const Eigen::Index n = share.size(), used = std::min(n, 4 * d);
    Eigen::MatrixXd sample(used, d);
    double seen = 0;
    for (Eigen::Index i = 0; i < used; ++i) {
      const Eigen::Index row = i * n / used;
      sample.row(i) = std::sqrt(share(row)) * standardised(row, 1);
      seen += share(row);
    }
    Eigen::MatrixXd H = Eigen::MatrixXd::Zero(d, d);
    if (seen > 0) H.selfadjointView<Eigen::Lower>().rankUpdate(sample.transpose(), 1 / seen);
    H.diagonal() = H.diagonal().cwiseMax(1.0);
    H /= static_cast<double>(K);
    H.diagonal().array() += decay;
    return Eigen::LLT<Eigen::MatrixXd>(H);
  }

  void check(const Eigen::MatrixXf& X, const std::vector<int>& y, std::size_t n_classes,
             const Eigen::VectorXd& weight) const {
    if (!(C > 0) || !std::isfinite(C)) throw ArgumentError("exit head: C must be positive and finite");
    if (X.rows() < 1 || X.cols() < 1 || y.size() != static_cast<std::size_t>(X.rows()) || n_classes < 2 ||
        (weight.size() != 0 && weight.size() != X.rows()))
      throw ShapeError(
          detail::message({"exit head: ", X.rows(), " rows, ", y.size(), " labels, ", n_classes, " classes"}));
    if (!X.allFinite()) throw ArgumentError("exit head: activations hold NaN or infinity");
    if (weight.size() != 0 && (!weight.allFinite() || weight.minCoeff() < 0 || weight.sum() <= 0))
      throw ArgumentError("exit head: weights must be finite, >= 0 and not all 0");
    for (const int label : y)
      if (label < 0 || static_cast<std::size_t>(label) >= n_classes)
        throw ArgumentError(detail::message({"exit head: label ", label, " of ", n_classes, " classes"}));
  }
};

}  // namespace weir

namespace weir::detail {

/// True if every class has at least `least` examples: fewer do not fit a head that tells classes apart. Throws
/// ArgumentError for a label that is no class.
bool enough_examples(const std::vector<int>& y, std::size_t n_classes, std::size_t least = 10);

/// What fit_cross yields.
struct CrossFit {
  ExitHead head;                  ///< fitted to all rows, for images that are none of them
  Eigen::MatrixXf probability;    ///< [n, classes] row i by a head that never saw row i
  Eigen::MatrixXf logits;         ///< [n, classes] the same before the softmax
  std::vector<ExitHead> without;  ///< [folds] head f never saw a row of fold f
};

/// [n, classes] what a head says of rows of inputs X [n, n_inputs], before the softmax. Threads of the context share
/// the rows. Throws ShapeError for another number of columns.
Eigen::MatrixXf head_logits(const ExitHead& head, const Eigen::Ref<const Eigen::MatrixXf>& X, const Context& context);

/// fit(rows, X) makes a head from some rows of inputs X [n, d].
using FitRows = std::function<ExitHead(const std::vector<Eigen::Index>& rows, const Eigen::MatrixXf& X)>;
/// X [n, d] for the head that sees no row of a fold; of fold `folds`, for the one that sees all. Valid until the next
/// call.
using InputsOfFold = std::function<const Eigen::MatrixXf&(std::size_t fold)>;

/// K-fold cross-fitting: row i belongs to fold fold_of[i] in [0, folds) and is answered by the head fitted without that
/// fold, so that no gate learns from an answer on an image that the head was trained on. Where heads see the exit
/// before, inputs(fold) holds the logits of that exit's head without that fold (CrossFit::without), so that along the
/// chain, too, nothing that answers row i has seen it. The context is what heads run on. Throws what fit throws,
/// ShapeError unless there is a fold for each row, and ArgumentError for one outside [0, folds) or fewer than 2 folds.
CrossFit fit_cross(const FitRows& fit, const InputsOfFold& inputs, std::size_t n_classes,
                   const std::vector<std::size_t>& fold_of, std::size_t folds, const Context& context,
                   const Progress& progress = {});

/// The same with heads of one layer.
CrossFit fit_cross(const ExitHeadLearner& learner, GridPool pool, const Eigen::MatrixXf& X, const std::vector<int>& y,
                   std::size_t n_classes, const std::vector<std::size_t>& fold_of, std::size_t folds,
                   const Progress& progress = {});

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/exits/exit_head_fit.ipp>
#endif
