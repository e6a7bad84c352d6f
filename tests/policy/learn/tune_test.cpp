#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/folds.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/models/threshold_model.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

using weir::Budget;
using weir::Trace;
using weir::detail::Candidate;
using weir::detail::GateModel;

TEST_CASE("tune: takes the candidate that labels speak for, not the one that lessons do") {
  const Trace honest = weir_test::difficulty_trace(600, 3, 4);
  // Lessons turn the losses of the first stage round: what exits there is right where it says wrong.
  Trace misleading = honest;
  misleading.stages[0].loss = (1 - honest.stages[0].loss.array()).matrix();
  const auto topology = weir_test::chain_of(honest);
  const std::vector<Candidate> candidates{{"logistic", weir::detail::with_learner({}, "logistic")},
                                          {"threshold", weir::detail::with_learner({}, "threshold")}};
  const weir::detail::CrossValidation options{.folds = 3, .lambdas = 4};
  const Budget budget{.value = 0.05};
  const auto tuning = weir::detail::tune({misleading, honest}, topology, candidates, budget, options);
  for (std::size_t c = 0; c < candidates.size(); ++c)
    CHECK(tuning.cost[c] ==
          weir::detail::system_cost(
              weir::detail::cross_validate({misleading, honest}, topology, candidates[c].train, options), budget));
  CHECK(tuning.cost != weir::detail::tune(misleading, topology, candidates, budget, options).cost);
}

TEST_CASE("system_cost: read off a hull by hand") {
  std::vector<weir::Estimate> path(2);
  path[0] = {1, 0, 0.08, 0.08};  // one second at 8 % loss
  path[1] = {9, 0, 0.0, 0.0};    // nine seconds without
  Budget budget;
  budget.value = 0.04;
  const double half = 9 - 8 * 0.25, full = 5, twice = 1;
  CHECK(weir::detail::system_cost(path, budget) == doctest::Approx(std::cbrt(half * full * twice)));
  budget.on = weir::BudgetOn::cost;
  budget.value = 2;
  CHECK(weir::detail::system_cost(path, budget) == doctest::Approx((0.08 + 0.08 * 7 / 8 + 0.08 * 5 / 8) / 3));
  budget.value = 0.5;
  CHECK(std::isinf(weir::detail::system_cost(path, budget)));
}

TEST_CASE("tune: prefers the learner that sees more, and features without noise") {
  const Trace trace = weir_test::difficulty_trace(900, 3, 9, 40);
  const auto topology = weir_test::chain_of(trace);
  weir::TrainOptions base;
  base.passes = 0;
  const auto noise = [](std::string_view name) { return name.find("noise") != std::string_view::npos; };
  std::vector<Candidate> candidates{{"noise", base}, {"all", base}, {"told", base}};
  candidates[0].train.feature = noise;
  candidates[2].train.feature = [&](std::string_view name) { return !noise(name); };
  Budget budget;
  budget.value = 0.02;
  std::size_t last = 0;
  const auto tuning = weir::detail::tune(trace, topology, candidates, budget, {.folds = 3, .lambdas = 6},
                                         [&](std::size_t done, std::size_t total) {
                                           CHECK(total == 3);
                                           last = done;
                                         });
  CHECK(last == 3);
  CHECK(tuning.best == 2);
  CHECK(tuning.cost[2] < tuning.cost[1]);
  CHECK(tuning.cost[1] < tuning.cost[0]);
  CHECK_THROWS_AS(weir::detail::tune(trace, topology, {}, budget, {}), weir::ArgumentError);
}

TEST_CASE("tune: the first candidate stays unless another saves enough") {
  CHECK(weir::detail::least_saving(5000) == doctest::Approx(0.02));
  CHECK(weir::detail::least_saving(800) == doctest::Approx(0.05));
  CHECK(weir::detail::takes_over(0.97, 1, 1, 5000));
  CHECK(!weir::detail::takes_over(0.97, 1, 1, 800));
  CHECK(!weir::detail::takes_over(0.99, 1, 1, 5000));
  CHECK(!weir::detail::takes_over(0.9, 1, 0.8, 5000));
  CHECK(weir::detail::takes_over(1, INFINITY, INFINITY, 100));
  CHECK(!weir::detail::takes_over(INFINITY, INFINITY, INFINITY, 100));
  // The same twice: no reason to change.
  const Trace trace = weir_test::difficulty_trace(300, 3, 9);
  weir::TrainOptions base;
  base.passes = 0;
  std::vector<Candidate> candidates{{"first", base}, {"again", base}};
  Budget budget;
  budget.value = 0.02;
  CHECK(weir::detail::tune(trace, weir_test::chain_of(trace), candidates, budget, {.folds = 3, .lambdas = 4}).best ==
        0);
}

TEST_CASE("default candidates: predicted losses first, distinct names, features by group") {
  const auto all = weir::detail::default_candidates({});
  CHECK(all.front().train.learner == weir::detail::predicted_loss);
  for (std::size_t a = 0; a < all.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) CHECK(all[a].name != all[b].name);
  using namespace weir::detail::gate_features;
  CHECK(is_class("class_3"));
  CHECK(is_class("stem.class_3"));
  CHECK(!is_class("stem.margin"));
  CHECK(is_history("stem.margin"));
  CHECK(is_history("agree(stem)"));
  CHECK(!is_history("margin"));
  CHECK(own_confidence("margin"));
  CHECK(!own_confidence("agree(stem)"));
  CHECK(without_class("agree(stem)"));
}

TEST_CASE("TrainOptions::feature: gates learn from the chosen inputs alone and stay equal in JSON") {
  const Trace trace = weir_test::difficulty_trace(400, 3, 1);
  const auto topology = weir_test::chain_of(trace);
  weir::TrainOptions options;
  options.feature = weir::detail::gate_features::own_confidence;
  const auto point = weir::PolicyTrainer(trace, topology, options).train(0.002);
  Trace blind = trace;
  for (auto& s : blind.stages) s.prediction.assign(s.prediction.size(), 0);  // agreement is always 1 then
  CHECK(weir::evaluate(point.policy, trace).exit == weir::evaluate(point.policy, blind).exit);
  bool some = false;
  for (const weir::Gate& gate : point.policy.gates)
    for (const GateModel& model : gate.models()) {
      some = some || !model.columns().empty();
      GateModel back;
      from_json(nlohmann::json::parse(nlohmann::json(model).dump()), back);
      CHECK(back == model);
    }
  CHECK(some);
}

TEST_CASE("GateModel::reading: columns are picked, misuse is refused") {
  const GateModel high("threshold", weir::detail::ThresholdModel{1, 0, 0.5, 1, 0});
  const GateModel third = high.reading({2}, 4);
  CHECK(third.n_features() == 4);
  const std::vector<double> x{0, 0, 0.9, 0}, y{0.9, 0.9, 0, 0.9};
  CHECK(third.decision_function(x) > 0);
  CHECK(third.decision_function(y) <= 0);
  CHECK(third != high);
  CHECK_THROWS_AS(static_cast<void>(high.reading({}, 4)), weir::ArgumentError);
  CHECK_THROWS_AS(static_cast<void>(high.reading({4}, 4)), weir::ArgumentError);
  CHECK_THROWS_AS(static_cast<void>(high.reading({0, 1}, 4)), weir::ArgumentError);
  CHECK_THROWS_AS(static_cast<void>(third.reading({0}, 9)), weir::ArgumentError);
  CHECK_THROWS_AS(static_cast<void>(third.decision_function(std::vector<double>{1})), weir::ShapeError);
  nlohmann::json json = third;
  json["columns"] = {9};
  GateModel back;
  CHECK_THROWS_AS(from_json(json, back), weir::FormatError);
}

}  // namespace WEIR_UNIT
