/// A threshold for each stage, lowered one at a time where that saves most for the loss it adds.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/free_end.hpp>
#include <weir/policy/compare/rules/threshold_walk.hpp>

namespace weir::detail {

/// Greedy search over thresholds, one for each step of a walk. Starts where no example exits. Each move lowers one
/// step's threshold to any lower one of `levels` quantiles of its statistic: the move that saves most cost for the
/// excess loss that it adds, among moves that add none the one that saves most, the earlier step and the smaller move
/// of equals. Ends where no move saves anything. Returns the thresholds on the way, [members][steps - 1]; no more than
/// levels (steps - 1) + 1 of them, each O(n steps).
inline std::vector<std::vector<double>> greedy_path(const ThresholdWalk& walk, std::size_t levels) {
  const Eigen::Index n = walk.n(), gates = walk.confidence.cols();
  std::vector<std::vector<Eigen::Index>> order(static_cast<std::size_t>(gates));
  for (Eigen::Index w = 0; w < gates; ++w) {
    auto& rank = order[static_cast<std::size_t>(w)];
    rank.resize(static_cast<std::size_t>(n));
    std::iota(rank.begin(), rank.end(), Eigen::Index{0});
    std::stable_sort(rank.begin(), rank.end(),
                     [&](Eigen::Index a, Eigen::Index b) { return walk.confidence(a, w) > walk.confidence(b, w); });
  }
  const auto excess = [&](Eigen::Index i, Eigen::Index w) {
    return std::max(0.0, walk.loss(i, w) - walk.full_loss(i));
  };
  struct Move {
    double saved = 0, loss = 0;
    Eigen::Index step = 0;
    std::size_t end = 0;  ///< this number of the step's order pass the new threshold
    bool before(const Move& other) const {
      if (loss <= 0 && other.loss <= 0) return saved > other.saved;
      if (loss <= 0 || other.loss <= 0) return loss <= 0;
      return saved * other.loss > other.saved * loss;
    }
  };
  std::vector<std::size_t> passed(static_cast<std::size_t>(gates), 0);
  std::vector<Eigen::Index> exit(static_cast<std::size_t>(n), gates);
  std::vector<std::vector<double>> path{std::vector<double>(static_cast<std::size_t>(gates), never_exit)};
  const auto stride = std::max<std::size_t>(1, static_cast<std::size_t>(n) / levels);
  while (true) {
    std::optional<Move> best;
    for (Eigen::Index w = 0; w < gates; ++w) {
      const auto& rank = order[static_cast<std::size_t>(w)];
      Move move{0, 0, w, 0};
      std::size_t unmarked = 0;
      for (std::size_t r = passed[static_cast<std::size_t>(w)]; r < rank.size(); ++r) {
        const Eigen::Index i = rank[r], now = exit[static_cast<std::size_t>(i)];
        if (now > w) {
          move.saved += walk.spent[static_cast<std::size_t>(now)] - walk.spent[static_cast<std::size_t>(w)];
          move.loss += excess(i, w) - excess(i, now);
        }
        ++unmarked;
        const bool last = r + 1 == rank.size();
        if (!last && (unmarked < stride || walk.confidence(rank[r + 1], w) == walk.confidence(i, w))) continue;
        unmarked = 0;
        move.end = r + 1;
        if (move.saved > 0 && (!best || move.before(*best))) best = move;
      }
    }
    if (!best) return path;
    const auto at = static_cast<std::size_t>(best->step);
    for (std::size_t r = passed[at]; r < best->end; ++r) {
      Eigen::Index& now = exit[static_cast<std::size_t>(order[at][r])];
      now = std::min(now, best->step);
    }
    passed[at] = best->end;
    path.push_back(path.back());
    path.back()[at] = walk.confidence(order[at][best->end - 1], best->step);
  }
}

/// The place on the greedy path of the training trace that keeps the budget best on the calibration trace, along
/// nearest successors up to the stage with which the path does best on the training trace (tune_free_end).
inline std::optional<TunedRule> tune_greedy(const std::string& name, const Topology& topology, const Trace& training,
                                            const Trace& calibration, const Confidence& by, const Budget& budget) {
  std::map<Walk, std::vector<std::vector<double>>> families;
  return tune_free_end(
      nearest_walk(topology), {budget, training.size(), calibration.size()},
      [&](const Walk& stages, const Budget& kept) -> std::optional<Estimate> {
        const ThresholdWalk walk(topology, training, by, stages);
        auto& family = families[stages];
        if (family.empty()) family = greedy_path(walk, 100);
        const auto best = best_member(family.size(), training.size(), kept, walk.ends_full,
                                      [&](std::size_t i) { return walk.score(family[i]); });
        if (!best) return std::nullopt;
        return best->second;
      },
      [&](const Walk& stages, const Budget& asked) {
        const auto& family = families.at(stages);
        std::vector<double> parameter(family.size());
        std::iota(parameter.begin(), parameter.end(), 0.0);
        return tune_thresholds(name, topology, calibration, by, asked, family, parameter, stages);
      });
}

/// A threshold on the largest probability for each stage, by greedy search on the training trace (percentiles); how far
/// to go is tuned on the calibration trace. Threshold search per exit is common practice; the order of the search is
/// ours.
inline std::optional<TunedRule> tune_greedy_thresholds(const RuleData& data) {
  return tune_greedy("greedy_thresholds", data.topology, data.training, data.calibration, {"max_probability", true},
                     data.budget);
}

}  // namespace weir::detail
