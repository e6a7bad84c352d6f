#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/compare/rules/sub_chain.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>

#include "../../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

const weir::detail::Confidence by{"max_probability", true};

/// Where example i leaves, and what it paid: read from the trace.
std::pair<std::size_t, double> slowly(const weir::Trace& trace, const std::vector<std::size_t>& stages,
                                      double threshold, Eigen::Index i) {
  double cost = trace.stages[stages[0]].cost;
  for (std::size_t w = 0; w + 1 < stages.size(); ++w) {
    const weir::StageTrace& s = trace.stages[stages[w]];
    const auto column = static_cast<Eigen::Index>(weir::detail::feature_column(s, by.feature));
    if (s.features(i, column) >= threshold) return {stages[w], cost};
    cost += trace.step_cost(stages[w], stages[w + 1]);
  }
  return {stages.back(), cost};
}

}  // namespace

TEST_CASE("sub-chain: leaves where the example-by-example rule does, and runs no stage that it leaves out") {
  const auto trace = weir_test::difficulty_trace(200, 5, 3);
  const auto topology = weir_test::all_later_of(trace);
  for (const std::vector<std::size_t>& stages : {std::vector<std::size_t>{0, 4}, {0, 2, 4}, {0, 1, 3, 4}, {0, 3, 4}})
    for (const double threshold : {0.3, 0.6, 0.9}) {
      const std::vector<double> all(stages.size() - 1, threshold);
      const weir::Policy policy = weir::detail::threshold_policy(topology, trace, by, all, stages);
      double cost = 0, loss = 0;
      for (Eigen::Index i = 0; i < 200; ++i) {
        const auto [at, paid] = slowly(trace, stages, threshold, i);
        cost += paid, loss += trace.stages[at].loss(i);
      }
      const weir::Estimate e = weir::Estimate::of(weir::evaluate(policy, trace));
      CHECK(e.cost == doctest::Approx(cost / 200));
      CHECK(e.loss == doctest::Approx(loss / 200));
    }
}

TEST_CASE("sub-chain: greedy search adds the stages that lower the cost at the budget") {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    auto trace = weir_test::difficulty_trace(400, 4, seed);
    if (seed % 2 == 1) trace.stages[1].cost = 50;  // a stage that only costs
    const auto topology = weir_test::all_later_of(trace);
    const weir::Budget budget{.value = 0.04};
    const auto cost = [&](const std::vector<std::size_t>& stages) {
      const auto tuned = weir::detail::tune_threshold(topology, trace, by, budget, stages);
      return tuned ? tuned->calibration.cost : std::numeric_limits<double>::infinity();
    };
    const auto chain = weir::detail::greedy_sub_chain(topology, trace, by, {budget, 400, 400});
    const double found = cost(chain);
    double two = std::numeric_limits<double>::infinity(), three = two;
    for (std::size_t end = 1; end < 4; ++end) {
      two = std::min(two, cost({0, end}));
      for (std::size_t k = 1; k < end; ++k) three = std::min(three, cost({0, k, end}));
    }
    CHECK(chain.front() == 0);
    CHECK(found <= std::min(two, three));
    if (seed % 2 == 1) CHECK(std::find(chain.begin(), chain.end(), std::size_t{1}) == chain.end());
    const auto rule = weir::tune_rule("sub_chain", {topology, trace, trace, budget});
    REQUIRE(rule);
    CHECK(rule->calibration.cost <= found);  // other statistics are tried, too
    CHECK(rule->calibration.excess <= budget.value);
    const auto pair = weir::tune_rule("two_stages", {topology, trace, trace, budget});
    REQUIRE(pair);
    CHECK(pair->calibration.cost == two);
  }
}

TEST_CASE("sub-chain: ends at a cheap copy that loses nothing, and not at the full network behind it") {
  auto trace = weir_test::difficulty_trace(400, 4, 1);
  trace.stages.push_back(trace.stages.back());
  trace.stages.back().name = "original";
  trace.stages.back().cost *= 30;
  const auto topology = weir_test::all_later_of(trace);
  const weir::Budget budget{.value = 0.04};
  for (const auto& statistic : weir::detail::known_confidences())
    CHECK(weir::detail::greedy_sub_chain(topology, trace, statistic, {budget, 400, 400}).back() <= 3);
  for (const char* name : {"sub_chain", "two_stages"}) {
    const auto rule = weir::tune_rule(name, {topology, trace, trace, budget});
    REQUIRE(rule);
    CHECK(std::ranges::max(rule->evaluate(trace).exit) <= 3);
    CHECK(rule->calibration.cost < trace.stages[4].cost / 30);
  }
}

TEST_CASE("sub-chain: a chain of all stages has no way around one") {
  const auto trace = weir_test::difficulty_trace(50, 3, 1);
  const auto chain = weir_test::chain_of(trace);
  CHECK_THROWS_WITH_AS(weir::tune_rule("two_stages", {chain, trace, trace, {.value = 0.05}}),
                       "rule 'two_stages': no stage can be left out between 'stage0' and 'stage2'",
                       weir::ArgumentError);
}

}  // namespace WEIR_UNIT
