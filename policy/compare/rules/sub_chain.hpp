/// Some of the stages, with one threshold on the largest probability: what two networks and one number are worth.
#pragma once
#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/shared_threshold.hpp>

namespace weir::detail {

/// "" where examples may go from the first stage to the full network at once, which a chain of all stages does not let
/// them.
inline std::string lacks_skip(const Topology& topology) {
  const auto& next = topology.stages.at(0).next;
  if (topology.size() > 2 && std::find(next.begin(), next.end(), topology.full()) != next.end()) return "";
  return "no stage can be left out between '" + topology.stages[0].name + "' and '" + topology.stages.back().name + "'";
}

inline bool leads_to(const Topology& topology, std::size_t from, std::size_t to) {
  const auto& next = topology.stages[from].next;
  return std::find(next.begin(), next.end(), to) != next.end();
}

/// The cheapest sub-chain on `seen`, greedily: from the first stage and the full network on, the stage is added that
/// lowers the mean cost most at the budget's value (no margin), as long as one does. O(stages^2 n log n).
inline std::vector<std::size_t> greedy_sub_chain(const Topology& topology, const Trace& seen, const Confidence& by,
                                                 Budget budget) {
  budget.margin = Margin::none;
  const auto cost = [&](const std::vector<std::size_t>& stages) {
    const auto tuned = tune_threshold(topology, seen, by, budget, stages);
    return tuned ? tuned->calibration.cost : std::numeric_limits<double>::infinity();
  };
  std::vector<std::size_t> chain{0, topology.full()};
  for (double least = cost(chain);;) {
    std::vector<std::size_t> best;
    for (std::size_t k = 1; k < topology.full(); ++k) {
      if (std::find(chain.begin(), chain.end(), k) != chain.end()) continue;
      std::vector<std::size_t> longer = chain;
      const auto at = longer.insert(std::upper_bound(longer.begin(), longer.end(), k), k);
      if (!leads_to(topology, at[-1], k) || !leads_to(topology, k, at[1])) continue;
      if (const double c = cost(longer); c < least) least = c, best = std::move(longer);
    }
    if (best.empty()) return chain;
    chain = std::move(best);
  }
}

/// The first stage and the full network only: one threshold on the largest probability, tuned on the calibration trace.
inline std::optional<TunedRule> tune_two_stages(const RuleData& data) {
  auto tuned = tune_threshold(data.topology, data.calibration, {"max_probability", true}, data.budget,
                              {0, data.topology.full()});
  if (tuned) tuned->name = "two_stages";
  return tuned;
}

/// The sub-chain that greedy search finds cheapest on the training trace, with one threshold, tuned on the calibration
/// trace.
inline std::optional<TunedRule> tune_sub_chain(const RuleData& data) {
  const Confidence by{"max_probability", true};
  auto tuned = tune_threshold(data.topology, data.calibration, by, data.budget,
                              greedy_sub_chain(data.topology, data.training, by, data.budget));
  if (tuned) tuned->name = "sub_chain";
  return tuned;
}

}  // namespace weir::detail
