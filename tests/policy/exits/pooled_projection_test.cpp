#include <doctest/doctest.h>

#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/exits/pooled_projection.hpp>
#include <weir/policy/learn/pooled_projection_fit.hpp>
#include <weir/policy/trace/trace.hpp>

namespace WEIR_UNIT {

namespace {

Eigen::MatrixXf random_matrix(Eigen::Index rows, Eigen::Index cols, std::uint64_t seed) {
  Eigen::MatrixXf m(rows, cols);
  for (Eigen::Index i = 0; i < m.size(); ++i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    m(i) = static_cast<float>(static_cast<double>(seed >> 40U) * 0x1p-24 * 2 - 1);
  }
  return m;
}

std::vector<std::size_t> folds_of(Eigen::Index n, std::size_t folds) {
  std::vector<std::size_t> fold;
  for (Eigen::Index i = 0; i < n; ++i) fold.push_back(static_cast<std::size_t>(i) % folds);
  return fold;
}

Eigen::RowVectorXd project(const weir::detail::PooledProjection& p, const Eigen::MatrixXf& X, Eigen::Index i) {
  std::vector<float> row(static_cast<std::size_t>(X.cols()));
  for (Eigen::Index j = 0; j < X.cols(); ++j) row[static_cast<std::size_t>(j)] = X(i, j);
  std::vector<double> out(p.size());
  p(row.data(), out);
  return Eigen::Map<const Eigen::RowVectorXd>(out.data(), static_cast<Eigen::Index>(out.size()));
}

/// Ridge regression by the augmented least-squares problem, with the standardisation of `all` rows.
Eigen::MatrixXd reference(const Eigen::MatrixXf& all, const std::vector<Eigen::Index>& learn, const Eigen::MatrixXd& T,
                          double ridge, const std::vector<Eigen::Index>& judge) {
  const Eigen::MatrixXd X = all.cast<double>();
  const Eigen::RowVectorXd mean = X.colwise().mean();
  Eigen::MatrixXd Z = X.rowwise() - mean;
  for (Eigen::Index j = 0; j < Z.cols(); ++j) {
    const double s = std::sqrt(Z.col(j).squaredNorm() / static_cast<double>(Z.rows()));
    Z.col(j) *= s > 1e-12 ? 1 / s : 0;
  }
  const auto n = static_cast<Eigen::Index>(learn.size()), d = Z.cols();
  Eigen::MatrixXd A = Eigen::MatrixXd::Zero(n + d, d + 1), B = Eigen::MatrixXd::Zero(n + d, T.cols());
  A.topLeftCorner(n, d) = Z(learn, Eigen::all);
  A.topRightCorner(n, 1).setOnes();
  A.bottomLeftCorner(d, d).diagonal().setConstant(std::sqrt(ridge * static_cast<double>(n)));
  B.topRows(n) = T(learn, Eigen::all);
  const Eigen::MatrixXd W = A.colPivHouseholderQr().solve(B);
  return (Z(judge, Eigen::all) * W.topRows(d)).rowwise() + W.bottomRows(1).row(0);
}

}  // namespace

TEST_CASE("fit_pooled_projection: against least squares on stacked rows, out of fold and in all") {
  for (const auto& [n, d, m] : {std::array<Eigen::Index, 3>{60, 7, 2}, std::array<Eigen::Index, 3>{30, 50, 3}}) {
    Eigen::MatrixXf X = random_matrix(n, d, 3);
    X.col(2).setConstant(4);  // says nothing
    X.col(3) *= 1000;
    const Eigen::MatrixXd T = random_matrix(n, m, 5).cast<double>();
    const auto fold = folds_of(n, 4);
    const auto fit = weir::detail::fit_pooled_projection({1}, X, T, fold, 4);
    CHECK(fit.projection.n_pooled() == static_cast<std::size_t>(d));
    CHECK(fit.projection.size() == static_cast<std::size_t>(m));
    std::vector<Eigen::Index> everyone;
    for (Eigen::Index i = 0; i < n; ++i) everyone.push_back(i);
    const auto full = reference(X, everyone, T, fit.ridge, everyone);
    for (Eigen::Index i = 0; i < n; ++i)
      CHECK((project(fit.projection, X, i) - full.row(i)).cwiseAbs().maxCoeff() < 2e-5);
    double chosen = 0, least = INFINITY;
    for (const double ridge : {0.01, 0.1, 1.0, 10.0}) {
      double error = 0;
      for (std::size_t f = 0; f < 4; ++f) {
        std::vector<Eigen::Index> in, out;
        for (const Eigen::Index i : everyone) (fold[static_cast<std::size_t>(i)] == f ? out : in).push_back(i);
        const auto p = reference(X, in, T, ridge, out);
        if (ridge == fit.ridge) CHECK((p - fit.out_of_fold(out, Eigen::all)).cwiseAbs().maxCoeff() < 1e-8);
        for (Eigen::Index t = 0; t < m; ++t)
          error += (p.col(t) - T(out, t)).squaredNorm() / (T.col(t).array() - T.col(t).mean()).square().sum();
      }
      if (error < least) least = error, chosen = ridge;
    }
    CHECK(fit.ridge == chosen);
  }
}

TEST_CASE("fit_pooled_projection: an example's own losses never reach what gates learn from it") {
  const Eigen::MatrixXf X = random_matrix(200, 5, 1);
  Eigen::MatrixXd T(200, 1);
  for (Eigen::Index i = 0; i < 200; ++i) T(i, 0) = X(i, 1) + X(i, 4) > 0 ? 1 : 0;
  const auto fold = folds_of(200, 5);
  const auto fit = weir::detail::fit_pooled_projection({1}, X, T, fold, 5);
  double right = 0;
  for (Eigen::Index i = 0; i < 200; ++i) right += (fit.out_of_fold(i, 0) > 0.5) == (T(i, 0) > 0.5) ? 1 : 0;
  CHECK(right > 180);  // it has learned
  Eigen::MatrixXd other = T;
  for (Eigen::Index i = 0; i < 200; i += 5) other(i, 0) += i % 2 == 0 ? 0.05 : -0.03;  // fold 0
  const auto changed = weir::detail::fit_pooled_projection({1}, X, other, fold, 5);
  REQUIRE(changed.ridge == fit.ridge);
  double own = 0, others = 0;
  for (Eigen::Index i = 0; i < 200; ++i) {
    double& most = i % 5 == 0 ? own : others;
    most = std::max(most, std::abs(changed.out_of_fold(i, 0) - fit.out_of_fold(i, 0)));
  }
  CHECK(own < 1e-12);
  CHECK(others > 1e-4);
}

TEST_CASE("projection_targets: own, full and excess loss; what is the same for all is left out") {
  weir::Trace trace;
  trace.label = {0, 0, 0, 0};
  const auto stage = [](std::vector<double> loss) {
    return weir::StageTrace{
        "s", 1, {}, Eigen::MatrixXd(4, 0), {0, 0, 0, 0}, Eigen::Map<Eigen::VectorXd>(loss.data(), 4)};
  };
  trace.stages = {stage({1, 0, 1, 0}), stage({0, 0, 0, 0}), stage({0, 0, 1, 1})};
  Eigen::MatrixXd expected(4, 3);
  expected << 1, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0;
  CHECK(weir::detail::projection_targets(trace, 0) == expected);
  CHECK(weir::detail::projection_targets(trace, 1) == expected.col(1));
  CHECK(weir::detail::projection_targets(trace, 2) == expected.col(1));
  trace.stages.back() = stage({0, 0, 0, 0});
  CHECK(weir::detail::projection_targets(trace, 1).cols() == 0);
  CHECK(weir::detail::projection_targets(trace, 0).cols() == 2);
}

TEST_CASE("PooledProjection: JSON equal to the last bit; anything else is refused") {
  const weir::detail::PooledProjection identity({2}, 8), projected({1}, 3, {0.1F, 1e-30F, -3, 4, 5, 6}, {0.3F, -1});
  for (const auto& p : {identity, projected})
    CHECK(nlohmann::json::parse(nlohmann::json(p).dump()).get<weir::detail::PooledProjection>() == p);
  CHECK(identity.size() == 8);
  CHECK(projected.size() == 2);
  CHECK_THROWS_AS(weir::detail::PooledProjection({1}, 3, {1, 2, 3, 4}, {0}), weir::ShapeError);
  CHECK_THROWS_AS(weir::detail::PooledProjection({1}, 3, {1, 2, 3}, {}), weir::ShapeError);
  CHECK_THROWS_AS(weir::detail::PooledProjection({1}, 0), weir::ShapeError);
  CHECK_THROWS_AS(weir::detail::PooledProjection({0}, 3), weir::ShapeError);
  const auto refuses = [&](const char* key, const nlohmann::json& value) {
    INFO(key);
    nlohmann::json json = projected;
    json[key] = value;
    CHECK_THROWS_AS(json.get<weir::detail::PooledProjection>(), weir::FormatError);
  };
  refuses("grid", 0);
  refuses("grid", -1);
  refuses("grid", 1.5);
  refuses("pooled", 0);
  refuses("pooled", 4);
  refuses("pooled", 1e12);
  refuses("weights", {1, 2, 3});
  refuses("weights", {1, 2, 3, 4, 5, 1e39});
  refuses("weights", {1, 2, 3, 4, 5, nullptr});
  refuses("bias", nlohmann::json::array());
  refuses("bias", "x");
}

TEST_CASE("fit_pooled_projection: refuses what does not fit") {
  const Eigen::MatrixXf X = random_matrix(10, 3, 1);
  const Eigen::MatrixXd T = Eigen::MatrixXd::Ones(10, 1);
  const auto fold = folds_of(10, 2);
  const auto fit = [](const Eigen::MatrixXf& x, const Eigen::MatrixXd& t, const std::vector<std::size_t>& f,
                      std::size_t n) { return weir::detail::fit_pooled_projection({1}, x, t, f, n); };
  CHECK_NOTHROW(fit(X, T, fold, 2));
  CHECK_THROWS_AS(fit(X, T.topRows(9), fold, 2), weir::ShapeError);
  CHECK_THROWS_AS(fit(X, Eigen::MatrixXd(10, 0), fold, 2), weir::ShapeError);
  CHECK_THROWS_AS(fit(X, T, folds_of(9, 2), 2), weir::ShapeError);
  CHECK_THROWS_AS(fit(X, T, fold, 1), weir::ArgumentError);
  CHECK_THROWS_AS(fit(X, T, folds_of(10, 3), 2), weir::ArgumentError);
  CHECK_THROWS_AS(fit(X, T, std::vector<std::size_t>(10, 0), 2), weir::ArgumentError);
  Eigen::MatrixXf bad = X;
  bad(3, 1) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(fit(bad, T, fold, 2), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
