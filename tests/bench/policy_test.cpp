#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <set>
#include <weir/core/isa.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learners/random.hpp>

#include "../../bench/policy/contestants.hpp"
#include "../../bench/policy/curve.hpp"
#include "../../bench/policy/report.hpp"
#include "../../bench/policy/traces_in.hpp"
#include "../policy/probability_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("comparison: seconds at equal excess loss, and the area, by hand and by summation") {
  const std::vector<weir::detail::TradeoffPoint> one{{0.5, 0.01}};
  CHECK(compare::cost_at(one, 1, 0) == 1);
  CHECK(compare::cost_at(one, 1, 0.005) == doctest::Approx(0.75));
  CHECK(compare::cost_at(one, 1, 0.01) == doctest::Approx(0.5));
  CHECK(compare::cost_at(one, 1, 0.5) == 0.5);
  CHECK(compare::cost_at({{2, 0.01}}, 1, 0.01) == 1);  // the full network is faster
  CHECK_THROWS_AS(compare::cost_at(one, 1, -0.001), weir::ArgumentError);
  CHECK(compare::saved_area(one, 1, 0.02) == doctest::Approx(0.375));
  CHECK(compare::saved_area({}, 1, 0.02) == 0);
  const std::vector<weir::detail::TradeoffPoint> many{{3, 0.004}, {2, 0.007}, {2.5, 0.03}, {1.5, 0.02}, {1, 0.08}};
  double sum = 0;
  const int steps = 20000;
  for (int i = 0; i < steps; ++i) sum += 1 - compare::cost_at(many, 4, 0.05 * (i + 0.5) / steps) / 4;
  CHECK(compare::saved_area(many, 4, 0.05) == doctest::Approx(sum / steps).epsilon(1e-6));
  CHECK(compare::share_of_gain(10, 4, 2) == doctest::Approx(0.75));
  CHECK(compare::share_of_gain(10, 10, 10) == 0);
}

TEST_CASE("comparison: the bootstrap equals resampling by hand, and pairs what it compares") {
  const Eigen::Index n = 40;
  std::vector<compare::Samples> contestants(2);
  std::uint64_t counter = 0;
  for (auto& c : contestants)
    for (int seed = 0; seed < 3; ++seed) {
      c.cost.push_back(
          Eigen::MatrixXd::NullaryExpr(n, 2, [&] { return 0.1 + weir::detail::counter_uniform(5, counter++); }));
      c.excess.push_back(Eigen::MatrixXd::NullaryExpr(
          n, 2, [&] { return weir::detail::counter_uniform(5, counter++) < 0.1 ? 1.0 : 0.0; }));
    }
  for (const bool equal_excess : {true, false}) {
    const compare::Reading reading{{0.05, 0.1}, {true, true}, 2.0, equal_excess};
    const auto got = compare::bootstrap_speedups(contestants, reading, 70, 9);
    REQUIRE(got.size() == 70);
    std::uint64_t draws = 0;
    const auto draw = [&](std::size_t size) {
      return static_cast<std::size_t>(weir::detail::counter_uniform(9, draws++) * static_cast<double>(size));
    };
    for (const auto& resample : got) {
      std::vector<Eigen::Index> images;
      std::vector<std::size_t> seeds;
      for (Eigen::Index i = 0; i < n; ++i) images.push_back(static_cast<Eigen::Index>(draw(40)));
      for (int s = 0; s < 3; ++s) seeds.push_back(draw(3));
      for (std::size_t c = 0; c < 2; ++c) {
        Eigen::RowVectorXd T = Eigen::RowVectorXd::Zero(2), E = T;
        for (const std::size_t s : seeds)
          for (const Eigen::Index i : images) {
            T += contestants[c].cost[s].row(i) / 120;
            E += contestants[c].excess[s].row(i) / 120;
          }
        const std::vector<weir::detail::TradeoffPoint> points{{T(0), E(0)}, {T(1), E(1)}};
        for (std::size_t b = 0; b < 2; ++b) {
          const double seconds = equal_excess ? compare::cost_at(points, 2, reading.budgets[b]) : points[b].cost;
          CHECK(resample[c][b] == doctest::Approx(2 / seconds).epsilon(1e-9));
        }
      }
    }
    const auto same = compare::bootstrap_speedups({contestants[0], contestants[0]}, reading, 70, 9);
    const auto nothing = compare::interval95(same, [](const compare::Speedups& s) { return s[0][0] - s[1][0]; });
    CHECK(nothing.low == 0);
    CHECK(nothing.high == 0);
    CHECK(compare::verdict(nothing) == "not separable");
  }
  CHECK_THROWS_AS(compare::bootstrap_speedups({}, {}, 70, 9), weir::ArgumentError);
  CHECK(compare::verdict({0.1, 0.2}) == "ahead");
  CHECK(compare::verdict({-0.2, -0.1}) == "behind");
  CHECK(compare::verdict({-0.2, 0.1}) == "not separable");
}

TEST_CASE("comparison: what is read at one budget, and chosen for it, is the same whatever else is asked for") {
  const auto trace = weir_test::probability_trace(400, 3, 4, 1);
  const compare::Parts parts{trace.rows(compare::shuffled(300, 1)), trace.rows(compare::shuffled(200, 2)), 150};
  // [contestant] speed-up at 5 %, cost and excess loss of the policies chosen for it.
  const auto at_5_percent = [&](std::vector<double> budgets) {
    compare::Options o;
    o.budgets = std::move(budgets);
    o.learners = {"predicted_loss", "priced_loss", "logistic"};
    o.seeds = 2;
    o.bootstrap = 3;
    o.lambdas = 8;
    o.folds = 2;
    const compare::Setting setting(o, parts);
    const auto all = compare::run_all(setting, {"margin"});
    const compare::Comparison found(setting, all);
    std::vector<std::vector<double>> figures;
    for (std::size_t b = 0; b < setting.budgets.size(); ++b)
      for (const compare::Row& row : found.rows[b])
        if (setting.budgets[b] == 0.05) figures.push_back({row.speedup, row.cost, row.excess, row.interval.high});
    return figures;
  };
  const auto alone = at_5_percent({0.05});
  REQUIRE(alone.size() == 6);
  for (const auto& figures : alone) CHECK(figures[0] >= 1);
  const auto among_others = at_5_percent({0.02, 0.04, 0.05, 0.06, 0.1, 0.3});
  REQUIRE(among_others.size() == alone.size());
  for (std::size_t c = 0; c < alone.size(); ++c)
    for (std::size_t f = 0; f < alone[c].size(); ++f)  // resamples are products of matrices of other sizes
      CHECK(among_others[c][f] == doctest::Approx(alone[c][f]).epsilon(1e-12));
}

TEST_CASE("comparison: the joined table is in the form that RESULTS.md has") {
  const std::vector<compare::JoinedRow> rows{
      {"learned", "learned", {{5.724, 0.00361, 0, {}}, {7.5, 0.0085, 2, {}}}},
      {"logistic", "learner", {{5.47, 0.0034, 0, {0.08, 0.39}}, {7.28, 0.008, 0, {-0.02, 0.47}}}},
      {"oracle", "oracle", {{17.48, 0.005, 0, {}}, {18.52, 0.01, 0, {}}}}};
  CHECK(compare::joined_table({0.005, 0.01}, rows) ==
        "| who | 0.5 %: speed-up | excess, % | above | learned less this | 1 %: speed-up | excess, % | above | learned "
        "less this |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        "| **learned, the default** | 5.72 | 0.36 | 0 |  | 7.50 | 0.85 | 2 |  |\n"
        "| the paper's reduction (logistic) | 5.47 | 0.34 | 0 | 0.08 to 0.39 | 7.28 | 0.80 | 0 | -0.02 to 0.47 |\n"
        "| oracle | 17.48 | 0.50 |  |  | 18.52 | 1.00 |  |  |\n\n");
}

TEST_CASE("comparison: how many divisions are above a budget, at it not") {
  const auto means = [](double a, double b) -> Eigen::RowVectorXd { return Eigen::RowVector2d(a, b); };
  const std::vector<Eigen::RowVectorXd> excess{means(0.0101, 0.02), means(0.01, 0.03), means(0.1 + 0.2 - 0.29, 0)};
  CHECK(compare::seeds_above(excess, 0, 0.01) == 1);  // of the third nothing but rounding is above
  CHECK(compare::seeds_above(excess, 1, 0.0199) == 2);
  CHECK(compare::seeds_above(excess, 1, 0.03) == 0);
}

TEST_CASE("comparison: what the full network costs adds up from the stages, unless --full-cost says it") {
  weir::Trace trace = weir_test::probability_trace(60, 3, 4, 1);
  const double costs[] = {10, 20, 40}, answers[] = {1, 2, 4};
  for (std::size_t k = 0; k < 3; ++k) trace.stages[k].cost = costs[k], trace.stages[k].answer_cost = answers[k];
  const compare::Parts parts{trace, trace, 40};
  compare::Options o;
  CHECK(compare::Setting(o, parts).full_cost == 10 + 20 + 40 - 1 - 2);  // all layers, the last answer only
  compare::Parts behind_copy = parts;
  for (std::size_t k = 0; k < 3; ++k) behind_copy.test.stages[k].network = k == 0 ? "copy" : "network";
  CHECK(compare::Setting(o, behind_copy).full_cost == 20 + 40 - 2);  // the copy is none of a full pass
  o.networks = true;
  CHECK(compare::Setting(o, parts).full_cost == 40);
  CLI::App app;
  compare::Options given;
  compare::declare(app, given);
  app.parse("--trace t.csv --full-cost 55", false);
  const compare::Setting setting(given, parts);
  CHECK(setting.full_cost == 55);
  const weir::Evaluation full = setting.full(trace);
  CHECK(full.mean_cost() == doctest::Approx(55));
  CHECK(full.mean_excess() == 0);
}

TEST_CASE("comparison: parts are divided anew by each seed, and lose nobody") {
  auto trace = weir_test::probability_trace(90, 2, 4, 1);
  for (std::size_t i = 0; i < 90; ++i)
    trace.stages[0].features(static_cast<Eigen::Index>(i), 0) = static_cast<double>(i);
  const compare::Parts parts{trace, trace, 50};
  const auto [policy, calibration] = parts.divide(3);
  CHECK(policy.size() == 50);
  CHECK(calibration.size() == 40);
  std::set<double> seen;
  for (const auto* part : {&policy, &calibration})
    for (Eigen::Index i = 0; i < part->stages[0].features.rows(); ++i) seen.insert(part->stages[0].features(i, 0));
  CHECK(seen.size() == 90);
  CHECK(parts.divide(3).first.stages[0].features == policy.stages[0].features);
  CHECK(parts.divide(4).first.stages[0].features != policy.stages[0].features);

  const auto both = compare::concatenate(policy, calibration);
  CHECK(both.size() == 90);
  CHECK(both.stages[1].probabilities.bottomRows(40) == calibration.stages[1].probabilities);
  CHECK(both.stages[1].loss.tail(40) == calibration.stages[1].loss);
  auto other = calibration;
  other.stages[1].cost *= 2;
  CHECK_THROWS_AS(compare::concatenate(policy, other), weir::ArgumentError);
  other = calibration;
  other.cost_unit = "J";
  CHECK_THROWS_AS(compare::concatenate(policy, other), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
