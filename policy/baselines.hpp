/// Rules that need no learning, as policies that run wherever a learned one does.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/choose.hpp>
#include <weir/policy/policy.hpp>
#include <weir/policy/statistics.hpp>

namespace weir {

/// One network (or exit) for every example, run alone: what network selection competes with. `seconds` is what that
/// costs, which is less than a path through the exits before it, or the stage's own seconds where it is left out.
inline Evaluation single_network(const Trace& trace, std::size_t stage, std::optional<double> seconds = std::nullopt) {
  const auto n = static_cast<Eigen::Index>(trace.size());
  return score(trace, std::vector<std::size_t>(trace.size(), stage),
               Eigen::VectorXd::Constant(n, seconds.value_or(trace.stages.at(stage).seconds)));
}

/// The same exits and times as `e`, dealt to the examples at random: what the exit shares are worth without knowing
/// which example goes where. The same seed deals the same way (Fisher and Yates).
inline Evaluation random_exit(const Trace& trace, const Evaluation& e, std::uint64_t seed) {
  std::vector<std::size_t> order(e.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = order.size(); i > 1; --i) {
    const auto j = static_cast<std::size_t>(counter_uniform(seed, i) * static_cast<double>(i));
    std::swap(order[i - 1], order[std::min(i - 1, j)]);
  }
  std::vector<std::size_t> exit;
  Eigen::VectorXd seconds(static_cast<Eigen::Index>(order.size()));
  for (std::size_t i = 0; i < order.size(); ++i) {
    exit.push_back(e.exit[order[i]]);
    seconds(static_cast<Eigen::Index>(i)) = e.seconds(static_cast<Eigen::Index>(order[i]));
  }
  return score(trace, std::move(exit), std::move(seconds));
}

/// The stages that a rule walks: from stage 0 always to the nearest successor. In a chain and in Topology::all_later
/// that is every stage.
inline std::vector<std::size_t> nearest_walk(const Topology& topology) {
  std::vector<std::size_t> walk{0};
  while (!topology.stages.at(walk.back()).next.empty()) walk.push_back(topology.stages[walk.back()].next[0]);
  return walk;
}

/// A statistic of a stage, and whether a high or a low value speaks for exiting.
struct Confidence {
  std::string feature;
  bool exit_when_high = true;
};

/// The rules of BranchyNet (Teerapittayanon et al., ICPR 2016: entropy), of MSDNet (Huang et al., ICLR 2018: largest
/// probability) and of the margin between the two largest.
inline std::vector<Confidence> known_confidences() {
  return {{"max_probability", true}, {"entropy", false}, {"margin", true}};
}

namespace detail {

/// Column of a stage's own feature; ArgumentError naming both where it lacks it.
inline std::size_t feature_column(const StageTrace& stage, const std::string& feature) {
  const auto at = std::find(stage.feature_names.begin(), stage.feature_names.end(), feature);
  if (at == stage.feature_names.end())
    throw ArgumentError("stage '" + stage.name + "' has no feature '" + feature + "'");
  return static_cast<std::size_t>(at - stage.feature_names.begin());
}

/// A gate that exits, or goes to the nearest successor where `go_on` is > 0, whatever other successors there are.
inline Gate exit_or_nearest(std::size_t n_actions, const GateModel& go_on) {
  const std::size_t d = go_on.n_features();
  std::vector<GateModel> models{go_on};
  while (models.size() < Gate::n_pairs(n_actions)) models.push_back(GateModel::constant(0, d));
  return {n_actions, d, std::move(models)};
}

}  // namespace detail

/// Exits at the first stage of the walk whose statistic is >= threshold (<= where low values speak for exiting): one
/// threshold for all stages. Feature positions are taken from `trace`. Throws ArgumentError where a stage lacks the
/// feature.
inline Policy threshold_policy(const Topology& topology, const Trace& trace, const Confidence& confidence,
                               double threshold) {
  const GateInputs inputs(topology, trace);
  Policy policy{topology, {}};
  const auto walk = nearest_walk(topology);
  for (std::size_t k = 0; k < topology.size(); ++k) {
    const std::size_t n_actions = topology.n_actions(k), d = inputs.size(k);
    if (n_actions == 1) {
      policy.gates.emplace_back();
    } else if (std::find(walk.begin(), walk.end(), k) == walk.end()) {
      policy.gates.push_back(Gate::constant(0, n_actions, d));
    } else {
      const std::size_t column = detail::feature_column(trace.stages[k], confidence.feature);
      const ThresholdModel model{d, column, threshold, confidence.exit_when_high ? -1 : 1, 0};
      policy.gates.push_back(detail::exit_or_nearest(n_actions, GateModel("threshold", model)));
    }
  }
  return policy;
}

/// Exits where a stage and the `patience` stages before it all predict the same class (Zhou et al., NeurIPS 2020);
/// patience 0 exits at once. On a chain of all the trace's stages, with its topology.
inline Policy patience_policy(const Topology& topology, const Trace& trace, std::size_t patience) {
  if (nearest_walk(topology).size() != topology.size())
    throw ArgumentError("patience: the walk along nearest successors must run every stage");
  std::vector<std::string> names;
  for (const auto& s : topology.stages) names.push_back(s.name);
  Policy policy{Topology::chain(names), {}};
  const GateInputs inputs(policy.topology, trace);
  for (std::size_t k = 0; k < names.size(); ++k) {
    const std::size_t n_actions = policy.topology.n_actions(k), d = inputs.size(k);
    if (n_actions == 1 || k < patience) {
      policy.gates.push_back(n_actions == 1 ? Gate{} : Gate::constant(1, n_actions, d));
      continue;
    }
    // A tree whose every node asks one stage: disagreement goes on, agreement asks the next, the last leaf exits.
    TreeModel tree;
    tree.d = d;
    tree.nodes.clear();
    std::size_t column = static_cast<std::size_t>(trace.stages[k].features.cols());
    for (const std::size_t j : inputs.before(k)) {
      if (j + patience >= k) {
        const std::size_t at = tree.nodes.size();
        tree.nodes.push_back({column, 0.5, at + 1, at + 2, 0.5});
        tree.nodes.push_back({0, 0, 0, 0, 0.5});
      }
      column += 1 + static_cast<std::size_t>(trace.stages[j].features.cols());
    }
    tree.nodes.push_back({0, 0, 0, 0, -0.5});
    policy.gates.push_back(Gate(n_actions, d, {GateModel("tree", tree)}));
  }
  return policy;
}

/// A rule with its parameter tuned on a calibration trace.
struct TunedRule {
  std::string name;
  double parameter = 0;
  Policy policy;
  Estimate calibration;
};

namespace detail {

/// Whether an estimate keeps the budget; `regressions`: examples with excess 1, for an upper limit.
inline bool keeps(const Estimate& e, std::size_t regressions, std::size_t n, const Budget& budget) {
  if (budget.margin == Margin::upper_limit)
    return clopper_pearson_upper(regressions, n, budget.confidence) <= budget.value;
  return (budget.on == BudgetOn::seconds ? e.seconds : risk(e, budget.on)) <= budget.value;
}

/// Of two that keep the budget, whether `a` is better.
inline bool better(const Estimate& a, const Estimate& b, const Budget& budget) {
  return budget.on == BudgetOn::seconds ? a.excess < b.excess : a.seconds < b.seconds;
}

}  // namespace detail

/// The shared threshold that keeps the budget best, among all values of the statistic on the calibration trace: O(m log
/// m) for m = n stages. With Margin::upper_limit thresholds are tested from the safest on and the first failure ends
/// the search, as in `choose`. nullopt where no threshold keeps the budget.
inline std::optional<TunedRule> tune_threshold(const Topology& topology, const Trace& calibration,
                                               const Confidence& confidence, const Budget& budget) {
  calibration.check();
  const auto walk = nearest_walk(topology);
  const std::size_t n = calibration.size();
  struct Event {
    double value;  ///< the larger, the earlier the exit
    std::size_t example, step;
  };
  std::vector<Event> events;
  std::vector<double> spent(walk.size(), 0);  // [steps] seconds up to and with each stage of the walk
  for (std::size_t w = 0; w < walk.size(); ++w) {
    const StageTrace& stage = calibration.stages.at(walk[w]);
    spent[w] = w > 0 ? spent[w - 1] + calibration.step_seconds(walk[w - 1], walk[w]) : stage.seconds;
    if (w + 1 == walk.size()) break;
    const auto column = static_cast<Eigen::Index>(detail::feature_column(stage, confidence.feature));
    for (std::size_t i = 0; i < n; ++i) {
      const double value = stage.features(static_cast<Eigen::Index>(i), column);
      events.push_back({confidence.exit_when_high ? value : -value, i, w});
    }
  }
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.value > b.value; });

  const auto loss = [&](std::size_t w, std::size_t i) {
    return calibration.stages[walk[w]].loss(static_cast<Eigen::Index>(i));
  };
  const auto full = [&](std::size_t i) { return calibration.stages.back().loss(static_cast<Eigen::Index>(i)); };
  std::vector<std::size_t> step(n, walk.size() - 1);
  Estimate sum;
  std::size_t regressions = 0;
  const auto count = [&](std::size_t i, double sign) {
    const double l = loss(step[i], i), d = l - full(i);
    sum.seconds += sign * spent[step[i]];
    sum.loss += sign * l;
    sum.difference += sign * d;
    sum.excess += sign * std::max(0.0, d);
    if (d > 0) regressions = sign > 0 ? regressions + 1 : regressions - 1;
  };
  for (std::size_t i = 0; i < n; ++i) count(i, 1);
  const auto mean = [&] {
    const auto N = static_cast<double>(n);
    return Estimate{sum.seconds / N, sum.loss / N, sum.excess / N, sum.difference / N};
  };
  // Nobody exits early: a threshold above every value.
  const double never = std::numeric_limits<double>::max();
  std::optional<std::pair<double, Estimate>> best;
  // The full network's excess is 0 by definition; that needs no test.
  const bool certain = walk.back() == topology.full() && budget.on != BudgetOn::seconds && budget.value >= 0;
  if (certain || detail::keeps(mean(), regressions, n, budget)) best = {never, mean()};
  if (!best && budget.margin == Margin::upper_limit) return std::nullopt;
  for (std::size_t e = 0; e < events.size(); ++e) {
    const Event& event = events[e];
    if (event.step < step[event.example]) {
      count(event.example, -1);
      step[event.example] = event.step;
      count(event.example, 1);
    }
    if (e + 1 < events.size() && events[e + 1].value == event.value) continue;
    const Estimate now = mean();
    if (detail::keeps(now, regressions, n, budget)) {
      if (!best || detail::better(now, best->second, budget)) best = {event.value, now};
    } else if (budget.margin == Margin::upper_limit) {
      break;
    }
  }
  if (!best) return std::nullopt;
  const double threshold = confidence.exit_when_high ? best->first : -best->first;
  Policy policy = threshold_policy(topology, calibration, confidence, threshold);
  const Estimate exact = Estimate::of(evaluate(policy, calibration));
  return TunedRule{confidence.feature, threshold, std::move(policy), exact};
}

namespace detail {

/// The best of a few policies, the last of which is the full network; with Margin::upper_limit tested from there on.
template <class Make>
std::optional<TunedRule> tune_over(const std::string& name, std::size_t count, const Trace& calibration,
                                   const Budget& budget, const Make& make) {
  std::optional<TunedRule> best;
  for (std::size_t parameter = count; parameter-- > 0;) {
    Policy policy = make(parameter);
    const Evaluation e = evaluate(policy, calibration);
    const Estimate estimate = Estimate::of(e);
    const bool certain = parameter + 1 == count && budget.on != BudgetOn::seconds && budget.value >= 0;
    if (!certain && !keeps(estimate, paired_counts(e).regressions, e.size(), budget)) {
      if (budget.margin == Margin::upper_limit) break;
      continue;
    }
    if (!best || better(estimate, best->calibration, budget))
      best = TunedRule{name, static_cast<double>(parameter), std::move(policy), estimate};
  }
  return best;
}

}  // namespace detail

/// Every rule that the trace has the features for, tuned for the budget: the best fixed exit, the thresholds, patience.
/// A rule that cannot keep the budget is left out.
inline std::vector<TunedRule> tuned_baselines(const Topology& topology, const Trace& calibration,
                                              const Budget& budget) {
  std::vector<TunedRule> rules;
  const auto add = [&](std::optional<TunedRule> rule) {
    if (rule) rules.push_back(std::move(*rule));
  };
  add(detail::tune_over("fixed_exit", topology.size(), calibration, budget,
                        [&](std::size_t k) { return fixed_policy(topology, calibration, k); }));
  const auto walk = nearest_walk(topology);
  for (const Confidence& confidence : known_confidences()) {
    const bool present = std::all_of(walk.begin(), walk.end() - 1, [&](std::size_t k) {
      const auto& names = calibration.stages.at(k).feature_names;
      return std::find(names.begin(), names.end(), confidence.feature) != names.end();
    });
    if (present) add(tune_threshold(topology, calibration, confidence, budget));
  }
  if (walk.size() == topology.size())
    add(detail::tune_over("patience", topology.size(), calibration, budget,
                          [&](std::size_t p) { return patience_policy(topology, calibration, p); }));
  return rules;
}

}  // namespace weir
