/// Traces with class probabilities for the tests of rules.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>
#include <weir/policy/trace/trace_file.hpp>

#include "synthetic_trace.hpp"

namespace weir_test {

/// n examples of hidden difficulty, `n_stages` stages whose softmax points at the label the better, the later the stage
/// and the easier the example. Losses are `loss`; stage k takes 1 + 2 k tenths of a millisecond.
inline weir::Trace probability_trace(std::size_t n, std::size_t n_stages, std::size_t classes, std::uint64_t seed,
                                     const weir::Loss& loss = weir::Loss("top1")) {
  std::uint64_t counter = 0;
  const auto uniform = [&] { return weir::detail::counter_uniform(seed, counter++); };
  weir::Trace trace;
  std::vector<double> difficulty(n);
  for (double& d : difficulty) d = uniform();
  for (std::size_t i = 0; i < n; ++i) trace.label.push_back(static_cast<int>(uniform() * static_cast<double>(classes)));
  for (std::size_t k = 0; k < n_stages; ++k) {
    std::vector<float> p(n * classes);
    const double skill = 2 + 6 * static_cast<double>(k + 1) / static_cast<double>(n_stages);
    for (std::size_t i = 0; i < n; ++i) {
      float* row = p.data() + i * classes;
      for (std::size_t c = 0; c < classes; ++c) row[c] = static_cast<float>(4 * uniform());
      row[trace.label[i]] += static_cast<float>(skill * (1 - difficulty[i]));
      weir::detail::softmax({row, classes}, {row, classes});
    }
    auto stage = weir::stage_from_probabilities("stage" + std::to_string(k), 1e-4 * static_cast<double>(1 + 2 * k), p,
                                                classes, trace.label, loss);
    stage.probabilities = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
        p.data(), static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(classes));
    trace.stages.push_back(std::move(stage));
  }
  return trace;
}

}  // namespace weir_test
