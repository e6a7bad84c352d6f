/// The known rules among the policies that are chosen from.
#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/shared_threshold.hpp>
#include <weir/policy/compare/rules/sub_chain.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learn/train.hpp>

namespace weir::detail {

/// The walks along which a threshold may let examples exit: every way from the first stage on of two stages or more,
/// wherever it ends, as long as these are at most `most`; else the nearest walk with a free end and the first stage
/// with one other. The shorter ones first.
inline std::vector<Walk> threshold_walks(const Topology& topology, std::size_t most = 128) {
  std::vector<Walk> walks, open{{0}};
  while (!open.empty() && walks.size() <= most) {
    std::vector<Walk> longer;
    for (const Walk& walk : open)
      for (const std::size_t k : topology.stages[walk.back()].next) {
        if (walks.size() > most) break;
        longer.push_back(walk);
        longer.back().push_back(k);
        walks.push_back(longer.back());
      }
    open = std::move(longer);
  }
  if (walks.size() <= most) return walks;
  walks = with_free_end(nearest_walk(topology));
  for (Walk& pair : two_stage_walks(topology))
    if (std::ranges::find(walks, pair) == walks.end()) walks.push_back(std::move(pair));
  return walks;
}

/// Thresholds on one statistic along one walk, and what each comes to on the trace.
struct ThresholdFamily {
  Confidence by;
  Walk walk;
  std::vector<double> thresholds{};  ///< on ThresholdWalk::confidence, ascending
  std::vector<Estimate> estimates{};
};

/// The family whose thresholds are quantiles of the statistic over all stages that the walk may exit at, `count` of
/// them; of equal ones one. O(count n stages).
inline ThresholdFamily threshold_family(const PolicyTrainer& trainer, const Confidence& by, const Walk& walk,
                                        std::size_t count) {
  ThresholdFamily family{by, walk};
  const ThresholdWalk steps(trainer.topology(), trainer.trace(), by, walk);
  std::vector<double> values(steps.confidence.data(), steps.confidence.data() + steps.confidence.size());
  std::sort(values.begin(), values.end());
  for (std::size_t q = 1; q <= count && !values.empty(); ++q) {
    const double threshold = values[q * (values.size() - 1) / (count + 1)];
    if (!family.thresholds.empty() && family.thresholds.back() == threshold) continue;
    family.thresholds.push_back(threshold);
    family.estimates.push_back(steps.score(std::vector<double>(walk.size() - 1, threshold)).estimate);
  }
  return family;
}

/// Threshold policies as points for PolicyTrainer's path: `choose` then takes a rule wherever gates learned from few
/// costly examples are behind it. Of all known confidences that the trace has and all threshold_walks, those families
/// that touch the lower hull of all and of the fixed exits (of the excess or the net loss) on the training trace: with
/// the whole of each, so that its neighbouring members stand beside the one that is the best there by chance. O(count
/// confidences walks n stages), and for each family that is taken count n gates.
inline std::vector<PathPoint> rule_points(const PolicyTrainer& trainer, std::size_t count = 39) {
  const Trace& trace = trainer.trace();
  const Topology& topology = trainer.topology();
  std::vector<ThresholdFamily> families;
  for (const Walk& walk : threshold_walks(topology))
    for (const Confidence& by : known_confidences())
      if (std::all_of(walk.begin(), walk.end() - 1,
                      [&](std::size_t k) { return std::ranges::count(trace.stages[k].feature_names, by.feature) > 0; }))
        families.push_back(threshold_family(trainer, by, walk, count));
  std::vector<TradeoffPoint> excess, net;
  std::vector<std::size_t> family_of;
  for (std::size_t f = 0; f < families.size(); ++f)
    for (const Estimate& e : families[f].estimates) {
      excess.push_back({e.cost, e.excess});
      net.push_back({e.cost, e.difference});
      family_of.push_back(f);
    }
  for (std::size_t k = 0; k < topology.size(); ++k) {  // which a path has anyway, and no family
    const PathPoint fixed = trainer.fixed(k);
    excess.push_back({fixed.mean_cost, fixed.mean_excess});
    net.push_back({fixed.mean_cost, fixed.mean_difference});
  }
  std::vector<bool> taken(families.size(), false);
  for (const auto* points : {&excess, &net})
    for (const std::size_t vertex : lower_hull(*points))
      if (vertex < family_of.size()) taken[family_of[vertex]] = true;
  std::vector<PathPoint> points;
  for (std::size_t f = 0; f < families.size(); ++f) {
    const ThresholdFamily& family = families[f];
    for (std::size_t t = 0; taken[f] && t < family.thresholds.size(); ++t) {
      const double threshold = family.by.exit_when_high ? family.thresholds[t] : -family.thresholds[t];
      PathPoint point;
      point.policy = threshold_policy(topology, trace, family.by,
                                      std::vector<double>(family.walk.size() - 1, threshold), family.walk);
      point.actions = action_table(point.policy, trace);
      const Evaluation e =
          evaluate_tables(topology, trace, {point.actions}, [](std::size_t) { return std::size_t{0}; });
      point.mean_cost = e.mean_cost();
      point.mean_excess = e.mean_excess();
      point.mean_difference = e.mean_difference();
      points.push_back(std::move(point));
    }
  }
  return points;
}

/// The path, and rule_points behind it where gates are fitted again for each price of loss. A path of one parameter is
/// left as it is: chance would decide which of its points and of the rules' points lie on the hull.
inline std::vector<PathPoint> with_rules(const PolicyTrainer& trainer, std::vector<PathPoint> path) {
  if (trainer.one_parameter()) return path;
  const auto rules = rule_points(trainer);
  path.insert(path.end(), rules.begin(), rules.end());
  return path;
}

}  // namespace weir::detail
