#include "../../../bench/adapt/search.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/learn/topology_search.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../policy/synthetic_trace.hpp"
#include "../../policy/toy_cascade.hpp"

namespace WEIR_UNIT {

namespace {

/// A stage that is right below this difficulty, in [0, 1], and whose one feature is the difficulty.
weir::StageTrace stage(const std::string& name, const std::string& network, double cost, double right_below,
                       const std::vector<double>& difficulty) {
  weir::StageTrace s;
  s.name = name;
  s.network = network;
  s.cost = cost;
  s.feature_names = {"max_probability"};
  const auto n = static_cast<Eigen::Index>(difficulty.size());
  s.features.resize(n, 1);
  s.loss.resize(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const double d = difficulty[static_cast<std::size_t>(i)];
    s.features(i, 0) = 10 * (right_below - d);
    s.loss(i) = d < right_below ? 0 : 1;
    s.prediction.push_back(d < right_below ? 0 : 1);
  }
  return s;
}

/// Network a with an exit a0 inside, c, and the full network. Beside the full network alone c saves most; then neither
/// a0 nor a saves anything more. Together, without c, they save most of all.
adapt::PricedMode pool() {
  std::vector<double> difficulty(1200);
  for (std::size_t i = 0; i < difficulty.size(); ++i) difficulty[i] = weir::detail::counter_uniform(3, i);
  adapt::PricedMode m;
  m.lessons.label.assign(difficulty.size(), 0);
  m.lessons.stages = {stage("a0", "a", 20, 0.35, difficulty), stage("a", "a", 25, 0.7, difficulty),
                      stage("c", "c", 30, 0.6, difficulty), stage("full", "full", 100, 2, difficulty)};
  m.policy = m.lessons;
  m.nets = {0, 1, 2};
  const auto net = [](const std::string& name) { return toy_cascade::network(name, {7}, {toy_cascade::counter()}); };
  m.spec = std::make_shared<weir::CascadeSpec>(
      std::vector<weir::Network>{net("a"), net("c"), net("full")},
      std::vector<weir::CascadeStage>{{"a0", 0, toy_cascade::tensor(0), toy_cascade::head(7, 1, 1.0F)},
                                      {"a", 0, "y", std::nullopt},
                                      {"c", 1, "y", std::nullopt},
                                      {"full", 2, "y", std::nullopt}},
      weir::Topology::chain({"a0", "a", "c", "full"}));
  return m;
}

weir::SearchOptions options() {
  weir::SearchOptions o;
  o.budget.value = 0.03;
  o.train.passes = 0;
  o.validation.lambdas = 6;
  o.least_gain = 0.01;
  o.max_stages = 3;
  return o;
}

}  // namespace

TEST_CASE("adapt: a greedy search misses stages of a network that save only together; best_topology finds them") {
  const adapt::PricedMode m = pool();
  weir::SearchOptions o = options();
  const weir::FoundTopology all = adapt::best_topology(m, o);  // few enough to try all
  CHECK(all.cost == weir::search_topologies(m.lessons, o).front().cost);
  CHECK(all.stages == std::vector<std::size_t>{0, 1, 3});
  o.exhaustive = 1;
  const weir::FoundTopology greedy = weir::search_topologies(m.lessons, o).front(), best = adapt::best_topology(m, o);
  CHECK(greedy.stages == std::vector<std::size_t>{2, 3});
  CHECK(best.stages == all.stages);
  CHECK(best.cost < 0.98 * greedy.cost);
  // What may not be is asked of the pool's stages, in the search of one network too.
  o.usable = [](const std::vector<std::size_t>& stages, const weir::Topology&) {
    return stages != std::vector<std::size_t>{0, 1, 3};
  };
  CHECK(adapt::best_topology(m, o).stages != all.stages);
}

}  // namespace WEIR_UNIT
