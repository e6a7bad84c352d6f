#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <weir/policy/choose/guarantee.hpp>
#include <weir/policy/compare/rules/free_end.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/run/topology.hpp>

#include "../../probability_trace.hpp"
#include "../../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

/// The trace with its full network once more behind it, thirty times as dear: the one before is a copy that loses
/// nothing.
weir::Trace with_dear_original(weir::Trace trace) {
  weir::StageTrace original = trace.stages.back();
  original.name = "original";
  original.cost *= 30;
  trace.stages.push_back(std::move(original));
  return trace;
}

/// Examples that get to the last stage.
std::size_t at_original(const weir::TunedRule& rule, const weir::Trace& trace) {
  return static_cast<std::size_t>(std::ranges::count_if(
      rule.evaluate(trace).exit, [&](std::size_t exit) { return exit >= trace.stages.size() - 1; }));
}

}  // namespace

TEST_CASE("free end: the walks are a walk and its beginnings, down to two stages") {
  using weir::detail::Walk;
  CHECK(weir::detail::with_free_end({0, 2, 3, 5}) == std::vector<Walk>{{0, 2}, {0, 2, 3}, {0, 2, 3, 5}});
  CHECK(weir::detail::with_free_end({0}) == std::vector<Walk>{{0}});
}

TEST_CASE("free end: no rule pays for the full network behind a copy that loses nothing") {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const auto short_training = weir_test::probability_trace(400, 3, 5, 2 * seed + 1),
               short_calibration = weir_test::probability_trace(600, 3, 5, 2 * seed + 2);
    const auto training = with_dear_original(short_training), calibration = with_dear_original(short_calibration);
    for (const weir::Budget& budget :
         {weir::Budget{.value = 0.04}, weir::Budget{.value = 0.04, .margin = weir::Margin::upper_limit}})
      for (const bool all_later : {false, true}) {
        const auto topology_of = all_later ? weir_test::all_later_of : weir_test::chain_of;
        for (const weir::Rule& rule : weir::rules()) {
          CAPTURE(rule.name);
          CAPTURE(seed);
          if (rule.name == "random") continue;  // dealt out
          if (!weir::detail::lacks(rule, topology_of(training), training).empty()) continue;
          const auto tuned = weir::tune_rule(rule.name, {topology_of(training), training, calibration, budget});
          REQUIRE(tuned);
          CHECK(tuned->calibration.excess <= budget.value);
          // What an ensemble makes of the copy's answer is not the copy's; only its very last answer is the full
          // network's own.
          if (rule.name.ends_with("ensemble")) continue;
          CHECK(at_original(*tuned, calibration) == 0);
          if (rule.name == "linear_gate") continue;  // its prices are in units of the full network's cost
          // Otherwise it is as if the copy were the full network.
          const auto alone =
              weir::tune_rule(rule.name, {topology_of(short_training), short_training, short_calibration, budget});
          REQUIRE(alone);
          CHECK(tuned->calibration.cost <= alone->calibration.cost * (1 + 1e-9));
        }
      }
  }
}

TEST_CASE(
    "free end: no rule ends at a copy that loses nearly the whole budget by itself where that must be certified") {
  // The copy is wrong on 9 of 1,000 examples that its original gets right. 2,000 calibration examples certify 1 % with
  // at most 13 regressions, so nothing that ends at the copy will pass.
  const auto with_poor_copy = [](std::uint64_t seed) {
    auto trace = with_dear_original(weir_test::probability_trace(2000, 3, 5, seed));
    std::size_t n = 0;
    for (Eigen::Index i = 0; i < 2000 && n < 18; ++i)
      if (trace.stages[3].loss(i) == 0) {
        trace.stages[2].loss(i) = 1;
        ++n;
      }
    return trace;
  };
  const auto training = with_poor_copy(1), calibration = with_poor_copy(2);
  const weir::Budget budget{.value = 0.01, .margin = weir::Margin::upper_limit};
  for (const bool all_later : {false, true}) {
    const auto topology = all_later ? weir_test::all_later_of(training) : weir_test::chain_of(training);
    for (const weir::Rule& rule : weir::rules()) {
      CAPTURE(rule.name);
      if (rule.name == "random" || rule.name == "fixed_exit" || rule.name == "patience") continue;  // few certify 1 %
      if (!weir::detail::lacks(rule, topology, training).empty()) continue;
      const auto tuned = weir::tune_rule(rule.name, {topology, training, calibration, budget});
      REQUIRE(tuned);
      CHECK(tuned->calibration.excess <= 13 / 2000.0);
      CHECK(at_original(*tuned, calibration) < 2000);  // not the full network for all
    }
  }
}

TEST_CASE("free end: what a walk must show on the training trace") {
  const weir::Budget plain{.value = 0.01};
  const weir::Budget certified{.value = 0.01, .margin = weir::Margin::upper_limit};
  std::vector<weir::Budget> asked;
  const auto answer = [&](bool safe, bool kept) {
    return [&asked, safe, kept](const weir::detail::Walk&, const weir::Budget& b) -> std::optional<weir::Estimate> {
      asked.push_back(b);
      if (b.margin == weir::Margin::none && b.value < 0.01 ? !safe : !kept) return std::nullopt;
      return weir::Estimate{b.margin == weir::Margin::none ? 1.0 : 2.0, 0, 0, 0};
    };
  };
  const weir::detail::TrainingBudget without(plain, 5000, 5000), with(certified, 5000, 5000);
  CHECK(without.best_on({0, 1}, answer(false, true))->cost == 1);
  CHECK(asked.size() == 1);  // no second question without a margin
  CHECK(!without.best_on({0, 1}, answer(true, false)));
  CHECK(with.best_on({0, 1}, answer(true, true))->cost == 2);
  CHECK(!with.best_on({0, 1}, answer(false, true)));
  CHECK(!with.best_on({0, 1}, answer(true, false)));
  CHECK(with.safest.value == weir::detail::nearly_certain_risk(5000, 5000, 0.01, 0.05));
  CHECK(with.safest.value < 38 / 5000.0);  // what 5,000 examples certify
  CHECK(weir::detail::TrainingBudget(certified, 5000, 100).safest.value == 0);
}

TEST_CASE(
    "free end: a copy that fails on the calibration trace leaves the full network, and no second family is tested") {
  const auto training = with_dear_original(weir_test::probability_trace(400, 3, 5, 1));
  auto calibration = with_dear_original(weir_test::probability_trace(600, 3, 5, 2));
  for (Eigen::Index i = 0; i < 100; ++i) {
    calibration.stages[2].loss(i) = 1;
    calibration.stages[3].loss(i) = 0;
  }
  const auto topology = weir_test::chain_of(training);
  for (const char* name :
       {"max_probability", "entropy", "margin", "patience", "geometric_exits", "greedy_thresholds"}) {
    CAPTURE(name);
    const auto tuned =
        weir::tune_rule(name, {topology, training, calibration, {.value = 0.04, .margin = weir::Margin::upper_limit}});
    REQUIRE(tuned);
    CHECK(at_original(*tuned, calibration) == 600);
    const auto plain = weir::tune_rule(name, {topology, training, calibration, {.value = 0.04}});
    REQUIRE(plain);
    CHECK(plain->calibration.excess <= 0.04);
  }
}

}  // namespace WEIR_UNIT
