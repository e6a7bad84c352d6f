// What pooled_projection_fit.hpp declares.
#pragma once
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/exits/pooled_projection.hpp>
#include <weir/policy/learn/pooled_projection_fit.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

WEIR_INLINE Eigen::MatrixXd projection_targets(const Trace& trace, std::size_t k) {
  const Eigen::VectorXd &own = trace.stages.at(k).loss, &full = trace.stages.back().loss;
  Eigen::MatrixXd all(own.size(), 3);
  all << own, full, (own - full).cwiseMax(0.0);
  std::vector<Eigen::Index> used;
  for (Eigen::Index t = 0; t < (k == trace.full() ? 1 : 3); ++t)
    if ((all.col(t).array() != all(0, t)).any()) used.push_back(t);
  return all(Eigen::all, used);
}

WEIR_INLINE ProjectionFit fit_pooled_projection(GridPool pool, const Eigen::MatrixXf& pooled,
                                                const Eigen::MatrixXd& targets, const std::vector<std::size_t>& fold_of,
                                                std::size_t folds) {
  const Eigen::Index n = pooled.rows(), d = pooled.cols(), m = targets.cols();
  if (n < 2 || d < 1 || m < 1 || targets.rows() != n || fold_of.size() != static_cast<std::size_t>(n))
    throw ShapeError(detail::message({"pooled projection: ", n, " rows of ", d, " values, ", targets.rows(), " of ", m,
                                      " targets, ", fold_of.size(), " folds"}));
  if (!pooled.allFinite() || !targets.allFinite())
    throw ArgumentError("pooled projection: activations or losses hold NaN or infinity");
  for (const std::size_t fold : fold_of)
    if (fold >= folds || folds < 2)
      throw ArgumentError(
          detail::message({"pooled projection: fold ", fold, " of ", folds, "; at least 2 are needed"}));

  const Eigen::RowVectorXd mean = pooled.cast<double>().colwise().mean();
  Eigen::MatrixXd Z = pooled.cast<double>().rowwise() - mean;
  Eigen::RowVectorXd scale = (Z.colwise().squaredNorm() / static_cast<double>(n)).cwiseSqrt();
  for (Eigen::Index j = 0; j < d; ++j) scale(j) = scale(j) > 1e-12 ? 1 / scale(j) : 0;
  Z.array().rowwise() *= scale.array();

  struct Sums {  // of some rows
    double n;
    Eigen::MatrixXd ZZ, ZT;
    Eigen::RowVectorXd z, t;

    Sums& operator-=(const Sums& o) {
      n -= o.n, ZZ -= o.ZZ, ZT -= o.ZT, z -= o.z, t -= o.t;
      return *this;
    }
    /// [d, m], and [m] the intercepts.
    std::pair<Eigen::MatrixXd, Eigen::RowVectorXd> solve(double ridge) const {
      Eigen::MatrixXd A = ZZ / n;
      A.noalias() -= z.transpose() * z / (n * n);
      A.diagonal().array() += ridge;
      const Eigen::MatrixXd W = A.selfadjointView<Eigen::Lower>().llt().solve(ZT / n - z.transpose() * t / (n * n));
      return {W, t / n - z / n * W};
    }
  };
  const auto sums_of = [](const Eigen::MatrixXd& z, const Eigen::MatrixXd& t) {
    Sums s{static_cast<double>(z.rows()), Eigen::MatrixXd::Zero(z.cols(), z.cols()), z.transpose() * t,
           z.colwise().sum(), t.colwise().sum()};
    s.ZZ.selfadjointView<Eigen::Lower>().rankUpdate(z.transpose());
    return s;
  };
  const Sums all = sums_of(Z, targets);
  const Eigen::RowVectorXd unit =
      (targets.rowwise() - targets.colwise().mean()).colwise().squaredNorm().cwiseMax(1e-30).cwiseInverse();

  constexpr std::array ridges{0.01, 0.1, 1.0, 10.0};
  std::array<Eigen::MatrixXd, ridges.size()> predicted;
  predicted.fill(Eigen::MatrixXd::Zero(n, m));
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<Eigen::Index> inside;
    for (Eigen::Index i = 0; i < n; ++i)
      if (fold_of[static_cast<std::size_t>(i)] == fold) inside.push_back(i);
    if (inside.empty()) continue;
    if (inside.size() == fold_of.size()) throw ArgumentError("pooled projection: all rows are in one fold");
    const Eigen::MatrixXd held_out = Z(inside, Eigen::all);
    Sums others = all;
    others -= sums_of(held_out, targets(inside, Eigen::all));
    for (std::size_t r = 0; r < ridges.size(); ++r) {
      const auto [W, b] = others.solve(ridges[r]);
      predicted[r](inside, Eigen::all) = (held_out * W).rowwise() + b;
    }
  }
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t r = 0; r < ridges.size(); ++r) {
    const double error = ((predicted[r] - targets).colwise().squaredNorm().array() * unit.array()).sum();
    if (error < least) least = error, best = r;
  }

  const auto [W, b] = all.solve(ridges[best]);
  std::vector<float> weights(static_cast<std::size_t>(d * m)), bias(static_cast<std::size_t>(m));
  for (Eigen::Index t = 0; t < m; ++t) {
    double shift = b(t);
    for (Eigen::Index j = 0; j < d; ++j) {
      weights[static_cast<std::size_t>(t * d + j)] = static_cast<float>(W(j, t) * scale(j));
      shift -= W(j, t) * scale(j) * mean(j);
    }
    bias[static_cast<std::size_t>(t)] = static_cast<float>(shift);
  }
  return {{pool, static_cast<std::size_t>(d), std::move(weights), std::move(bias)},
          std::move(predicted[best]),
          ridges[best]};
}

}  // namespace weir::detail
