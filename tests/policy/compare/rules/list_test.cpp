#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <weir/core/examples.hpp>
#include <weir/core/isa.hpp>
#include <weir/policy/compare/rules/fixed_exit.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/run/topology.hpp>

#include "../../probability_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("rules: each keeps the budget on calibration, and what it reports is what it does") {
  const auto training = weir_test::probability_trace(300, 4, 5, 1),
             calibration = weir_test::probability_trace(400, 4, 5, 2),
             test = weir_test::probability_trace(200, 4, 5, 3);
  const double full = weir::detail::cheapest_costs(weir_test::chain_of(test), test).back();
  for (const auto& topology : {weir_test::chain_of(training), weir_test::all_later_of(training)})
    for (const double value : {0.0, 0.01, 0.05}) {
      const weir::RuleData data{topology, training, calibration, {.value = value}};
      for (const weir::Rule& rule : weir::rules()) {
        CAPTURE(rule.name);
        if (weir::detail::lacks(rule, topology, training) != "") continue;  // a sub-chain of a chain of all stages
        const auto tuned = weir::tune_rule(rule.name, data);
        REQUIRE(tuned);
        CHECK(tuned->name == rule.name);
        CHECK(tuned->calibration.excess <= value);
        const auto again = tuned->evaluate(calibration);
        CHECK(weir::Estimate::of(again).cost == doctest::Approx(tuned->calibration.cost).epsilon(1e-12));
        CHECK(weir::Estimate::of(again).excess == doctest::Approx(tuned->calibration.excess).epsilon(1e-12));
        // Losses are against the full network also where a view changes the answers.
        const auto e = tuned->evaluate(test);
        for (std::size_t i = 0; i < 200; ++i)
          CHECK(e.loss(static_cast<Eigen::Index>(i)) - e.difference(static_cast<Eigen::Index>(i)) ==
                test.stages[3].loss(static_cast<Eigen::Index>(i)));
        if (tuned->view || rule.name == "patience") continue;
        CHECK(tuned->policy.a.topology == topology);
      }
      // All but the ones that look at nobody save time where loss may be added.
      if (value == 0.05)
        for (const weir::Rule& rule : weir::rules())
          if (rule.name != "fixed_exit" && rule.name != "random" && topology.stages[0].next.size() == 1 &&
              weir::detail::lacks(rule, topology, training).empty())
            CHECK(weir::tune_rule(rule.name, data)->calibration.cost < 0.97 * full);
    }
}

TEST_CASE("rules: with an upper limit the limit holds on calibration for each of them") {
  const auto training = weir_test::probability_trace(500, 3, 5, 1),
             calibration = weir_test::probability_trace(800, 3, 5, 2);
  const auto topology = weir_test::all_later_of(training);
  const weir::Budget budget{.value = 0.03, .margin = weir::Margin::upper_limit};
  for (const weir::Rule& rule : weir::rules()) {
    CAPTURE(rule.name);
    const auto tuned = weir::tune_rule(rule.name, {topology, training, calibration, budget});
    REQUIRE(tuned);
    const auto regressions = weir::paired_counts(tuned->evaluate(calibration)).regressions;
    CHECK((regressions == 0 || weir::clopper_pearson_upper(regressions, 800) <= 0.03));
  }
}

TEST_CASE("rules: random goes along the hull of the fixed exits") {
  const auto trace = weir_test::probability_trace(2000, 3, 5, 7);
  const auto topology = weir_test::chain_of(trace);
  std::vector<weir::detail::TradeoffPoint> points;
  for (std::size_t k = 0; k < 3; ++k) {
    const auto e = weir::evaluate(weir::detail::fixed_policy(topology, trace, k), trace);
    points.push_back({e.mean_cost(), e.mean_excess()});
  }
  for (const double value : {0.02, 0.1, 0.2}) {
    const auto tuned = weir::detail::tune_random({topology, trace, trace, {.value = value}});
    REQUIRE(tuned);
    const auto best =
        weir::detail::mixed(points, *weir::detail::at_loss(points, weir::detail::lower_hull(points), value));
    CHECK(tuned->calibration.cost == doctest::Approx(best.cost).epsilon(0.05));
    CHECK(tuned->calibration.excess <= value);
  }
}

TEST_CASE("rules: names are unique, an unknown one is answered with the known ones") {
  const auto names = weir::rule_names();
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
  try {
    weir::find_rule("energy");
    FAIL("not refused");
  } catch (const weir::ArgumentError& error) {
    const std::string what = error.what();
    CHECK(what.rfind("rule 'energy' is unknown; known: random, ", 0) == 0);
    for (const auto& name : names) CHECK(what.find(name) != std::string::npos);
  }
}

TEST_CASE("rules: what a rule needs and the trace lacks is named") {
  const auto trace = weir_test::difficulty_trace(50, 3, 1);
  const auto topology = weir_test::chain_of(trace);
  const weir::RuleData data{topology, trace, trace, {.value = 0.05}};
  for (const char* name : {"geometric_ensemble", "mean_ensemble", "linear_gate", "exit_score"})
    CHECK_THROWS_WITH_AS(weir::tune_rule(name, data),
                         ("rule '" + std::string(name) + "': stage 'stage0' has no class probabilities").c_str(),
                         weir::ArgumentError);
  for (const char* name : {"random", "fixed_exit", "max_probability", "entropy", "margin", "patience",
                           "geometric_exits", "greedy_thresholds"})
    CHECK(weir::tune_rule(name, data));
  auto poor = trace;
  poor.stages[1].feature_names[0] = "something";
  for (const char* name : {"max_probability", "geometric_exits", "greedy_thresholds"})
    CHECK_THROWS_WITH_AS(weir::tune_rule(name, {topology, poor, poor, {.value = 0.05}}),
                         ("rule '" + std::string(name) + "': stage 'stage1' has no feature 'max_probability'").c_str(),
                         weir::ArgumentError);
  weir::Topology skip = topology;
  skip.stages[0].next = {1, 2};
  skip.stages[1].next = {};
  CHECK_THROWS_AS(weir::tune_rule("patience", {skip, trace, trace, {.value = 0.05}}), weir::ArgumentError);
  auto broken = trace;
  broken.stages[1].features(3, 0) = NAN;
  CHECK_THROWS_AS(weir::tune_rule("max_probability", {topology, trace, broken, {.value = 0.05}}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::tune_rule("greedy_thresholds", {topology, broken, trace, {.value = 0.05}}),
                  weir::ArgumentError);
}

TEST_CASE("rules: all that the traces suffice for, each within the budget; what is left out is named") {
  auto trace = weir_test::difficulty_trace(300, 4, 2);
  std::vector<std::string> left_out;
  const auto names = [&](const weir::Topology& topology) {
    left_out.clear();
    std::vector<std::string> all;
    for (const auto& rule :
         weir::tuned_rules({topology, trace, trace, {.value = 0.03}},
                           [&](std::string_view name, const std::string&) { left_out.emplace_back(name); })) {
      all.push_back(rule.name);
      CHECK(rule.calibration.excess <= 0.03);
      CHECK(weir::Estimate::of(rule.evaluate(trace)).excess == rule.calibration.excess);
    }
    return all;
  };
  using Names = std::vector<std::string>;
  CHECK(names(weir_test::chain_of(trace)) == Names{"random", "fixed_exit", "max_probability", "entropy", "margin",
                                                   "patience", "geometric_exits", "greedy_thresholds"});
  const std::vector<weir::TunedRule> some = weir::tuned_rules(
      {weir_test::chain_of(trace), trace, trace, {.value = 0.03}}, {}, {"margin", "two_stages", "random"});
  REQUIRE(some.size() == 2);  // a chain cannot skip stages
  CHECK(some[0].name == "margin");
  CHECK(some[1].name == "random");
  CHECK_THROWS_AS(weir::tuned_rules({weir_test::chain_of(trace), trace, trace, {.value = 0.03}}, {}, {"nonsense"}),
                  weir::ArgumentError);
  // Sub-chains of a chain mean nothing: that is not worth a word.
  CHECK(left_out == Names{"geometric_ensemble", "mean_ensemble", "linear_gate", "exit_score"});
  CHECK_FALSE(weir::detail::applies(weir::find_rule("two_stages"), weir_test::chain_of(trace)));
  CHECK(weir::detail::applies(weir::find_rule("two_stages"), weir_test::all_later_of(trace)));
  CHECK(names(weir_test::all_later_of(trace)) == Names{"random", "fixed_exit", "max_probability", "entropy", "margin",
                                                       "patience", "geometric_exits", "greedy_thresholds", "two_stages",
                                                       "sub_chain"});
  CHECK(left_out == Names{"geometric_ensemble", "mean_ensemble", "linear_gate", "exit_score"});
  trace.stages[1].feature_names[1] = "something";
  CHECK(names(weir_test::chain_of(trace)) == std::vector<std::string>{"random", "fixed_exit", "max_probability",
                                                                      "margin", "patience", "geometric_exits",
                                                                      "greedy_thresholds"});
  CHECK(left_out.front() == "entropy");
  trace = weir_test::probability_trace(200, 3, 4, 1);
  CHECK(names(weir_test::all_later_of(trace)) == weir::rule_names());
  CHECK(left_out.empty());
}

}  // namespace WEIR_UNIT
