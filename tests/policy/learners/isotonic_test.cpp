#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/learners/cross_fit.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/isotonic.hpp>
#include <weir/policy/learners/isotonic_curve_fit.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/models/isotonic_curve.hpp>
#include <weir/policy/learners/models/isotonic_model.hpp>
#include <weir/policy/learners/threshold.hpp>

#include "../count_allocations.hpp"
#include "learner_cases.hpp"

namespace WEIR_UNIT {

using learner_cases::noisy, learner_cases::row;
using nlohmann::json;
using weir::Dataset, weir::detail::IsotonicCurve, weir::detail::IsotonicModel, weir::detail::IsotonicRule;

namespace {

const json& vectors() {
  static const json cases = [] {
    std::ifstream file(WEIR_TEST_DIR "/vectors/calibration.json");
    return json::parse(file).at("isotonic");
  }();
  return cases;
}

Eigen::VectorXd vector(const json& values) {
  const auto v = values.get<std::vector<double>>();
  return Eigen::Map<const Eigen::VectorXd>(v.data(), std::ssize(v));
}

/// max over a <= i of min over b >= i of the weighted mean of y[a..b]: the definition of the isotonic fit.
std::vector<double> max_min(const std::vector<double>& y, const std::vector<double>& w) {
  std::vector<double> v(y.size(), -HUGE_VAL);
  for (std::size_t i = 0; i < y.size(); ++i)
    for (std::size_t a = 0; a <= i; ++a) {
      double least = HUGE_VAL, sum = 0, total = 0;
      for (std::size_t b = a; b < y.size(); ++b) {
        sum += w[b] * y[b], total += w[b];
        if (b >= i) least = std::min(least, sum / total);
      }
      v[i] = std::max(v[i], least);
    }
  return v;
}

/// Weighted error of deciding by f > 0.
template <class F>
double error(const Dataset& data, const F& f) {
  double sum = 0;
  for (Eigen::Index i = 0; i < data.X.rows(); ++i)
    if ((f(i) > 0) != (data.y[static_cast<std::size_t>(i)] == 1)) sum += data.sample_weight(i);
  return sum;
}

/// Two features, class 1 where their sum is above 1, and a far cloud of half-right examples that tilts the log-odds.
Dataset tilted(Eigen::Index n, std::uint64_t seed) {
  Dataset data = noisy(n, 2, seed);
  for (Eigen::Index i = 0; i < n; ++i) {
    const double u = data.X(i, 0) * 100 + 0.4, v = (data.X(i, 1) - 1) * 10 + 0.4;
    data.sample_weight(i) = 1;
    data.X.row(i) << u, v;
    data.y[static_cast<std::size_t>(i)] = u + v > 1.2 ? 1 : 0;
    if (i % 3 == 0) {
      data.X.row(i) << u + 6, v + 6;
      data.y[static_cast<std::size_t>(i)] = i % 4 == 0 ? 0 : 1;
    }
  }
  return data;
}

}  // namespace

TEST_CASE("Isotonic regression: the max-min formula, on every kind of order") {
  std::uint64_t state = 7;
  for (std::size_t n = 0; n < 30; ++n)
    for (int kind = 0; kind < 3; ++kind) {
      std::vector<double> y(n), w(n);
      for (std::size_t i = 0; i < n; ++i) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        const double u = static_cast<double>(state >> 11U) * 0x1p-53;
        y[i] = kind == 0 ? std::floor(3 * u) : u + (kind == 1 ? 0.1 : -0.1) * static_cast<double>(i);
        w[i] = 0.1 + static_cast<double>(i % 4);
      }
      const auto ours = weir::detail::isotonic_regression(y, w), slow = max_min(y, w);
      REQUIRE(ours.size() == n);
      for (std::size_t i = 0; i < n; ++i) CHECK(ours[i] == doctest::Approx(slow[i]).epsilon(1e-13));
      for (std::size_t i = 1; i < n; ++i) CHECK(ours[i - 1] <= ours[i]);
    }
}

TEST_CASE("Isotonic curve: scikit-learn's, at its knots, between and beyond them") {
  REQUIRE(vectors().size() == 3);
  for (const auto& c : vectors()) {
    const auto curve = weir::detail::fit_isotonic_curve(vector(c.at("x")), vector(c.at("y")), vector(c.at("weight")));
    const auto knots = c.at("knots").get<std::vector<double>>(), levels = c.at("levels").get<std::vector<double>>();
    REQUIRE(curve.x == knots);
    for (std::size_t k = 0; k < knots.size(); ++k) CHECK(curve.y[k] == doctest::Approx(levels[k]).epsilon(1e-13));
    const auto at = c.at("at").get<std::vector<double>>();
    for (std::size_t i = 0; i < at.size(); ++i)
      CHECK(curve(at[i]) == doctest::Approx(c.at("value")[i].get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("Isotonic curve: what it cannot fit or load is refused") {
  const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(5, 0, 1), one = Eigen::VectorXd::Ones(5);
  const auto fit = [](const Eigen::VectorXd& a, const Eigen::VectorXd& b, const Eigen::VectorXd& c) {
    return weir::detail::fit_isotonic_curve(a, b, c);
  };
  CHECK(fit(x, x, one)(0.3) == doctest::Approx(0.3));
  CHECK(fit(x, -x, one)(0.9) == doctest::Approx(-0.5));
  CHECK_THROWS_AS(fit(x, x.head(4), one), weir::ShapeError);
  CHECK_THROWS_AS(fit(x, x, one.head(4)), weir::ShapeError);
  CHECK_THROWS_AS(fit(x, x, 0 * one), weir::ArgumentError);
  CHECK_THROWS_AS(fit(x.head(0), x.head(0), x.head(0)), weir::ArgumentError);
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    Eigen::VectorXd damaged = one;
    damaged(2) = bad;
    CHECK_THROWS_AS(fit(damaged, x, one), weir::ArgumentError);
    CHECK_THROWS_AS(fit(x, damaged, one), weir::ArgumentError);
    CHECK_THROWS_AS(fit(x, x, damaged), weir::ArgumentError);
  }
  CHECK_THROWS_AS(fit(1.7e308 * (2 * x - one), x, one), weir::ArgumentError);
  CHECK_THROWS_AS(fit(x, x, -one), weir::ArgumentError);

  const auto refused = [](const std::vector<double>& knots, const std::vector<double>& levels) {
    IsotonicCurve curve;
    CHECK_THROWS_AS(from_json(json{{"x", knots}, {"y", levels}}, curve), weir::FormatError);
  };
  refused({}, {});
  refused({0, 1}, {0});
  refused({0, 0}, {0, 1});
  refused({1, 0}, {0, 1});
  refused({0, 1}, {1, 0});
  refused({-1e308, 1e308}, {0, 1});
}

TEST_CASE("Isotonic rule: on its own scores no cut costs less") {
  // The scores that the curve was fitted to, and the sums of cost on both sides of each cut.
  const Dataset used = noisy(200, 3, 21).without_zero_weights();
  const IsotonicModel model = IsotonicRule{}.fit(used);
  const Eigen::VectorXd unseen = weir::detail::out_of_fold_scores(
      used, 5, [](const Dataset& d) { return weir::detail::LogisticRegression{}.fit(d); });
  const double ours = error(used, [&](Eigen::Index i) { return model.curve(unseen(i)); });
  double least = HUGE_VAL;
  for (Eigen::Index cut = 0; cut < unseen.size(); ++cut)
    least = std::min(least, error(used, [&](Eigen::Index i) { return unseen(i) - unseen(cut); }));
  CHECK(ours <= least + 1e-12);
  CHECK(ours > 0);
}

TEST_CASE("Isotonic rule: cuts where the cost changes sign, not where a tilted logistic does") {
  const Dataset data = tilted(900, 1), fresh = tilted(900, 2);
  const auto logistic = weir::detail::LogisticRegression{}.fit(data);
  const auto rule = IsotonicRule{}.fit(data);
  const auto of = [&](const auto& model) {
    return error(fresh, [&](Eigen::Index i) { return model.decision_function(row(fresh.X, i)); });
  };
  const double by_logistic = of(logistic), by_rule = of(rule);
  CHECK(rule.score == logistic);
  CHECK(by_rule < 0.8 * by_logistic);
  CHECK(by_rule < of(weir::detail::SingleThreshold{}.fit(data)));
}

TEST_CASE("Isotonic rule: options, allocations") {
  const Dataset data = noisy(60, 2, 3);
  CHECK_THROWS_AS(IsotonicRule{.folds = 1}.fit(data), weir::ArgumentError);
  CHECK_THROWS_AS((IsotonicRule{.score = {.C = -1}}.fit(data)), weir::ArgumentError);
  const IsotonicModel model = IsotonicRule{.folds = 1000}.fit(data);
  const auto x = row(data.X, 3);
  const std::size_t before = weir_test::allocations();
  const double f = model.decision_function(x);
  CHECK(weir_test::allocations() == before);
  CHECK(std::abs(f) <= 1);
}

TEST_CASE("Out-of-fold scores: a row, and each of its copies, is scored without itself") {
  Dataset data = noisy(40, 2, 5);
  data.sample_weight.setOnes();
  data.X.row(7) = data.X.row(30);
  struct Mean {  // the mean label of the rows with weight
    double value;
    double decision_function(const std::vector<double>&) const { return value; }
  };
  int fits = 0;
  std::vector<std::vector<bool>> left_out;
  const auto scores = weir::detail::out_of_fold_scores(data, 4, [&](const Dataset& d) {
    ++fits;
    left_out.emplace_back();
    for (Eigen::Index i = 0; i < 40; ++i) left_out.back().push_back(d.sample_weight(i) == 0);
    return Mean{static_cast<double>(fits)};
  });
  CHECK(fits == 4);
  for (std::size_t i = 0; i < 40; ++i) {
    CHECK(left_out[static_cast<std::size_t>(scores(static_cast<Eigen::Index>(i))) - 1][i]);
    int times = 0;
    for (const auto& out : left_out) times += out[i];
    CHECK(times == 1);
  }
  CHECK(scores(7) == scores(30));
  for (const auto& out : left_out) CHECK(std::count(out.begin(), out.end(), true) >= 9);

  Dataset same = data;
  same.X.setConstant(2);
  fits = 0;
  left_out.clear();
  weir::detail::out_of_fold_scores(same, 4, [&](const Dataset& d) {
    CHECK(d.sample_weight == same.sample_weight);
    return Mean{static_cast<double>(++fits)};
  });
  CHECK(fits == 1);
}

}  // namespace WEIR_UNIT
