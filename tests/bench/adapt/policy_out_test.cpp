#include "../../../bench/adapt/policy_out.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../policy/synthetic_trace.hpp"
#include "../../policy/toy_cascade.hpp"

namespace WEIR_UNIT {

TEST_CASE("adapt: safer policies are those of smaller budgets that disagree clearly less, and the full network last") {
  adapt::TestedMode m;
  m.calibration.label.assign(100, 0);
  std::vector<weir::Network> networks;
  std::vector<weir::CascadeStage> stages;
  std::vector<std::string> names;
  const std::vector<std::size_t> differing{40, 30, 25, 10, 0};  // of 100 answers, by stage
  for (std::size_t k = 0; k < differing.size(); ++k) {
    names.push_back("stage" + std::to_string(k));
    weir::StageTrace s;
    s.name = names[k];
    s.cost = static_cast<double>(k + 1);
    s.feature_names = {"max_probability"};
    s.features = Eigen::MatrixXd::Zero(100, 1);
    s.loss = Eigen::VectorXd::Zero(100);
    for (std::size_t i = 0; i < 100; ++i) s.prediction.push_back(i < differing[k] ? 1 : 0);
    m.calibration.stages.push_back(s);
    stages.push_back({names[k], k, "y", std::nullopt});
    networks.push_back(toy_cascade::network(names[k], {7}, {toy_cascade::counter()}));
  }
  const auto topology = weir::Topology::all_later(names);
  m.spec = std::make_shared<weir::CascadeSpec>(networks, stages, topology);
  const auto at = [&](std::size_t k) { return weir::detail::fixed_policy(topology, m.calibration, k); };
  const auto learned = [&](double budget, std::size_t k) {
    weir::Choice choice;
    choice.policy = weir::MixedPolicy::pure(at(k));
    return adapt::Learned{budget, choice};
  };
  m.learned = learned(0.02, 0);
  // From the largest budget below the policy's own: 30 is less than 0.8 of 40, 25 is not less than 0.8 of 30.
  m.curve = {learned(0.001, 3), learned(0.005, 2), learned(0.01, 1), learned(0.02, 3), learned(0.05, 3)};
  const std::vector<weir::Policy> safer = adapt::safer_policies(m, 0.02);
  const auto exits = [&](const weir::Policy& p) {
    return weir::evaluate(weir::MixedPolicy::pure(p), m.calibration).exit.front();
  };
  REQUIRE(safer.size() == 3);
  CHECK(exits(safer[0]) == 1);
  CHECK(exits(safer[1]) == 3);
  CHECK(exits(safer[2]) == 4);
  // A mix is two policies, of which each may be one.
  m.curve = {learned(0.001, 3)};
  m.curve[0].choice.policy.b = at(1);
  m.curve[0].choice.policy.a = at(2);
  m.curve[0].choice.policy.p = 0.5;
  REQUIRE(adapt::safer_policies(m, 0.02).size() == 2);
  CHECK(exits(adapt::safer_policies(m, 0.02)[0]) == 2);  // 30 is not less than 0.8 of 25
  // Where the policy never differs there is nothing to go to.
  m.learned = learned(0.02, 4);
  CHECK(adapt::safer_policies(m, 0.02).empty());
  m.learned = learned(0.02, 0);
  m.curve.clear();
  REQUIRE(adapt::safer_policies(m, 0.02).size() == 1);
  CHECK(exits(adapt::safer_policies(m, 0.02)[0]) == 4);
}

}  // namespace WEIR_UNIT
