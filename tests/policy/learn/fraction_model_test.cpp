#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learn/folds.hpp>
#include <weir/policy/learn/fraction_model.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/random.hpp>

namespace WEIR_UNIT {

using weir::detail::always;
using weir::detail::fit_fraction;
using weir::detail::FractionProblem;
using weir::detail::RowMatrix;

namespace {

/// Shares that rise with column 0 and fall with column 2; column 1 says nothing.
struct Shares {
  RowMatrix X;
  std::vector<Eigen::Index> columns{0, 2};
  Eigen::VectorXd p;
  std::vector<std::size_t> fold;
  std::vector<bool> everyone;

  Shares(Eigen::Index n, std::size_t folds, std::uint64_t seed)
      : X(n, 3), p(n), fold(weir::detail::deal_folds(static_cast<std::size_t>(n), folds, seed)) {
    for (Eigen::Index i = 0; i < n; ++i) {
      for (Eigen::Index j = 0; j < 3; ++j)
        X(i, j) = weir::detail::counter_uniform(seed, static_cast<std::uint64_t>(4 * i + j)) - 0.5;
      const double noise = weir::detail::counter_uniform(seed, static_cast<std::uint64_t>(4 * i + 3)) - 0.5;
      p(i) = 1 / (1 + std::exp(-(6 * X(i, 0) - 3 * X(i, 2) + noise)));
      if (i % 5 == 0) p(i) = p(i) > 0.5 ? 1 : 0;
    }
    everyone.assign(static_cast<std::size_t>(n), true);
  }

  FractionProblem problem(std::size_t folds = 1) const { return {X, columns, fold, folds}; }
};

/// f at each example by the plainest means: the data set written out, each example of `rows` once for either label.
Eigen::VectorXd by_hand(const Shares& s, const std::vector<Eigen::Index>& rows) {
  const auto n = static_cast<Eigen::Index>(rows.size());
  const RowMatrix seen = s.X(rows, s.columns);
  weir::Dataset data;
  data.X.resize(2 * n, seen.cols());
  data.X << seen, seen;
  data.sample_weight.resize(2 * n);
  data.sample_weight << (1 - s.p(rows).array()).matrix(), s.p(rows);
  data.y.assign(static_cast<std::size_t>(n), 0);
  data.y.resize(static_cast<std::size_t>(2 * n), 1);
  const auto model = weir::detail::LogisticRegression{}.fit(data);
  Eigen::VectorXd f(s.X.rows());
  for (Eigen::Index i = 0; i < f.size(); ++i) f(i) = model.decision_function(std::vector{s.X(i, 0), s.X(i, 2)});
  return f;
}

}  // namespace

TEST_CASE("log_odds: of every share") {
  CHECK(weir::detail::log_odds(0.5) == 0);
  CHECK(weir::detail::log_odds(0.8) == doctest::Approx(std::log(4)));
  CHECK(weir::detail::log_odds(0) == -always);
  CHECK(weir::detail::log_odds(-0.1) == -always);
  CHECK(weir::detail::log_odds(1) == always);
  CHECK(weir::detail::log_odds(1.5) == always);
}

TEST_CASE("fraction model: each example counts with its share for one class and with the rest for the other") {
  const Shares s(300, 1, 5);
  std::vector<Eigen::Index> all, some;
  std::vector<bool> only(300, false);
  for (Eigen::Index i = 0; i < 300; ++i) {
    all.push_back(i);
    if (i % 3 != 1) continue;
    some.push_back(i);
    only[static_cast<std::size_t>(i)] = true;
  }
  const auto whole = fit_fraction(s.problem(), s.p, s.everyone);
  CHECK((whole.log_odds - by_hand(s, all)).cwiseAbs().maxCoeff() < 1e-6);
  const auto part = fit_fraction(s.problem(), s.p, only);  // learned from some, predicted for all
  CHECK((part.log_odds - by_hand(s, some)).cwiseAbs().maxCoeff() < 1e-6);
  CHECK((part.log_odds - whole.log_odds).cwiseAbs().maxCoeff() > 1e-3);
  for (Eigen::Index i = 0; i < 300; ++i)
    CHECK(whole.log_odds(i) == whole.model.decision_function(std::vector{s.X(i, 0), s.X(i, 2)}));
  // It has learned the shares.
  CHECK((1 / (1 + (-whole.log_odds.array()).exp()) - s.p.array()).abs().mean() < 0.1);
}

TEST_CASE("fraction model: with folds, what is predicted for an example does not depend on its own share") {
  Shares s(90, 3, 2);
  const auto before = fit_fraction(s.problem(3), s.p, s.everyone);
  for (const Eigen::Index i : {0, 41, 89}) {
    Shares other = s;
    other.p(i) = 1 - other.p(i);
    const auto after = fit_fraction(other.problem(3), other.p, other.everyone);
    CHECK(after.log_odds(i) == before.log_odds(i));
    CHECK(after.log_odds != before.log_odds);
  }
}

TEST_CASE("fraction model: shares that are all 0 or all 1, no columns, a fold that has all the rows") {
  Shares s(40, 2, 3);
  CHECK(fit_fraction(s.problem(2), Eigen::VectorXd::Zero(40), s.everyone).log_odds.maxCoeff() == -always);
  CHECK(fit_fraction(s.problem(2), Eigen::VectorXd::Ones(40), s.everyone).log_odds.minCoeff() == always);
  std::vector<bool> first_fold(40);
  for (std::size_t i = 0; i < 40; ++i) first_fold[i] = s.fold[i] == 0;
  const auto lonely = fit_fraction(s.problem(2), s.p, first_fold);
  CHECK(lonely.log_odds.allFinite());
  s.columns.clear();
  const auto mean = fit_fraction(s.problem(), s.p, s.everyone);
  CHECK(mean.log_odds.minCoeff() == doctest::Approx(weir::detail::log_odds(s.p.mean())));
  CHECK(mean.log_odds.minCoeff() == mean.log_odds.maxCoeff());
}

}  // namespace WEIR_UNIT
