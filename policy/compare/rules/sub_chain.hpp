/// Some of the stages, with one threshold on one statistic: what a few networks and one number are worth.
#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/free_end.hpp>
#include <weir/policy/compare/rules/shared_threshold.hpp>

namespace weir::detail {

/// "" where examples may leave out a stage behind the first, which a chain of all stages does not let them.
inline std::string lacks_skip(const Topology& topology) {
  if (topology.stages.at(0).next.size() > 1) return "";
  return "no stage can be left out between '" + topology.stages[0].name + "' and '" + topology.stages.back().name + "'";
}

/// The chains of the first stage and one of its successors, which are in ascending order.
inline std::vector<Walk> two_stage_walks(const Topology& topology) {
  std::vector<Walk> walks;
  for (const std::size_t end : topology.stages.at(0).next) walks.push_back({0, end});
  return walks;
}

/// The sub-chain that does best on `seen` (best_walk), greedily, for every stage as its end: from the first stage and
/// the end on, the stage between them is added that lowers the mean cost most (for a budget of cost: the loss), as long
/// as one does. O(stages^3 m log m) for m = n stages.
inline Walk greedy_sub_chain(const Topology& topology, const Trace& seen, const Confidence& by,
                             const TrainingBudget& budget) {
  const auto leads = [&](std::size_t from, std::size_t to) {
    return std::ranges::find(topology.stages[from].next, to) != topology.stages[from].next.end();
  };
  std::vector<Walk> found;  // the best chain of each end
  for (Walk chain : two_stage_walks(topology)) {
    while (true) {
      std::vector<Walk> longer{chain};
      for (std::size_t k = 1; k < chain.back(); ++k) {
        if (std::ranges::find(chain, k) != chain.end()) continue;
        Walk with = chain;
        const auto at = with.insert(std::ranges::upper_bound(with, k), k);
        if (leads(at[-1], k) && leads(k, at[1])) longer.push_back(std::move(with));
      }
      const std::size_t best = best_walk(longer, budget, [&](const Walk& walk, const Budget& kept) {
        return threshold_estimate(topology, seen, by, kept, walk);
      });
      if (best == 0) break;
      chain = std::move(longer[best]);
    }
    found.push_back(std::move(chain));
  }
  return found[best_walk(found, budget, [&](const Walk& walk, const Budget& kept) {
    return threshold_estimate(topology, seen, by, kept, walk);
  })];
}

/// What is left where the end of a sub-chain does not keep the budget: the first stage and the full network, or the
/// walk to that where the first stage does not lead there.
inline Walk sub_chain_to_full(const Topology& topology) {
  const auto& next = topology.stages.at(0).next;
  const bool direct = std::ranges::find(next, topology.full()) != next.end();
  return direct ? Walk{0, topology.full()} : nearest_walk(topology);
}

/// The first stage and one other, found on the training trace: one threshold on the largest probability, tuned on the
/// calibration trace.
inline std::optional<TunedRule> tune_two_stages(const RuleData& data) {
  const Confidence by{"max_probability", true};
  const std::vector<Walk> walks = two_stage_walks(data.topology);
  const std::size_t best = best_walk(walks, training_budget(data), [&](const Walk& walk, const Budget& kept) {
    return threshold_estimate(data.topology, data.training, by, kept, walk);
  });
  auto tuned = tune_along(walks[best], sub_chain_to_full(data.topology), data.budget,
                          [&](const Walk& walk, const Budget& asked) {
                            return tune_threshold(data.topology, data.calibration, by, asked, walk);
                          });
  if (tuned) tuned->name = "two_stages";
  return tuned;
}

/// Whether every stage that a rule may leave has this feature.
inline bool has_everywhere(const Trace& trace, const std::string& feature) {
  return std::all_of(trace.stages.begin(), trace.stages.end() - 1, [&](const StageTrace& s) {
    return std::ranges::find(s.feature_names, feature) != s.feature_names.end();
  });
}

/// The sub-chain that greedy search finds on the training trace, for the statistic of known_confidences with which it
/// does best there (those that the traces lack are passed over), with one threshold, tuned on the calibration trace.
inline std::optional<TunedRule> tune_sub_chain(const RuleData& data) {
  const TrainingBudget budget = training_budget(data);
  struct Found {
    Confidence by;
    Walk walk;
  };
  std::optional<Found> best;
  std::optional<Estimate> least;
  for (const Confidence& by : known_confidences()) {
    if (!has_everywhere(data.training, by.feature) || !has_everywhere(data.calibration, by.feature)) continue;
    Walk walk = greedy_sub_chain(data.topology, data.training, by, budget);
    const auto now = budget.best_on(walk, [&](const Walk& w, const Budget& kept) {
      return threshold_estimate(data.topology, data.training, by, kept, w);
    });
    if (best && (!now || (least && !better(*now, *least, data.budget)))) continue;
    best = {by, std::move(walk)};
    least = now;
  }
  if (!best) return std::nullopt;
  auto tuned =
      tune_along(best->walk, sub_chain_to_full(data.topology), data.budget, [&](const Walk& walk, const Budget& asked) {
        return tune_threshold(data.topology, data.calibration, best->by, asked, walk);
      });
  if (tuned) tuned->name = "sub_chain";
  return tuned;
}

}  // namespace weir::detail
