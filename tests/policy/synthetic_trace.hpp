/// Traces with known properties for the policy tests.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir_test {

/// n examples of hidden difficulty; stage k is right with a probability that grows with k and falls with difficulty,
/// and its features (max_probability, entropy, margin, then `noise` useless ones) tell of it.
inline weir::Trace difficulty_trace(std::size_t n, std::size_t n_stages, std::uint64_t seed, std::size_t noise = 1) {
  std::uint64_t counter = 0;
  const auto uniform = [&] { return weir::detail::counter_uniform(seed, counter++); };
  weir::Trace trace;
  std::vector<double> difficulty(n);
  for (double& d : difficulty) d = uniform();
  for (std::size_t i = 0; i < n; ++i) trace.label.push_back(static_cast<int>(uniform() * 10));
  for (std::size_t k = 0; k < n_stages; ++k) {
    weir::StageTrace s;
    s.name = "stage" + std::to_string(k);
    s.cost = 1e-4 * static_cast<double>(1 + 2 * k);
    s.feature_names = {"max_probability", "entropy", "margin"};
    for (std::size_t j = 0; j < noise; ++j) s.feature_names.push_back("noise" + std::to_string(j));
    s.features.resize(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(3 + noise));
    s.loss.resize(static_cast<Eigen::Index>(n));
    for (std::size_t i = 0; i < n; ++i) {
      const double skill = static_cast<double>(k + 1) / static_cast<double>(n_stages);
      const double p = 1 / (1 + std::exp(-12 * (0.35 + 0.7 * skill - difficulty[i])));
      const bool right = uniform() < 0.995 * p;  // now and then a mistake that an earlier stage had right
      const auto row = static_cast<Eigen::Index>(i);
      s.prediction.push_back(right ? trace.label[i] : (trace.label[i] + 1 + static_cast<int>(uniform() * 9)) % 10);
      s.loss(row) = right ? 0 : 1;
      const double confidence = 0.1 + 0.9 * std::min(1.0, std::max(0.0, 0.8 * p + 0.25 * (uniform() - 0.3)));
      s.features(row, 0) = confidence;
      s.features(row, 1) = -std::log(confidence) + 0.05 * uniform();
      s.features(row, 2) = confidence * confidence;
      for (std::size_t j = 0; j < noise; ++j) s.features(row, static_cast<Eigen::Index>(3 + j)) = uniform();
    }
    trace.stages.push_back(std::move(s));
  }
  return trace;
}

inline weir::Topology chain_of(const weir::Trace& trace) {
  std::vector<std::string> names;
  for (const auto& s : trace.stages) names.push_back(s.name);
  return weir::Topology::chain(names);
}

inline weir::Topology all_later_of(const weir::Trace& trace) {
  std::vector<std::string> names;
  for (const auto& s : trace.stages) names.push_back(s.name);
  return weir::Topology::all_later(names);
}

/// A random DAG over the trace's stages in which everything can be reached.
inline weir::Topology random_dag(const weir::Trace& trace, std::uint64_t seed) {
  weir::Topology t;
  for (const auto& s : trace.stages) t.stages.push_back({s.name, {}});
  std::uint64_t counter = 0;
  for (std::size_t k = 1; k < t.size(); ++k) {
    const auto parent =
        static_cast<std::size_t>(weir::detail::counter_uniform(seed, counter++) * static_cast<double>(k));
    for (std::size_t j = 0; j < k; ++j)
      if (j == parent || weir::detail::counter_uniform(seed, counter++) < 0.4) t.stages[j].next.push_back(k);
  }
  t.check();
  return t;
}

/// Stage 1 is a twin of stage 0 that costs thirty times as much; stage 2 always fails; stage 3 is the full network.
inline weir::Trace pool_with_useless_stages(std::size_t n) {
  weir::Trace t = difficulty_trace(n, 4, 11);
  const double seconds[] = {1, 30, 8, 40};
  t.stages[1].loss = t.stages[0].loss;
  t.stages[1].features = t.stages[0].features;
  t.stages[1].prediction = t.stages[0].prediction;
  t.stages[2].loss.setOnes();
  for (std::size_t k = 0; k < 4; ++k) t.stages[k].cost = seconds[k];
  return t;
}

}  // namespace weir_test
