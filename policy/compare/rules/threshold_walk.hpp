/// Policies that compare one statistic with thresholds: one for all stages, or one for each.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>

namespace weir::detail {

/// The stages that a rule walks: from stage 0 always to the nearest successor. In a chain and in Topology::all_later
/// that is every stage.
inline std::vector<std::size_t> nearest_walk(const Topology& topology) {
  std::vector<std::size_t> walk{0};
  while (!topology.stages.at(walk.back()).next.empty()) walk.push_back(topology.stages[walk.back()].next[0]);
  return walk;
}

/// The chain of all stages, for a rule that has to run every one of them. Throws ArgumentError naming the rule where
/// the walk along nearest successors leaves one out.
inline Topology full_chain(const Topology& topology, const std::string& rule) {
  if (nearest_walk(topology).size() != topology.size())
    throw ArgumentError(detail::message({rule, ": the walk along nearest successors must run every stage"}));
  std::vector<std::string> names;
  for (const auto& s : topology.stages) names.push_back(s.name);
  return Topology::chain(names);
}

/// A statistic of a stage, and whether a high or a low value speaks for exiting.
struct Confidence {
  std::string feature;
  bool exit_when_high = true;
};

/// A threshold that no example passes.
inline constexpr double never_exit = std::numeric_limits<double>::max();

/// Column of a stage's own feature; ArgumentError naming both where it lacks it.
inline std::size_t feature_column(const StageTrace& stage, const std::string& feature) {
  const auto at = std::find(stage.feature_names.begin(), stage.feature_names.end(), feature);
  if (at == stage.feature_names.end())
    throw ArgumentError(detail::message({"stage '", stage.name, "' has no feature '", feature, "'"}));
  return static_cast<std::size_t>(at - stage.feature_names.begin());
}

/// A gate that exits, or takes `action` (1: the nearest successor) where `go_on` is > 0, whatever other actions there
/// are: of each pair that has one of the two, that one wins.
inline Gate exit_or(std::size_t action, std::size_t n_actions, const GateModel& go_on) {
  const std::size_t d = go_on.n_features();
  std::vector<GateModel> models;
  for (std::size_t a = 0; a < n_actions; ++a)
    for (std::size_t b = a + 1; b < n_actions; ++b)
      models.push_back(a == 0 && b == action ? go_on : GateModel::constant(b == action ? 1 : 0, d));
  return {n_actions, d, std::move(models)};
}

/// What thresholds on a statistic need of a trace, by step of the walk.
struct ThresholdWalk {
  std::vector<std::size_t> stages;  ///< [steps]
  Eigen::MatrixXd confidence;       ///< [n, steps - 1] the larger, the earlier the exit
  Eigen::MatrixXd loss;             ///< [n, steps]
  Eigen::VectorXd full_loss;        ///< [n] of the full network
  std::vector<double> spent;        ///< [steps] cost up to and with each stage
  bool ends_full = false;           ///< the last step is the full network

  ThresholdWalk(const Topology& topology, const Trace& trace, const Confidence& by)
      : ThresholdWalk(topology, trace, by, nearest_walk(topology)) {}
  /// Along these stages, each a successor of the one before.
  ThresholdWalk(const Topology& topology, const Trace& trace, const Confidence& by, std::vector<std::size_t> walk)
      : stages(std::move(walk)) {
    trace.check();
    const auto n = static_cast<Eigen::Index>(trace.size()), steps = static_cast<Eigen::Index>(stages.size());
    confidence.resize(n, steps - 1);
    loss.resize(n, steps);
    for (Eigen::Index w = 0; w < steps; ++w) {
      const StageTrace& stage = trace.stages.at(stages[static_cast<std::size_t>(w)]);
      const auto step = static_cast<std::size_t>(w);
      spent.push_back(w > 0 ? spent.back() + trace.step_cost(stages[step - 1], stages[step]) : stage.cost);
      loss.col(w) = stage.loss;
      if (w + 1 == steps) break;
      confidence.col(w) = stage.features.col(static_cast<Eigen::Index>(feature_column(stage, by.feature)));
      if (!by.exit_when_high) confidence.col(w) *= -1;
    }
    full_loss = trace.stages.back().loss;
    ends_full = stages.back() == topology.full();
  }

  Eigen::Index n() const { return loss.rows(); }

  /// What thresholds [steps - 1], on `confidence`, do: exit at the first step with confidence >= threshold.
  MemberScore score(std::span<const double> thresholds) const {
    MemberScore sum;
    for (Eigen::Index i = 0; i < n(); ++i) {
      Eigen::Index w = 0;
      while (w < confidence.cols() && !(confidence(i, w) >= thresholds[static_cast<std::size_t>(w)])) ++w;
      const double difference = loss(i, w) - full_loss(i);
      sum.estimate.cost += spent[static_cast<std::size_t>(w)];
      sum.estimate.loss += loss(i, w);
      sum.estimate.difference += difference;
      sum.estimate.excess += std::max(0.0, difference);
      sum.regressions += difference > 0 ? 1 : 0;
      sum.repairs += difference < 0 ? 1 : 0;
    }
    const auto count = static_cast<double>(n());
    Estimate& e = sum.estimate;
    e = {e.cost / count, e.loss / count, e.excess / count, e.difference / count};
    return sum;
  }
};

/// Exits at the first stage of `walk` whose statistic is >= its threshold (<= where low values speak for exiting);
/// thresholds [steps - 1], one for each stage of the walk but the last. Feature positions are taken from `trace`.
/// Throws ArgumentError where a stage lacks the feature and ShapeError for another number of thresholds.
inline Policy threshold_policy(const Topology& topology, const Trace& trace, const Confidence& confidence,
                               std::span<const double> thresholds, const std::vector<std::size_t>& walk) {
  const GateInputs inputs = gate_inputs(topology, trace);
  Policy policy{topology, {}};
  if (thresholds.size() + 1 != walk.size())
    throw ShapeError(
        detail::message({"threshold policy: ", thresholds.size(), " thresholds for ", walk.size() - 1, " stages"}));
  for (std::size_t k = 0; k < topology.size(); ++k) {
    const std::size_t n_actions = topology.n_actions(k), d = inputs.size(k);
    const auto step = std::find(walk.begin(), walk.end(), k);
    if (n_actions == 1) {
      policy.gates.emplace_back();
    } else if (step == walk.end() || step + 1 == walk.end()) {
      policy.gates.push_back(Gate::constant(0, n_actions, d));
    } else {
      const std::size_t column = feature_column(trace.stages[k], confidence.feature);
      const double threshold = thresholds[static_cast<std::size_t>(step - walk.begin())];
      const ThresholdModel model{d, column, threshold, confidence.exit_when_high ? -1 : 1, 0};
      const auto& next = topology.stages[k].next;
      const auto action = static_cast<std::size_t>(std::find(next.begin(), next.end(), step[1]) - next.begin()) + 1;
      policy.gates.push_back(exit_or(action, n_actions, GateModel("threshold", model)));
    }
  }
  return policy;
}

/// Along nearest successors.
inline Policy threshold_policy(const Topology& topology, const Trace& trace, const Confidence& confidence,
                               std::span<const double> thresholds) {
  return threshold_policy(topology, trace, confidence, thresholds, nearest_walk(topology));
}

/// The same threshold at all stages.
inline Policy threshold_policy(const Topology& topology, const Trace& trace, const Confidence& confidence,
                               double threshold) {
  return threshold_policy(topology, trace, confidence,
                          std::vector<double>(nearest_walk(topology).size() - 1, threshold));
}

/// The best of a family of thresholds ([members][steps - 1], on ThresholdWalk::confidence, from the safest to the
/// fastest, the first of which lets no example exit before the end of `stages`) on a trace that the rule sees.
inline std::optional<TunedRule> tune_thresholds(const std::string& name, const Topology& topology, const Trace& seen,
                                                const Confidence& by, const Budget& budget,
                                                const std::vector<std::vector<double>>& family,
                                                const std::vector<double>& parameter,
                                                const std::vector<std::size_t>& stages) {
  const ThresholdWalk walk(topology, seen, by, stages);
  const auto best = best_member(family.size(), seen.size(), budget, walk.ends_full,
                                [&](std::size_t i) { return walk.score(family[i]); });
  if (!best) return std::nullopt;
  std::vector<double> thresholds = family[best->first];
  if (!by.exit_when_high)
    for (double& t : thresholds) t = -t;
  const Policy policy = threshold_policy(topology, seen, by, thresholds, stages);
  const Estimate exact = Estimate::of(evaluate(policy, seen));
  return TunedRule{name, parameter[best->first], MixedPolicy::pure(policy), exact};
}

}  // namespace weir::detail
