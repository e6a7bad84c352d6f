#include "../../../bench/adapt/recorded.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/policy/measure/record_trace.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "../../policy/toy_cascade.hpp"

namespace WEIR_UNIT {

TEST_CASE(
    "adapt: a stage that is answered out of fold has prediction, loss, probabilities and features of that answer") {
  const auto spec = std::make_shared<weir::CascadeSpec>(
      std::vector<weir::Network>{toy_cascade::network("a", {7}, {toy_cascade::counter()}),
                                 toy_cascade::network("b", {7}, {toy_cascade::counter(), toy_cascade::counter()})},
      std::vector<weir::CascadeStage>{{"a", 0, "y", std::nullopt}, {"b", 1, "y", std::nullopt}},
      weir::Topology::chain({"a", "b"}));
  std::vector<int> label(40);
  for (std::size_t i = 0; i < label.size(); ++i) label[i] = static_cast<int>(i % 3);
  weir::CascadeExecutor cascade(spec, weir::Context());
  const weir::Loss loss("top1");
  const weir::Trace trace = weir::record_trace(cascade, toy_cascade::fill, label, loss, std::vector<weir::StageCost>(2),
                                               weir::cost_unit::seconds, 16, true);
  const weir::StageTrace &seen = trace.stages[0], &other = trace.stages[1];
  REQUIRE(seen.prediction != other.prediction);
  // A head that says what the other stage says: softmax(log p) = p.
  const Eigen::MatrixXf logits = other.probabilities.array().log();
  const weir::StageTrace s = adapt::with_answers(seen, logits, spec->features(0), label, loss);
  CHECK(s.name == "a");
  CHECK(s.prediction == other.prediction);
  CHECK(s.loss == other.loss);
  CHECK((s.probabilities - other.probabilities).cwiseAbs().maxCoeff() < 1e-5F);
  CHECK((s.features - other.features).cwiseAbs().maxCoeff() < 1e-4);
  CHECK((seen.features - other.features).cwiseAbs().maxCoeff() > 1e-2);
}

TEST_CASE("adapt: pooled features out of fold take the place of the stage's own, all others stay") {
  weir::StageTrace s;
  s.feature_names = {"max_probability", "pool_0", "pool_1"};
  s.features.resize(2, 3);
  s.features << 1, 2, 3, 4, 5, 6;
  Eigen::MatrixXd projected(2, 2), expected(2, 3);
  projected << 20, 30, 50, 60;
  expected << 1, 20, 30, 4, 50, 60;
  CHECK(adapt::with_pooled(s, projected).features == expected);
}

}  // namespace WEIR_UNIT
