#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/list.hpp>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/choose/guarantee.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/choose/none_kept.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../../bench/bounds/population.hpp"
#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

using bounds_bench::Draw;
using bounds_bench::Population;
using bounds_bench::Uniforms;

namespace {

struct Tally {
  int violations = 0, exits = 0;
  double mean_risk = 0;
};

Tally tally(const Population& p, double epsilon, int draws,
            const std::function<std::optional<std::size_t>(const Eigen::MatrixXd&)>& choose) {
  Tally t;
  Uniforms uniform(7);
  for (int draw = 0; draw < draws; ++draw) {
    const Draw d = p.draw(uniform);
    const auto j = choose(d.calibration);
    const double risk = j ? d.truth(static_cast<Eigen::Index>(*j)) : 0;
    t.violations += risk > epsilon ? 1 : 0;
    t.exits += j ? 1 : 0;
    t.mean_risk += risk / draws;
  }
  return t;
}

/// What Binomial(draws, delta) exceeds with a chance below 1e-4.
int most_violations(int draws, double delta) {
  auto most = static_cast<std::size_t>(draws * delta);
  while (weir::detail::binomial_cdf(most, static_cast<std::size_t>(draws), delta) < 1 - 1e-4) ++most;
  return static_cast<int>(most);
}

std::vector<double> on(std::size_t m, std::size_t j) {
  std::vector<double> weights(m, 0.0);
  weights[j] = 1;
  return weights;
}

struct Learnt {
  weir::Trace fit = weir_test::difficulty_trace(500, 4, 1);
  weir::Topology topology = weir_test::chain_of(fit);
  weir::PolicyTrainer trainer{fit, topology, {}};
  std::vector<weir::PathPoint> path = trainer.train_path(10);
};

}  // namespace

TEST_CASE("guarantee: against adversaries nothing that promises confidence breaks its word more often than delta") {
  const double epsilon = 0.05, delta = 0.1;
  const int draws = 1000, most = most_violations(draws, delta);
  CHECK(most < 140);
  int naive = 0, certified = 0;
  for (const Population& p : bounds_bench::adversaries(150, epsilon, 8)) {
    INFO(p.name);
    const auto m = p.predicted.size();
    naive = std::max(naive, tally(p, epsilon, draws, [&](const auto& r) {
                              return weir::detail::choose_naively(r, epsilon);
                            }).violations);
    const auto conformal =
        tally(p, epsilon, draws, [&](const auto& r) { return weir::detail::control_conformal_risk(r, epsilon); });
    // The risk lies in [0, 1.2 epsilon]: its mean over the draws is within 4 standard errors, 4 * 0.6 epsilon /
    // sqrt(draws)
    CHECK(conformal.mean_risk <= epsilon * (1 + 2.4 / std::sqrt(draws)));
    const std::vector<std::vector<double>> starts = {
        on(m, 0), on(m, m / 2), std::vector<double>(m, 1 / static_cast<double>(m)),
        weir::detail::several_starts(p.predicted, p.n, p.n_training, epsilon, delta)};
    for (const weir::MeanTest& test : weir::mean_tests()) {
      if (test.needs_zero_one && !p.zero_one) continue;
      INFO(test.name);
      const auto bound = tally(
          p, epsilon, draws, [&](const auto& r) { return weir::detail::bound_monotone_risk(r, epsilon, delta, test); });
      CHECK(bound.violations <= most);
      for (const auto& weights : starts) {
        const auto ltt = tally(p, epsilon, draws, [&](const auto& r) {
          return weir::detail::learn_then_test(r, epsilon, delta, test, weights);
        });
        CHECK(ltt.violations <= most);
        certified = std::max(certified, ltt.exits);
      }
    }
  }
  CHECK(naive > 900);
  CHECK(certified == draws);
}

TEST_CASE("guarantee: tiny n and a limit of 0 leave the full network") {
  const weir::MeanTest& test = weir::mean_test("clopper_pearson");
  const Eigen::MatrixXd none = Eigen::MatrixXd::Zero(58, 3);  // 0.95^58 > 0.05
  CHECK_FALSE(weir::detail::learn_then_test(none, 0.05, 0.05, test, on(3, 0)));
  CHECK_FALSE(weir::detail::bound_monotone_risk(none, 0.05, 0.05, test));
  CHECK(weir::detail::learn_then_test(Eigen::MatrixXd::Zero(59, 3), 0.05, 0.05, test, on(3, 0)) == 2);
  CHECK_FALSE(weir::detail::learn_then_test(Eigen::MatrixXd::Zero(1000, 3), 0, 0.05, test, on(3, 0)));
  CHECK_FALSE(weir::detail::learn_then_test(Eigen::MatrixXd(10, 0), 0.5, 0.05, test, {}));
  CHECK_FALSE(weir::detail::control_conformal_risk(Eigen::MatrixXd::Zero(98, 3), 0.01));
  CHECK(weir::detail::control_conformal_risk(Eigen::MatrixXd::Zero(99, 3), 0.01) == 2);
  CHECK(weir::detail::choose_naively(Eigen::MatrixXd::Zero(1, 3), 0) == 2);
}

TEST_CASE("guarantee: the ring of hypotheses by hand") {
  const std::vector<double> p = {0.02, 0.001, 0.04, 0.2, 0.01};
  std::vector<int> asked(5, 0);
  const auto value = [&](std::size_t j) {
    ++asked[j];
    return p[j];
  };
  using Bits = std::vector<bool>;
  CHECK(weir::detail::reject_on_ring({1, 0, 0, 0, 0}, 0.05, value) == Bits{true, true, true, false, false});
  CHECK(asked == std::vector<int>{1, 1, 1, 1, 0});
  CHECK(weir::detail::reject_on_ring({0, 0, 0, 1, 0}, 0.05, value) == Bits{false, false, false, false, false});
  CHECK(weir::detail::reject_on_ring({0, 0, 0, 0, 1}, 0.05, value) == Bits{true, true, true, false, true});
  // Bonferroni's 0.01 rejects 1 and 4; their shares then reject 0 (0.02) and 2 keeps 0.02 + 0.02, which is enough.
  CHECK(weir::detail::reject_on_ring({0.2, 0.2, 0.2, 0.2, 0.2}, 0.05, value) == Bits{true, true, true, false, true});
  CHECK(weir::detail::reject_on_ring({0.2, 0.2, 0.2, 0.2, 0.2}, 0.04, value) == Bits{false, true, false, false, false});
  CHECK(weir::detail::reject_on_ring({}, 0.05, value).empty());
}

TEST_CASE("guarantee: starts lie below what is nearly certain to pass, and share delta") {
  // 5000 examples certify 1 % where 38 or fewer are seen.
  CHECK(weir::detail::binomial_cdf(38, 5000, 0.01) <= 0.05);
  CHECK(weir::detail::binomial_cdf(39, 5000, 0.01) > 0.05);
  const double alone = weir::detail::nearly_certain_risk(5000, 1000000000, 0.01, 0.05);
  CHECK(weir::detail::binomial_cdf(38, 5000, alone) >= 0.99);
  CHECK(weir::detail::binomial_cdf(38, 5000, 1.1 * alone) < 0.99);
  CHECK(weir::detail::nearly_certain_risk(5000, 5000, 0.01, 0.05) < alone);
  CHECK(weir::detail::nearly_certain_risk(298, 5000, 0.01, 0.05) == 0);
  CHECK(weir::detail::nearly_certain_risk(299, 5000, 0.01, 0.05) < 0.001);
  std::vector<double> predicted;
  for (int j = 1; j <= 40; ++j) predicted.push_back(0.0005 * j);
  const auto weights = weir::detail::several_starts(predicted, 5000, 5000, 0.01, 0.05);
  CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == doctest::Approx(1));
  CHECK(weights[0] >= 0.25);
  CHECK(std::count(weights.begin(), weights.end(), 0.25) == 4);
  CHECK(weir::detail::several_starts(predicted, 100, 5000, 0.01, 0.05)[0] == 1);
  CHECK(weir::detail::several_starts({}, 100, 5000, 0.01, 0.05).empty());
}

TEST_CASE("family: predicted risks are those asked for; columns are what its policies do") {
  const Learnt learnt;
  const std::vector<double> risks = {0, 0.004, 0.01, 0.02, 0.03, 0.06, 0.5, 0.9};
  const auto calibration = weir_test::difficulty_trace(300, 4, 2);
  for (const weir::Risk risk : {weir::Risk::excess, weir::Risk::disagreement}) {
    const auto family = weir::policy_family(learnt.trainer, learnt.path, risk, risks, 5);
    REQUIRE(family.size() >= 4);
    CHECK(family.size() < risks.size());
    const auto table = weir::evaluate(family, calibration);
    for (std::size_t j = 0; j < family.size(); ++j) {
      const auto e = weir::evaluate(family.policy(j), calibration);
      CHECK((weir::risk_of(calibration, e, risk) - table.risk.col(static_cast<Eigen::Index>(j))).norm() == 0);
      CHECK((e.cost - table.cost.col(static_cast<Eigen::Index>(j))).norm() == 0);
      if (j == 0) continue;
      CHECK(family.predicted[j].loss > family.predicted[j - 1].loss);
      CHECK(family.predicted[j].cost < family.predicted[j - 1].cost);
    }
    CHECK(family.predicted.back().cost == doctest::Approx(learnt.fit.stages[0].cost));
  }
  CHECK_THROWS_AS(weir::policy_family(learnt.trainer, {}, weir::Risk::excess, risks), weir::ArgumentError);
  CHECK_THROWS_AS(weir::policy_family(learnt.trainer, learnt.path, weir::Risk::excess, {0.1, 0.05}),
                  weir::ArgumentError);
}

TEST_CASE("guarantee: over 1000 calibration sets drawn from a recorded trace the true risk is within its limit") {
  const Learnt learnt;
  const auto pool = weir_test::difficulty_trace(3000, 4, 2);
  const double epsilon = 0.05, delta = 0.1;
  const std::size_t n = 400;
  std::vector<double> risks;
  for (int step = 1; step <= 40; ++step) risks.push_back(epsilon * step / 20);
  for (const weir::Risk risk : {weir::Risk::excess, weir::Risk::disagreement}) {
    const auto family = weir::policy_family(learnt.trainer, learnt.path, risk, risks);
    const Eigen::MatrixXd r = weir::evaluate(family, pool).risk;
    std::vector<double> predicted;
    for (const auto& point : family.predicted) predicted.push_back(point.loss);
    Population p;
    p.draw = [&](Uniforms& uniform) {  // with replacement: the pool's mean is the true risk
      std::vector<Eigen::Index> rows;
      for (std::size_t i = 0; i < n; ++i) rows.push_back(static_cast<Eigen::Index>(uniform.below(3000)));
      return Draw{r(rows, Eigen::all), r.colwise().mean()};
    };
    const auto weights = weir::detail::several_starts(predicted, n, 500, epsilon, delta);
    const int draws = 1000, most = most_violations(draws, delta);
    for (const weir::MeanTest& test : weir::mean_tests()) {
      INFO(test.name);
      const auto ltt = tally(p, epsilon, draws, [&](const auto& c) {
        return weir::detail::learn_then_test(c, epsilon, delta, test, weights);
      });
      const auto bound = tally(
          p, epsilon, draws, [&](const auto& c) { return weir::detail::bound_monotone_risk(c, epsilon, delta, test); });
      CHECK(ltt.violations <= most);
      CHECK(bound.violations <= most);
      if (test.name != "empirical_bernstein") CHECK(ltt.exits > 900);
    }
    const auto naive =
        tally(p, epsilon, draws, [&](const auto& c) { return weir::detail::choose_naively(c, epsilon); });
    CHECK(naive.violations > 3 * most);
    const auto conformal =
        tally(p, epsilon, draws, [&](const auto& c) { return weir::detail::control_conformal_risk(c, epsilon); });
    CHECK(conformal.mean_risk <= epsilon * (1 + 2.4 / std::sqrt(draws)));
    CHECK(conformal.mean_risk < naive.mean_risk);
  }
}

TEST_CASE(
    "guarantee: disagreement needs no labels; other bounded losses scale; nothing passes, the full network stays") {
  const Learnt learnt;
  const auto calibration = weir_test::difficulty_trace(800, 4, 2);
  auto unlabelled = calibration;
  std::fill(unlabelled.label.begin(), unlabelled.label.end(), 0);
  for (auto& stage : unlabelled.stages) stage.loss.setZero();
  const weir::GuaranteeOptions on_answers{.risk = weir::Risk::disagreement, .epsilon = 0.05};
  const auto a = weir::guarantee(learnt.trainer, learnt.path, calibration, on_answers);
  const auto b = weir::guarantee(learnt.trainer, learnt.path, unlabelled, on_answers);
  CHECK(a.policy == b.policy);
  CHECK(a.upper_limit == b.upper_limit);
  CHECK(a.mean_risk > 0);
  CHECK((a.mean_risk < a.upper_limit && a.upper_limit <= 0.05));
  const auto e = weir::evaluate(a.policy, calibration);
  CHECK(weir::risk_of(calibration, e, weir::Risk::disagreement).mean() == doctest::Approx(a.mean_risk));
  CHECK(e.mean_cost() < 0.9 * weir::evaluate(learnt.path[3].policy, calibration).mean_cost());

  auto fit = learnt.fit, large = calibration;
  for (auto* trace : {&fit, &large})
    for (auto& stage : trace->stages) stage.loss *= 5;
  const weir::PolicyTrainer trainer(fit, learnt.topology, {});
  std::vector<double> lambdas;
  for (const auto& point : learnt.path)
    if (point.lambda) lambdas.push_back(*point.lambda / 5);
  for (const char* test : {"betting", "hoeffding_bentkus", "clopper_pearson"}) {
    const auto one = weir::guarantee(learnt.trainer, learnt.path, calibration, {.epsilon = 0.04, .test = test});
    const auto five =
        weir::guarantee(trainer, trainer.train_path(lambdas), large, {.epsilon = 0.2, .test = test, .largest = 5});
    CHECK(five.mean_risk == doctest::Approx(5 * one.mean_risk).epsilon(0.02));
    CHECK(five.upper_limit <= 0.2);
    CHECK(five.mean_risk > 0);
  }
  CHECK_THROWS_AS(weir::guarantee(trainer, learnt.path, large, {.epsilon = 0.2, .test = "betting", .largest = 4}),
                  weir::ArgumentError);
  for (auto& stage : large.stages) stage.loss *= 0.1;
  CHECK_THROWS_AS(weir::guarantee(trainer, learnt.path, large, {.epsilon = 0.2}), weir::ArgumentError);

  std::vector<Eigen::Index> few(40);
  std::iota(few.begin(), few.end(), Eigen::Index{0});
  for (const auto certificate : {weir::Certificate::conformal_risk_control, weir::Certificate::upper_confidence_bound,
                                 weir::Certificate::learn_then_test}) {
    const auto too_few =
        weir::guarantee(learnt.trainer, learnt.path, calibration.rows(few), {.certificate = certificate});
    CHECK(too_few.missing ==
          (certificate == weir::Certificate::conformal_risk_control
               ? "a mean of at most 1 % needs 99 examples with no regression; there are 40 for "
                 "calibration"
               : "95 % for 1 % needs 299 examples with no regression; there are 40 for calibration"));
    CHECK(too_few.policy.a == learnt.path[3].policy);
    CHECK(too_few.upper_limit == 0);
    auto worst = calibration;
    for (std::size_t k = 0; k + 1 < worst.stages.size(); ++k) worst.stages[k].loss.setOnes();
    worst.stages.back().loss.setZero();
    const auto full = weir::guarantee(learnt.trainer, learnt.path, worst, {.certificate = certificate});
    CHECK(full.policy.a == learnt.path[3].policy);
    CHECK(full.policy.b == learnt.path[3].policy);
    CHECK(full.upper_limit == 0);
    if (certificate == weir::Certificate::conformal_risk_control)
      CHECK(full.missing.starts_with("no policy of the path kept the budget: the best had "));
    else
      CHECK(full.missing.find("more examples would not help") != std::string::npos);
    const auto found =
        weir::guarantee(learnt.trainer, learnt.path, calibration, {.epsilon = 0.03, .certificate = certificate});
    CHECK(found.mean_risk > 0);
    CHECK(found.mean_risk < 0.03);
    CHECK(found.missing.empty());
  }
  for (const weir::GuaranteeOptions& wrong :
       {weir::GuaranteeOptions{.epsilon = -0.1}, weir::GuaranteeOptions{.epsilon = std::nan("")},
        weir::GuaranteeOptions{.epsilon = 2}, weir::GuaranteeOptions{.delta = 0}, weir::GuaranteeOptions{.delta = 1},
        weir::GuaranteeOptions{.test = "none"}, weir::GuaranteeOptions{.largest = 0},
        weir::GuaranteeOptions{.steps = 0}})
    CHECK_THROWS_AS(weir::guarantee(learnt.trainer, learnt.path, calibration, wrong), weir::ArgumentError);
}

TEST_CASE("guarantee: where nothing passes it says why, and how many examples would be enough") {
  Eigen::MatrixXd r = Eigen::MatrixXd::Zero(375, 4);
  r.col(3).head(30).setOnes();
  const std::vector<double> four(4, 0.25);
  weir::GuaranteeOptions o;
  // Four share the error of 5 %: (1 - 0.01)^n <= 0.0125 from 437 examples on.
  const std::string shared = weir::detail::none_kept(r, o, four);
  CHECK(
      shared.find("had 0 regressions of 375 calibration examples, where not even 0 regressions are few enough, as the "
                  "4 share the error of 5 %; if it loses as much (0 %) of more examples, 437 calibration examples "
                  "would be enough") != std::string::npos);
  CHECK(std::pow(0.99, 437) <= 0.0125);
  CHECK(std::pow(0.99, 436) > 0.0125);
  r.col(0).head(1).setOnes();
  const std::string safest = weir::detail::none_kept(r, o, {1, 0, 0, 0});
  CHECK(
      safest.find("the test begins at the safest, and none of these passed. The nearest to passing had 1 regression of "
                  "375 calibration examples, where at most 0 regressions may be seen; if") != std::string::npos);
  const std::size_t enough = std::stoul(safest.substr(safest.find("of more examples, ") + 18));
  CHECK(weir::most_regressions(enough, 0.01, 0.05) >= (enough + 374) / 375);
  o.risk = weir::Risk::net;
  r = (r.array() + 1) / 2;
  CHECK(weir::detail::none_kept(r, o, {0, 1, 0, 0}).find("had 0 regressions and 0 repairs of 375") !=
        std::string::npos);
  CHECK(weir::detail::none_kept(r, o, {0, 0, 0, 1}).find("it loses 8 %, the limit is 1 %") != std::string::npos);
}

}  // namespace WEIR_UNIT
