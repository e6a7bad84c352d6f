#include <doctest/doctest.h>

#include <weir/core/plan/band_group.hpp>
#include <weir/policy/compare/oracle.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/hinge_solver.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

weir::detail::ActionTable random_actions(const weir::Topology& topology, std::size_t n, std::uint64_t seed) {
  weir::detail::ActionTable actions;
  std::uint64_t counter = 0;
  for (std::size_t k = 0; k < topology.size(); ++k) {
    actions.emplace_back();
    for (std::size_t i = 0; i < n; ++i)
      actions[k].push_back(static_cast<std::uint8_t>(weir::detail::counter_uniform(seed, counter++) *
                                                     static_cast<double>(topology.n_actions(k))));
  }
  return actions;
}

}  // namespace

TEST_CASE("Objective: a chain of three by hand, as in the paper's recursion") {
  weir::Trace trace;
  trace.label = {0};
  for (const auto& [seconds, loss] : {std::pair{1.0, 1.0}, {2.0, 0.0}, {4.0, 0.25}})
    trace.stages.push_back({"s" + std::to_string(trace.stages.size()),
                            seconds,
                            {},
                            Eigen::MatrixXd(1, 0),
                            {0},
                            Eigen::VectorXd::Constant(1, loss)});
  const auto topology = weir_test::chain_of(trace);
  const auto R = weir::detail::charged_loss(trace, weir::detail::LossSide::excess);
  CHECK(R == Eigen::MatrixXd{{0.75, 0, 0}});
  CHECK(weir::detail::charged_loss(trace, weir::detail::LossSide::difference) == Eigen::MatrixXd{{0.75, -0.25, 0}});
  const weir::detail::Objective objective{topology, trace, R, 10};
  // Gate 1 goes on: J_2 = 2 + 4 beyond gate 0, whose exit costs 10 * 0.75.
  const weir::detail::ActionTable actions = {{0}, {1}, {0}};
  const auto V = objective.cost_to_go(actions);
  CHECK(V[2](0) == 0);
  CHECK(V[1](0) == 4);
  CHECK(objective.action_costs(0, V) == weir::detail::RowMatrix{{7.5, 6}});
  CHECK(objective.path_costs(actions)(0) == 1 + 7.5);
  CHECK(objective.path_costs({{1}, {1}, {0}})(0) == 1 + 2 + 4);
}

TEST_CASE("Objective: cost above the best = sum of weights on mistakes, at each gate, on random graphs") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto trace = weir_test::difficulty_trace(50, 2 + seed % 6, seed, 0);
    const auto topology = seed % 3 == 0 ? weir_test::chain_of(trace) : weir_test::random_dag(trace, seed);
    const auto side = seed % 2 == 0 ? weir::detail::LossSide::excess : weir::detail::LossSide::difference;
    const auto R = weir::detail::charged_loss(trace, side);
    const weir::detail::Objective objective{topology, trace, R, 1e-3 * static_cast<double>(1 + seed)};
    const auto actions = random_actions(topology, trace.size(), seed);
    const auto V = objective.cost_to_go(actions);
    for (std::size_t k = 0; k < topology.size(); ++k) {
      const auto c = objective.action_costs(k, V);
      double above = 0, weights = 0;
      for (Eigen::Index i = 0; i < c.rows(); ++i) {
        Eigen::Index best = 0;
        above += V[k](i) - c.row(i).minCoeff(&best);
        // The pair (taken, best): its label says best, its weight is |c_taken - c_best|.
        const auto taken = actions[k][static_cast<std::size_t>(i)];
        if (c(i, taken) != c(i, best)) weights += std::abs(c(i, taken) - c(i, best));
      }
      CHECK(above == doctest::Approx(weights).epsilon(1e-12));
      if (topology.n_actions(k) != 2) continue;
      double binary = 0;  // the paper's form: label [J < S], weight |J - S|
      for (Eigen::Index i = 0; i < c.rows(); ++i) {
        const int label = c(i, 1) < c(i, 0) ? 1 : 0;
        if (label != actions[k][static_cast<std::size_t>(i)]) binary += std::abs(c(i, 1) - c(i, 0));
      }
      CHECK(above == doctest::Approx(binary).epsilon(1e-12));
    }
  }
}

TEST_CASE("Objective: regrets against the oracle's cost to go add up along each way") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto trace = weir_test::difficulty_trace(30, 6, seed, 0);
    const auto topology = weir_test::random_dag(trace, seed);
    const auto R = weir::detail::charged_loss(trace, weir::detail::LossSide::excess);
    const double lambda = 3e-3;
    const weir::detail::Objective objective{topology, trace, R, lambda};
    std::vector<Eigen::VectorXd> best(topology.size());
    for (std::size_t k = topology.size(); k-- > 0;) best[k] = objective.action_costs(k, best).rowwise().minCoeff();
    const auto actions = random_actions(topology, trace.size(), seed);
    const Eigen::VectorXd cost = objective.path_costs(actions);
    for (std::size_t i = 0; i < trace.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      double regret = 0;
      for (const std::size_t k : weir::detail::follow(topology, actions, i).visited)
        regret += objective.action_costs(k, best)(row, actions[k][i]) - best[k](row);
      CHECK(cost(row) - (trace.stages[0].cost + best[0](row)) == doctest::Approx(regret).epsilon(1e-12));
    }
    CHECK(weir::detail::lagrangian(weir::lagrangian_oracle(topology, trace, lambda), lambda,
                                   weir::detail::LossSide::excess) ==
          doctest::Approx(best[0].mean() + trace.stages[0].cost));
  }
}

TEST_CASE("Objective: path costs are what an evaluation of the same policy measures; reach follows the walk") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto trace = weir_test::difficulty_trace(30, 5, seed);
    const auto topology = weir_test::random_dag(trace, seed);
    for (const auto side : {weir::detail::LossSide::excess, weir::detail::LossSide::difference}) {
      const auto policy = weir::train(trace, topology, 2e-3, {.learner = "threshold", .side = side});
      const auto actions = weir::detail::action_table(policy, trace);
      const auto R = weir::detail::charged_loss(trace, side);
      const weir::detail::Objective objective{topology, trace, R, 2e-3};
      CHECK(objective.path_costs(actions).mean() ==
            doctest::Approx(weir::detail::lagrangian(weir::evaluate(policy, trace), 2e-3, side)).epsilon(1e-12));
      const auto reach = weir::detail::reached(topology, actions);
      for (std::size_t i = 0; i < trace.size(); ++i) {
        std::vector<bool> visited(topology.size(), false);
        for (const auto k : weir::detail::route(policy, trace, i).visited) visited[k] = true;
        for (std::size_t k = 0; k < topology.size(); ++k) CHECK(reach[k][i] == visited[k]);
      }
    }
  }
}

}  // namespace WEIR_UNIT
