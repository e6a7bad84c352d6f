#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/compare/rules/rule_cascade.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/joined_answer.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../count_allocations.hpp"
#include "../../toy_cascade.hpp"

namespace WEIR_UNIT {

using toy_cascade::counter, toy_cascade::tensor;
using weir::CascadeExecutor, weir::CascadeSpec, weir::CascadeStage, weir::Topology;

namespace {

std::shared_ptr<const CascadeSpec> early_exit() {
  const auto a = toy_cascade::network("A", {2, 5, 6}, {counter(), counter(), counter()});
  const std::vector<CascadeStage> stages{{"a0", 0, tensor(0), toy_cascade::head(2, 1, 0.1F)},
                                         {"a1", 0, tensor(1), toy_cascade::head(8, 2, 0.2F)},
                                         {"a", 0, "y", std::nullopt}};
  return std::make_shared<CascadeSpec>(std::vector{a}, stages, Topology::chain({"a0", "a1", "a"}));
}

std::shared_ptr<const CascadeSpec> selection(bool all_later) {
  const std::vector<weir::Network> nets{
      toy_cascade::network("A", {2, 5, 6}, {counter()}), toy_cascade::network("BB", {7}, {counter(), counter()}),
      toy_cascade::network("CCC", {3, 4, 4}, {counter()}), toy_cascade::network("DDDD", {5}, {counter()})};
  const std::vector<std::string> names{"a", "b", "c", "d"};
  std::vector<CascadeStage> stages;
  for (std::size_t k = 0; k < 4; ++k) stages.push_back({names[k], k, "y", std::nullopt});
  return std::make_shared<CascadeSpec>(nets, stages, all_later ? Topology::all_later(names) : Topology::chain(names),
                                       !all_later);
}

/// What every stage answers on the toys' examples first .. first + n - 1, with probabilities. The full network is right
/// on most examples.
weir::Trace record(const std::shared_ptr<const CascadeSpec>& spec, std::size_t first, std::size_t n) {
  const auto rows = static_cast<Eigen::Index>(n);
  weir::Trace trace;
  for (std::size_t k = 0; k < spec->stages.size(); ++k) {
    trace.stages.push_back({spec->stages[k].name, 1e-4 * static_cast<double>(k + 1), spec->feature_names(),
                            Eigen::MatrixXd(rows, static_cast<Eigen::Index>(spec->feature_names().size())),
                            std::vector<int>(n), Eigen::VectorXd(rows)});
    trace.stages.back().probabilities.resize(rows, 3);
  }
  CascadeExecutor(spec, weir::Context())
      .record(
          n, [&](std::size_t net, std::size_t r, weir::View out) { toy_cascade::fill(net, first + r, out); },
          [&](std::size_t k, std::size_t r, int prediction, std::span<const float> p, std::span<const double> x) {
            weir::StageTrace& s = trace.stages[k];
            const auto at = static_cast<Eigen::Index>(r);
            s.prediction[r] = prediction;
            for (std::size_t f = 0; f < x.size(); ++f) s.features(at, static_cast<Eigen::Index>(f)) = x[f];
            for (std::size_t c = 0; c < 3; ++c) s.probabilities(at, static_cast<Eigen::Index>(c)) = p[c];
          });
  for (std::size_t i = 0; i < n; ++i)
    trace.label.push_back((trace.stages.back().prediction[i] + ((first + i) % 11 == 0 ? 1 : 0)) % 3);
  for (weir::StageTrace& s : trace.stages)
    for (std::size_t i = 0; i < n; ++i)
      s.loss(static_cast<Eigen::Index>(i)) = s.prediction[i] == trace.label[i] ? 0 : 1;
  return trace;
}

}  // namespace

TEST_CASE(
    "rule cascade: every rule stops on the run where the trace says, with the same answer, alone and in batches") {
  for (const auto& spec : {early_exit(), selection(false), selection(true)}) {
    const weir::Trace training = record(spec, 0, 120), calibration = record(spec, 120, 150),
                      test = record(spec, 270, 60);
    std::set<std::string> stopping;  // rules that let examples leave at two stages or more
    for (const weir::Rule& rule : weir::rules()) {
      CAPTURE(rule.name);
      if (weir::detail::lacks(rule, spec->topology, training) != "") continue;
      const auto tuned = weir::tune_rule(rule.name, {spec->topology, training, calibration, {.value = 0.25}});
      REQUIRE(tuned);
      const auto cascade = weir::detail::rule_cascade(spec, *tuned);
      const weir::Evaluation planned = tuned->evaluate(test);
      const weir::Trace seen = tuned->view ? tuned->view(test) : test;
      CascadeExecutor run(cascade, weir::Context());
      std::vector<weir::CascadeAnswer> batch;
      const weir::InputMaker all = [](std::size_t net, std::size_t r, weir::View out) {
        toy_cascade::fill(net, 270 + r, out);
      };
      CascadeExecutor batches(cascade, weir::Context());
      batches.run_batch(tuned->policy, test.size(), all, 0, batch);
      std::set<std::size_t> exits;
      for (std::size_t i = 0; i < test.size(); ++i) {
        const auto a = run.run_one(
            tuned->policy, [&](std::size_t net, std::size_t, weir::View out) { toy_cascade::fill(net, 270 + i, out); },
            i);
        CHECK(a.exit == planned.exit[i]);
        CHECK(a.label == seen.stages[a.exit].prediction[i]);
        CHECK(batch[i].exit == a.exit);
        CHECK(std::vector(batch[i].probabilities.begin(), batch[i].probabilities.end()) ==
              std::vector(a.probabilities.begin(), a.probabilities.end()));
        exits.insert(a.exit);
      }
      if (exits.size() > 1) stopping.insert(std::string(rule.name));
    }
    if (spec->topology.stages[0].next.size() == 1)  // where no budget lets a rule stop, equality shows nothing
      for (const char* name : {"max_probability", "mean_ensemble", "geometric_ensemble", "linear_gate", "exit_score"})
        CHECK(stopping.count(name) == 1);
  }
}

TEST_CASE("rule cascade: an ensemble answers with the joined probabilities, and at last alone") {
  const auto spec = selection(false);
  for (const weir::detail::Join kind : {weir::detail::Join::mean, weir::detail::Join::geometric}) {
    weir::TunedRule rule;
    rule.policy.a.topology = Topology::chain({"a", "b", "c", "d", "d alone"});
    rule.forms.assign(5, {kind, {}});
    rule.forms.back() = {};
    for (std::size_t k = 0; k < 5; ++k)
      rule.policy.a.gates.push_back(k == 4 ? weir::Gate{} : weir::Gate::constant(1, 2, (k + 1) * 9 + k));
    rule.policy = weir::MixedPolicy::pure(rule.policy.a);
    const auto cascade = weir::detail::rule_cascade(spec, rule);
    std::map<std::pair<std::size_t, std::size_t>, std::vector<float>> own, joined;
    const auto keep = [](auto& into) {
      return [&into](std::size_t k, std::size_t r, int, std::span<const float> p, std::span<const double>) {
        into[{k, r}] = {p.begin(), p.end()};
      };
    };
    CascadeExecutor(spec, weir::Context()).record(8, toy_cascade::fill, keep(own));
    CascadeExecutor(cascade, weir::Context()).record(8, toy_cascade::fill, keep(joined));
    for (std::size_t r = 0; r < 8; ++r) {
      for (std::size_t k = 0; k < 4; ++k) {
        std::vector<double> p(3, kind == weir::detail::Join::mean ? 0 : 1);
        double total = 0;
        for (std::size_t c = 0; c < 3; ++c) {
          for (std::size_t j = 0; j <= k; ++j) {
            const auto v = static_cast<double>(own[{j, r}][c]);
            p[c] = kind == weir::detail::Join::mean ? p[c] + v / static_cast<double>(k + 1)
                                                    : p[c] * std::pow(v, 1 / static_cast<double>(k + 1));
          }
          total += p[c];
        }
        for (std::size_t c = 0; c < 3; ++c)
          CHECK(static_cast<double>(joined[{k, r}][c]) == doctest::Approx(p[c] / total).epsilon(1e-5));
      }
      CHECK(joined[{0, r}] == own[{0, r}]);
      CHECK(joined[{4, r}] == own[{3, r}]);
      CHECK(joined[{3, r}] != own[{3, r}]);
    }
  }
}

TEST_CASE("rule cascade: after the first run nothing is allocated, whatever stages make of their answers") {
  const auto spec = early_exit();
  const weir::Trace training = record(spec, 0, 80), calibration = record(spec, 80, 80);
  for (const char* name : {"geometric_ensemble", "exit_score", "linear_gate"}) {
    CAPTURE(name);
    const auto tuned = weir::tune_rule(name, {spec->topology, training, calibration, {.value = 0.2}});
    REQUIRE(tuned);
    CascadeExecutor run(weir::detail::rule_cascade(spec, *tuned), weir::Context());
    const weir::InputMaker maker = toy_cascade::fill;
    const auto to_the_end = [](std::size_t, std::span<const double>) { return std::size_t{1}; };
    run.run_one_with(maker, 0, to_the_end);
    const std::size_t before = weir_test::allocations();
    run.run_one_with(maker, 0, to_the_end);
    CHECK(weir_test::allocations() == before);
  }
}

TEST_CASE("rule cascade: what does not fit is refused") {
  const auto spec = selection(false);
  const weir::Trace trace = record(spec, 0, 60);
  auto rule = *weir::tune_rule("linear_gate", {spec->topology, trace, trace, {.value = 0.2}});
  CHECK_NOTHROW(weir::detail::rule_cascade(spec, rule));
  CHECK_THROWS_AS(weir::detail::rule_cascade(early_exit(), rule), weir::ArgumentError);
  auto shorter = rule;
  shorter.policy.a.topology = shorter.policy.b.topology = Topology::chain({"a", "b"});
  CHECK_THROWS_AS(weir::detail::rule_cascade(spec, shorter), weir::ArgumentError);
  rule.forms[1].score->model = weir::detail::LinearModel::constant(1, 5);
  CHECK_THROWS_WITH_AS(weir::detail::rule_cascade(spec, rule),
                       "cascade, stage 'b': a score of 5 inputs, the stage has 4", weir::ShapeError);
}

}  // namespace WEIR_UNIT
