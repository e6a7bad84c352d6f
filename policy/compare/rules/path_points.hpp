/// The known rules among the policies that are chosen from.
#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/shared_threshold.hpp>
#include <weir/policy/learn/train.hpp>

namespace weir::detail {

/// Threshold policies of every known confidence that the trace has, as points for PolicyTrainer's path: `choose` then
/// takes a rule wherever gates learned from few costly examples are behind it. Thresholds are the quantiles of the
/// statistic over all stages of the walk on the training trace, `count` of them. O(count confidences n gates).
inline std::vector<PathPoint> rule_points(const PolicyTrainer& trainer, std::size_t count = 39) {
  const Trace& trace = trainer.trace();
  const Topology& topology = trainer.topology();
  std::vector<PathPoint> points;
  for (const Confidence& confidence : known_confidences()) {
    std::vector<double> values;
    const auto walk = nearest_walk(topology);
    const bool known = std::all_of(walk.begin(), walk.end() - 1, [&](std::size_t k) {
      return std::ranges::count(trace.stages[k].feature_names, confidence.feature) > 0;
    });
    for (std::size_t w = 0; known && w + 1 < walk.size(); ++w) {
      const StageTrace& stage = trace.stages[walk[w]];
      const auto column = stage.features.col(static_cast<Eigen::Index>(feature_column(stage, confidence.feature)));
      values.insert(values.end(), column.begin(), column.end());
    }
    std::sort(values.begin(), values.end());
    for (std::size_t q = 1; q <= count && !values.empty(); ++q) {
      PathPoint point;
      point.policy = threshold_policy(topology, trace, confidence, values[q * (values.size() - 1) / (count + 1)]);
      if (!points.empty() && points.back().policy == point.policy) continue;
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
