/// Cascades of toy networks in every form, and what they must answer, by plain means.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>

#include "toy_cascade.hpp"

namespace cascade_cases {

using toy_cascade::counter, toy_cascade::Counter, toy_cascade::tensor;
using weir::CascadeAnswer, weir::CascadeSpec, weir::CascadeStage, weir::Topology, weir::View;

using Stages = std::vector<CascadeStage>;

/// Networks A (images), B (vectors), C (images) with counters for every wave.
struct Toys {
  std::vector<Counter> a{counter(), counter(), counter()}, b{counter(), counter()}, c{counter()};
  std::int64_t fixed_batch = 0;
  std::vector<weir::Network> networks() const {
    return {toy_cascade::network("A", {2, 5, 6}, a, fixed_batch), toy_cascade::network("BB", {7}, b),
            toy_cascade::network("CCC", {3, 4, 4}, c)};
  }
};

inline const CascadeStage a0{"a0", 0, tensor(0), toy_cascade::head(2, 1, 0.1F)},
    a1{"a1", 0, tensor(1), toy_cascade::head(8, 2, 0.2F)}, a{"a", 0, "y", std::nullopt},
    b0{"b0", 1, tensor(0), toy_cascade::head(7, 1, 0.3F)}, b{"b", 1, "y", std::nullopt}, c{"c", 2, "y", std::nullopt};

/// A stage whose head reads the logits of another one behind the pooled values of its own layer.
inline CascadeStage seeing(const CascadeStage& stage, const std::string& other) {
  CascadeStage s = stage;
  s.head = toy_cascade::head(stage.head->n_pooled() + 3, stage.head->pool().grid, 0.7F).seeing_earlier();
  s.sees = other;
  return s;
}

struct Case {
  std::string name;
  Stages stages;
  Topology topology;
  bool flows;
};

inline std::vector<Case> cases() {
  return {
      {"early exit", {a0, a1, a}, Topology::chain({"a0", "a1", "a"}), true},
      {"selection", {a, b, c}, Topology::all_later({"a", "b", "c"}), true},
      {"left inside A, on in B and C",
       {a0, a1, a, b0, b, c},
       {{{"a0", {1, 3}}, {"a1", {2, 5}}, {"a", {5}}, {"b0", {4, 5}}, {"b", {5}}, {"c", {}}}},
       true},
      {"exits may be skipped", {a0, a1, a}, Topology::all_later({"a0", "a1", "a"}), false},
      {"B is entered at two places", {a, b0, c, b}, {{{"a", {1, 3}}, {"b0", {2}}, {"c", {}}, {"b", {}}}}, false},
      {"exits see those before", {a0, seeing(a1, "a0"), a}, Topology::chain({"a0", "a1", "a"}), true},
      {"an exit is seen past others",
       {b, a0, a1, seeing({"a2", 0, tensor(2), a1.head}, "a0"), a},
       {{{"b", {1}}, {"a0", {2, 3}}, {"a1", {3}}, {"a2", {4}}, {"a", {}}}},
       false},
      {"one stage", {c}, Topology::chain({"c"}), true},
  };
}

inline std::shared_ptr<const CascadeSpec> make(const Case& t, const Toys& toys) {
  return std::make_shared<CascadeSpec>(toys.networks(), t.stages, t.topology);
}

/// Mixes that exit early, late, and in between, so that all stages are reached by some example and left by another.
inline std::vector<weir::MixedPolicy> mixes(const std::shared_ptr<const CascadeSpec>& spec) {
  std::vector<weir::MixedPolicy> all;
  for (const double share : {0.0, 0.3, 0.6, 0.8, 1.0})
    all.push_back(weir::MixedPolicy::pure(toy_cascade::policy(spec, share)));
  all.push_back({toy_cascade::policy(spec, 0.4), toy_cascade::policy(spec, 0.9), 0.4, 7});
  return all;
}

/// A maker whose row 0 is example `first`.
inline weir::InputMaker from(std::size_t first) {
  return [first](std::size_t network, std::size_t row, View out) { toy_cascade::fill(network, first + row, out); };
}

struct Expected {
  int label = -1;
  std::vector<std::size_t> visited;
  std::vector<float> probabilities;
};

/// The same by plain means: a fresh executor for every stage, no resume, no batch.
inline Expected reference(const CascadeSpec& spec, const weir::MixedPolicy& mixed, std::size_t example) {
  const weir::Policy& policy = mixed.pick(example);
  std::vector<std::vector<double>> features(spec.stages.size());
  std::vector<weir::detail::StageAnswer> answers(spec.stages.size());
  std::vector<std::vector<float>> logits(spec.stages.size(), std::vector<float>(3));
  Expected e;
  for (std::size_t k = 0;;) {
    const CascadeStage& s = spec.stages[k];
    const weir::Network& net = spec.network(s.network);
    weir::Tensor x(net.input_shape());
    toy_cascade::fill(s.network, example, x.view());
    weir::Executor run(net);
    run.begin(x);
    const weir::ConstView y = run.advance_to(s.tensor);
    e.probabilities.assign(3, 0);
    std::vector<float> scratch(100);
    if (s.head) {
      s.head->pool()(y.data, spec.example_shape(k), scratch.data());
      for (std::size_t j = 0; j < k; ++j)
        if (spec.stages[j].name == s.sees)
          std::copy(logits[j].begin(), logits[j].end(), scratch.begin() + static_cast<long>(s.head->n_pooled()));
      s.head->logits_pooled(scratch.data(), logits[k]);
    } else {
      logits[k].assign(y.span().begin(), y.span().end());
    }
    weir::detail::softmax(logits[k], e.probabilities);
    features[k].resize(spec.feature_names().size());
    e.label = weir::detail::confidence_features(e.probabilities, features[k]);
    answers[k] = {e.label, features[k]};
    e.visited.push_back(k);
    std::vector<double> input(spec.gate_inputs().size(k));
    spec.gate_inputs().fill(k, answers, input);
    const std::size_t action = policy.action(k, input);
    if (action == 0) return e;
    k = policy.next(k, action);
  }
}

inline void check_equal(const CascadeAnswer& answer, const Expected& e) {
  CHECK(answer.label == e.label);
  CHECK(answer.exit == e.visited.back());
  CHECK(std::vector<float>(answer.probabilities.begin(), answer.probabilities.end()) == e.probabilities);
}

}  // namespace cascade_cases
