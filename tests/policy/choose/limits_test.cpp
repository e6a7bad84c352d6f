#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/choose/guarantee.hpp>
#include <weir/policy/choose/limits.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../../bench/bounds/population.hpp"
#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

/// What Binomial(draws, delta) exceeds with a chance below 1e-4.
std::size_t most_violations(std::size_t draws, double delta) {
  auto most = static_cast<std::size_t>(static_cast<double>(draws) * delta);
  while (weir::detail::binomial_cdf(most, draws, delta) < 1 - 1e-4) ++most;
  return most;
}

/// A trace of two exits and a full network that is always right; regressions are drawn for each exit.
weir::Trace drawn_trace(std::size_t n, const std::function<double()>& uniform, const std::vector<double>& error) {
  weir::Trace trace;
  const auto rows = static_cast<Eigen::Index>(n);
  for (std::size_t i = 0; i < n; ++i) trace.label.push_back(static_cast<int>(4 * uniform()));
  for (std::size_t k = 0; k < error.size(); ++k) {
    weir::StageTrace s;
    s.name = "stage" + std::to_string(k);
    s.loss.resize(rows);
    for (Eigen::Index i = 0; i < rows; ++i) s.loss(i) = uniform() < error[k] ? 1 : 0;
    s.prediction.assign(n, 0);
    trace.stages.push_back(std::move(s));
  }
  return trace;
}

/// Members of rising speed: member j lets the share 0.1 + 0.2 j leave at stage 0, and as many at stage 1.
weir::detail::ExitTable drawn_exits(std::size_t n, Eigen::Index members, const std::function<double()>& uniform) {
  weir::detail::ExitTable exit(static_cast<Eigen::Index>(n), members);
  for (Eigen::Index i = 0; i < exit.rows(); ++i) {
    const double u = uniform();
    for (Eigen::Index j = 0; j < members; ++j) {
      const double share = 0.1 + 0.2 * static_cast<double>(j);
      exit(i, j) = static_cast<std::uint16_t>(u < share / 2 ? 0 : u < share ? 1 : 2);
    }
  }
  return exit;
}

weir::FurtherLimits given_exit(double limit) {
  weir::FurtherLimits limits;
  limits.given_exit = limit;
  return limits;
}

}  // namespace

TEST_CASE("limits: counts by hand, of other losses, of a class, and of those that left early") {
  weir::Trace trace;
  trace.label = {0, 1, 0, 1, 0, 1};
  const std::vector<std::vector<double>> loss = {{1, 0, 1, 1, 0, 0}, {0, 0, 1, 0, 0, 0}, {0, 0, 1, 0, 0, 1}};
  for (std::size_t k = 0; k < 3; ++k) {
    weir::StageTrace s;
    s.name = "s" + std::to_string(k);
    s.loss = Eigen::Map<const Eigen::VectorXd>(loss[k].data(), 6);
    trace.stages.push_back(s);
  }
  weir::detail::ExitTable exit(6, 1);
  exit << 0, 0, 0, 1, 1, 2;
  weir::FurtherLimits limits = given_exit(0.5);
  limits.also.push_back({"class 0", 0.4, {}, 0});
  limits.also.push_back({"other", 0.3, {Eigen::VectorXd::Ones(6), Eigen::VectorXd::Zero(6), Eigen::VectorXd::Zero(6)}});
  limits.also.push_back({"class 7", 0.4, {}, 7});
  const auto found = weir::detail::limits_found(limits, trace, exit, 0, 0, 0.05);
  REQUIRE(found.size() == 6);
  const auto is = [&](std::size_t at, const std::string& name, std::size_t n, std::size_t regressions) {
    INFO(name);
    CHECK(found[at].name == name);
    CHECK(found[at].n == n);
    CHECK(found[at].regressions == regressions);
    CHECK(found[at].p_value == (n == 0 ? 1 : weir::detail::binomial_cdf(regressions, n, found[at].epsilon)));
  };
  is(0, "class 0", 3, 1);  // the full network is wrong on example 2 too
  is(1, "other", 6, 3);
  is(2, "class 7", 0, 0);
  is(3, "left at s0 or before", 3, 1);
  is(4, "left at s1 or before", 5, 1);
  is(5, "left at s2 or before", 6, 1);
  CHECK(weir::detail::limits_found(given_exit(0.5), trace, exit, 0, 1, 0.05).size() == 2);
  CHECK(weir::detail::worst_p_value(found) == 1);

  const auto refused = [&](const weir::FurtherLimits& wrong, const char* words) {
    CHECK_THROWS_WITH_AS(wrong.check(trace), doctest::Contains(words), weir::Error);
  };
  refused(given_exit(0), "must be above 0");
  weir::FurtherLimits wrong;
  wrong.also = {{"top5", 0.1, {Eigen::VectorXd::Ones(6)}}};
  refused(wrong, "'top5': losses of 1 stages, not 3");
  wrong.also[0].loss.assign(3, Eigen::VectorXd::Ones(5));
  refused(wrong, "5 losses for 6 examples");
  wrong.also[0].loss.assign(3, Eigen::VectorXd::Constant(6, 0.5));
  refused(wrong, "needs losses of 0 and 1");
  trace.stages[1].loss(0) = 0.5;
  refused(given_exit(0.1), "stage 's1' has others");
  wrong.also[0].loss.assign(3, Eigen::VectorXd::Zero(6));
  CHECK_NOTHROW(wrong.check(trace));
}

TEST_CASE("limits: over 2000 draws some limit is broken no more often than delta, whichever it is") {
  const double delta = 0.1;
  const std::size_t draws = 2000, n = 300, most = most_violations(draws, delta);
  bounds_bench::Uniforms uniform(3);
  const auto next = [&] { return uniform(); };
  // Each row: limits of "all", of a second loss and given the exit; chance of an error at exits 0 and 1, and of the
  // second loss there. In each but the last one limit alone is broken, from the first member on, by a hair.
  struct Case {
    const char* name;
    double all, second, given;
    std::vector<double> error, other;
    bool breaks;
  };
  for (const Case& c : {Case{"given the exit", 0.5, 0.5, 0.1, {0.1001, 0.0001, 0}, {0, 0, 0}, true},
                        Case{"second loss", 0.5, 0.09, 0.9, {0, 0, 0}, {0.3, 0.3, 0}, true},
                        Case{"all of them", 0.089, 0.089, 0.3, {0.3001, 0.3, 0}, {0.3, 0.3, 0}, true},
                        Case{"none", 0.2, 0.2, 0.2, {0.01, 0.01, 0}, {0.01, 0.01, 0}, false}}) {
    INFO(c.name);
    std::size_t broken = 0, certified = 0;
    const Eigen::Index members = 5;
    for (std::size_t draw = 0; draw < draws; ++draw) {
      weir::Trace trace = drawn_trace(n, next, c.error);
      const weir::Trace second = drawn_trace(n, next, c.other);
      const weir::detail::ExitTable exit = drawn_exits(n, members, next);
      weir::FurtherLimits limits = given_exit(c.given);
      limits.also.push_back({"all", c.all});
      limits.also.push_back(
          {"second", c.second, {second.stages[0].loss, second.stages[1].loss, second.stages[2].loss}});
      const auto passes = weir::detail::reject_on_ring({0.5, 0, 0, 0.5, 0}, delta, [&](std::size_t j) {
        return weir::detail::worst_p_value(
            weir::detail::limits_found(limits, trace, exit, static_cast<Eigen::Index>(j), 0, delta));
      });
      bool any = false;
      for (std::size_t j = 0; j < passes.size(); ++j) {
        if (!passes[j]) continue;
        ++certified;
        const double leave = 0.1 + 0.2 * static_cast<double>(j), half = leave / 2;
        const double all = half * (c.error[0] + c.error[1]), other = half * (c.other[0] + c.other[1]);
        any = any || all > c.all || other > c.second || c.error[0] > c.given || (c.error[0] + c.error[1]) / 2 > c.given;
      }
      broken += any ? 1 : 0;
    }
    CAPTURE(broken);
    CHECK(broken <= most);
    if (!c.breaks) CHECK(certified > draws * 3);
  }
}

TEST_CASE("limits: a certified policy keeps all of them on calibration, and costs no less than without them") {
  const auto fit = weir_test::difficulty_trace(1500, 3, 1), calibration = weir_test::difficulty_trace(3000, 3, 2);
  const weir::PolicyTrainer trainer(fit, weir_test::chain_of(fit), {});
  auto path = trainer.train_path(12);
  const weir::Budget budget{.value = 0.03, .margin = weir::Margin::upper_limit, .steps = 20};
  const auto alone = weir::choose(trainer, path, calibration, budget);
  CHECK(alone.limits.empty());
  weir::FurtherLimits limits;
  for (int c = 0; c < 10; ++c) limits.also.push_back({"class " + std::to_string(c), 0.06, {}, c});
  const auto classes = weir::choose(trainer, path, calibration, budget, limits);
  CHECK(classes.missing.empty());
  REQUIRE(classes.limits.size() == 10);
  for (const auto& found : classes.limits) CHECK(found.upper_limit <= 0.06);
  CHECK(classes.calibration.cost >= alone.calibration.cost);
  CHECK(classes.calibration.cost < weir::evaluate(path[2].policy, calibration).mean_cost());

  limits.also[3].epsilon = 0.001;
  const auto none = weir::choose(trainer, path, calibration, budget, limits);
  CHECK(none.missing.find("limit 'class 3': 95 % for 0.1 % needs 2995 examples") != std::string::npos);
  CHECK(none.calibration.excess == 0);

  const auto given = weir::choose(trainer, path, calibration, budget, given_exit(0.04));
  CHECK(given.missing.empty());
  REQUIRE(!given.limits.empty());
  for (const auto& found : given.limits) CHECK(found.upper_limit <= 0.04);
  CHECK(given.calibration.cost < weir::evaluate(path[2].policy, calibration).mean_cost());

  // Where the first exit answers badly whomever it lets go, it is closed; the mean alone would not have noticed.
  auto bad_fit = fit, bad = calibration;
  for (weir::Trace* t : {&bad_fit, &bad})
    for (std::size_t i = 0; i < t->size(); i += 5) t->stages[0].loss(static_cast<Eigen::Index>(i)) = 1;
  const weir::PolicyTrainer other(bad_fit, weir_test::chain_of(fit), {});
  auto other_path = other.train_path(12);
  const auto closed = weir::choose(other, other_path, bad, budget, given_exit(0.04));
  CHECK(closed.missing.empty());
  const auto e = weir::evaluate(closed.policy, bad);
  CHECK(e.shares(3)[0] == 0);
  CHECK(e.shares(3)[1] > 0.1);
  const auto open = weir::evaluate(weir::choose(other, other_path, bad, budget).policy, bad);
  CHECK(open.shares(3)[0] > 0);

  CHECK_THROWS_WITH_AS(weir::choose(trainer, path, calibration, {.value = 0.03}, limits),
                       doctest::Contains("need Margin::upper_limit"), weir::ArgumentError);
  CHECK_THROWS_AS(weir::guarantee(trainer, path, calibration,
                                  {.certificate = weir::Certificate::upper_confidence_bound, .further = limits}),
                  weir::ArgumentError);
}

TEST_CASE("limits: excess given the exit is broken on fresh data no more often than the confidence says") {
  const auto fit = weir_test::difficulty_trace(500, 3, 1), pool = weir_test::difficulty_trace(20000, 3, 2);
  const weir::PolicyTrainer trainer(fit, weir_test::chain_of(fit), {});
  const auto path = trainer.train_path(8);
  const double limit = 0.03, delta = 0.1;
  const std::size_t draws = 400, n = 600, members_wanted = 20;
  std::vector<double> risks;
  for (std::size_t s = 1; s <= members_wanted; ++s) risks.push_back(0.06 * static_cast<double>(s) / 20);
  const auto opened =
      weir::detail::open_later(weir::policy_family(trainer, path, weir::Risk::excess, risks), fit, 0.03, limit, delta);
  const auto all = weir::evaluate(opened.family, pool);
  const weir::FurtherLimits limits = given_exit(limit);
  std::vector<bool> bad;  // the pool is the truth: calibration examples are drawn from it with replacement
  for (std::size_t j = 0; j < opened.family.size(); ++j) {
    bool broken = false;
    for (const auto& f :
         weir::detail::limits_found(limits, pool, all.exit, static_cast<Eigen::Index>(j), opened.first_open[j], delta))
      broken = broken || (f.n > 0 && static_cast<double>(f.regressions) > limit * static_cast<double>(f.n));
    bad.push_back(broken);
  }
  CHECK(std::count(bad.begin(), bad.end(), true) > 5);
  CHECK(std::count(bad.begin(), bad.end(), false) > 5);
  bounds_bench::Uniforms uniform(11);
  std::size_t violations = 0, some = 0;
  for (std::size_t draw = 0; draw < draws; ++draw) {
    std::vector<Eigen::Index> rows;
    for (std::size_t i = 0; i < n; ++i) rows.push_back(static_cast<Eigen::Index>(uniform.below(pool.size())));
    weir::Trace calibration;
    for (const Eigen::Index i : rows) calibration.label.push_back(pool.label[static_cast<std::size_t>(i)]);
    for (const auto& s : pool.stages) {
      weir::StageTrace stage;
      stage.name = s.name;
      stage.loss = s.loss(rows);
      calibration.stages.push_back(std::move(stage));
    }
    const weir::detail::ExitTable exit = all.exit(rows, Eigen::all);
    const auto passes = weir::detail::reject_on_ring(opened.weights, delta, [&](std::size_t j) {
      return weir::detail::worst_p_value(weir::detail::limits_found(
          limits, calibration, exit, static_cast<Eigen::Index>(j), opened.first_open[j], delta));
    });
    bool violated = false, any = false;
    for (std::size_t j = 0; j < passes.size(); ++j) {
      violated = violated || (passes[j] && bad[j]);
      any = any || passes[j];
    }
    violations += violated ? 1 : 0;
    some += any ? 1 : 0;
  }
  CAPTURE(violations);
  CHECK(violations <= most_violations(draws, delta));
  CHECK(some > draws / 2);
}

}  // namespace WEIR_UNIT
