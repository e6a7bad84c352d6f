/// One threshold on one statistic for all stages.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/free_end.hpp>
#include <weir/policy/compare/rules/threshold_walk.hpp>

namespace weir::detail {

/// The rules of BranchyNet (Teerapittayanon, McDanel, Kung, ICPR 2016: entropy), of SDN (Kaya, Hong, Dumitras, ICML
/// 2019: largest probability) and of the margin between the two largest.
inline std::vector<Confidence> known_confidences() {
  return {{"max_probability", true}, {"entropy", false}, {"margin", true}};
}

/// A threshold, and what it does.
struct BestThreshold {
  double value;  ///< on ThresholdWalk::confidence
  Estimate estimate;
};

/// The shared threshold that keeps the budget best, among all values of the statistic: O(m log m) for m = n steps. With
/// Margin::upper_limit thresholds are tested from the safest on and the first failure ends the search, as in `choose`.
/// nullopt where no threshold keeps the budget.
inline std::optional<BestThreshold> best_threshold(const ThresholdWalk& walk, const Budget& budget) {
  struct Event {
    double value;  ///< the larger, the earlier the exit
    Eigen::Index example, step;
  };
  std::vector<Event> events;
  for (Eigen::Index w = 0; w < walk.confidence.cols(); ++w)
    for (Eigen::Index i = 0; i < walk.n(); ++i) events.push_back({walk.confidence(i, w), i, w});
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.value > b.value; });

  const auto examples = static_cast<std::size_t>(walk.n());
  std::vector<Eigen::Index> step(examples, walk.loss.cols() - 1);
  Estimate sum;
  std::size_t regressions = 0, repairs = 0;
  const auto count = [&](Eigen::Index i, double sign) {
    const Eigen::Index at = step[static_cast<std::size_t>(i)];
    const double l = walk.loss(i, at), d = l - walk.full_loss(i);
    sum.cost += sign * walk.spent[static_cast<std::size_t>(at)];
    sum.loss += sign * l;
    sum.difference += sign * d;
    sum.excess += sign * std::max(0.0, d);
    if (d > 0) regressions = sign > 0 ? regressions + 1 : regressions - 1;
    if (d < 0) repairs = sign > 0 ? repairs + 1 : repairs - 1;
  };
  for (Eigen::Index i = 0; i < walk.n(); ++i) count(i, 1);
  // Lowered value by value; members of the family are counted when they are asked for, which is in this order.
  std::vector<double> thresholds{never_exit};
  for (const Event& event : events)
    if (event.value != thresholds.back()) thresholds.push_back(event.value);
  std::size_t next = 0;
  const auto score = [&](std::size_t member) {
    for (; next < events.size() && events[next].value >= thresholds[member]; ++next) {
      const Event& event = events[next];
      Eigen::Index& now = step[static_cast<std::size_t>(event.example)];
      if (event.step >= now) continue;
      count(event.example, -1);
      now = event.step;
      count(event.example, 1);
    }
    const auto n = static_cast<double>(walk.n());
    return MemberScore{{sum.cost / n, sum.loss / n, sum.excess / n, sum.difference / n}, regressions, repairs};
  };
  const auto best = best_member(thresholds.size(), examples, budget, walk.ends_full, score);
  if (!best) return std::nullopt;
  return BestThreshold{thresholds[best->first], best->second};
}

/// best_threshold on the calibration trace, as a policy that exits along `stages`.
inline std::optional<TunedRule> tune_threshold(const Topology& topology, const Trace& calibration,
                                               const Confidence& confidence, const Budget& budget, const Walk& stages) {
  const auto best = best_threshold(ThresholdWalk(topology, calibration, confidence, stages), budget);
  if (!best) return std::nullopt;
  const double threshold = confidence.exit_when_high ? best->value : -best->value;
  const std::vector<double> thresholds_of_all(stages.size() - 1, threshold);
  const Policy policy = threshold_policy(topology, calibration, confidence, thresholds_of_all, stages);
  const Estimate exact = Estimate::of(evaluate(policy, calibration));
  return TunedRule{confidence.feature, threshold, MixedPolicy::pure(policy), exact};
}

/// Along nearest successors.
inline std::optional<TunedRule> tune_threshold(const Topology& topology, const Trace& calibration,
                                               const Confidence& confidence, const Budget& budget) {
  return tune_threshold(topology, calibration, confidence, budget, nearest_walk(topology));
}

/// What the best shared threshold along `stages` does on a trace.
inline std::optional<Estimate> threshold_estimate(const Topology& topology, const Trace& trace,
                                                  const Confidence& confidence, const Budget& budget,
                                                  const Walk& stages) {
  const auto best = best_threshold(ThresholdWalk(topology, trace, confidence, stages), budget);
  if (!best) return std::nullopt;
  return best->estimate;
}

/// One threshold along nearest successors up to the stage that is found on the training trace (tune_free_end), tuned on
/// the calibration trace; both as the rule sees them. O(stages m log m) for m = n stages.
inline std::optional<TunedRule> tune_shared_threshold(const Topology& topology, const Trace& training,
                                                      const Trace& calibration, const Confidence& confidence,
                                                      const Budget& budget) {
  return tune_free_end(
      nearest_walk(topology), {budget, training.size(), calibration.size()},
      [&](const Walk& walk, const Budget& kept) {
        return threshold_estimate(topology, training, confidence, kept, walk);
      },
      [&](const Walk& walk, const Budget& asked) {
        return tune_threshold(topology, calibration, confidence, asked, walk);
      });
}

}  // namespace weir::detail
