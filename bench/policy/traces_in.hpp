/// Traces from files, and how their examples are divided.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/serve/trace_files.hpp>
#include <weir/policy/trace/trace.hpp>

#include "options.hpp"

namespace compare {

/// The examples of both. Throws ArgumentError unless stages, costs, features and classes are the same.
inline weir::Trace concatenate(const weir::Trace& a, const weir::Trace& b) {
  weir::Trace both = a;
  both.label.insert(both.label.end(), b.label.begin(), b.label.end());
  if (a.stages.size() != b.stages.size()) throw weir::ArgumentError("traces: their numbers of stages differ");
  if (a.cost_unit != b.cost_unit)
    throw weir::ArgumentError("traces: costs in " + a.cost_unit + " and in " + b.cost_unit);
  for (std::size_t k = 0; k < a.stages.size(); ++k) {
    weir::StageTrace& s = both.stages[k];
    const weir::StageTrace& t = b.stages[k];
    if (s.name != t.name || s.cost != t.cost || s.feature_names != t.feature_names ||
        s.probabilities.cols() != t.probabilities.cols())
      throw weir::ArgumentError("traces: name, costs, features or classes of stage '" + s.name + "' differ");
    const auto append = [](auto& above, const auto& below) {
      const Eigen::Index rows = above.rows();
      above.conservativeResize(rows + below.rows(), above.cols());
      above.bottomRows(below.rows()) = below;
    };
    append(s.features, t.features);
    append(s.probabilities, t.probabilities);
    const Eigen::Index n = s.loss.size();
    s.loss.conservativeResize(n + t.loss.size());
    s.loss.tail(t.loss.size()) = t.loss;
    s.prediction.insert(s.prediction.end(), t.prediction.begin(), t.prediction.end());
  }
  return both;
}

/// 0 .. n-1 in an order drawn by the seed.
inline std::vector<Eigen::Index> shuffled(std::size_t n, std::uint64_t seed) {
  std::vector<Eigen::Index> order(n);
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::vector<double> key(n);
  for (std::size_t i = 0; i < n; ++i) key[i] = weir::detail::counter_uniform(seed, i);
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
    return key[static_cast<std::size_t>(a)] < key[static_cast<std::size_t>(b)];
  });
  return order;
}

/// What is learned and tuned from (divided anew by each seed), and the test part, the same for all seeds.
struct Parts {
  weir::Trace pool, test;
  std::size_t n_policy = 0;  ///< of the pool; the rest is calibration

  std::pair<weir::Trace, weir::Trace> divide(std::uint64_t seed) const {
    const auto order = shuffled(pool.size(), seed + 1);
    const auto cut = order.begin() + static_cast<std::ptrdiff_t>(n_policy);
    return {pool.rows({order.begin(), cut}), pool.rows({cut, order.end()})};
  }
};

/// Multiplies costs, as --reprice says. Throws ArgumentError for what is no STAGE=FACTOR, or no stage's name.
inline void reprice(weir::Trace& trace, const std::vector<std::string>& prices) {
  for (const std::string& price : prices) {
    const std::size_t equals = price.rfind('=');
    double factor = 0;
    if (equals == std::string::npos || !CLI::detail::lexical_cast(price.substr(equals + 1), factor) || !(factor > 0) ||
        !std::isfinite(factor))
      throw weir::ArgumentError("--reprice " + price + ": say STAGE=FACTOR with a factor above 0");
    const auto stage = std::ranges::find(trace.stages, price.substr(0, equals), &weir::StageTrace::name);
    if (stage == trace.stages.end())
      throw weir::ArgumentError("--reprice " + price + ": the traces have no stage of that name");
    stage->cost *= factor;
    stage->answer_cost *= factor;
    for (auto& [group, cost] : stage->feature_costs) cost *= factor;
  }
}

inline Parts load_parts(const Options& o) {
  Parts parts;
  if (o.trace.empty() && o.policy_trace.empty())
    throw weir::ArgumentError("--trace, or --policy-trace with --calibration-trace and --test-trace, is needed");
  if (!o.policy_trace.empty()) {
    const weir::Trace policy = weir::read_trace(o.policy_trace);
    parts.n_policy = policy.size();
    parts.pool = concatenate(policy, weir::read_trace(o.calibration_trace));
    parts.test = weir::read_trace(o.test_trace);
    static_cast<void>(concatenate(policy, parts.test.rows({0})));  // refuses other stages
  } else {
    const weir::Trace all = weir::read_trace(o.trace);
    const auto order = shuffled(all.size(), 0);
    const auto cut = order.begin() + static_cast<std::ptrdiff_t>(all.size() / 4);
    parts.test = all.rows({order.begin(), cut});
    parts.pool = all.rows({cut, order.end()});
    parts.n_policy = 2 * parts.pool.size() / 3;
  }
  for (weir::Trace* trace : {&parts.pool, &parts.test}) reprice(*trace, o.reprice);
  if (parts.test.size() < 20 || parts.n_policy < 20 || parts.pool.size() < parts.n_policy + 20)
    throw weir::ArgumentError("traces: policy, calibration and test parts need at least 20 examples each");
  return parts;
}

}  // namespace compare
