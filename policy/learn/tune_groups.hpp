/// Which groups of features are worth their time, by the cost of the whole system.
#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/keep_groups.hpp>

namespace weir {

/// A set of groups, and what a system that reads them costs.
struct GroupsTried {
  std::vector<std::string> groups;  ///< in the list's order, "confidence" among them
  double cost = 0;                  ///< system_cost, cross-validated
};

struct GroupTuning {
  GroupsTried best;
  std::vector<GroupsTried> tried;  ///< in the order in which they were; the first is "confidence" alone
};

/// Greedily from "confidence" alone: of the groups offered, the one that lowers the system_cost most is taken, until
/// none does by the share least_gain. Each set is learned and judged by cross_validate on keep_groups(), in which a
/// group costs its seconds (StageTrace::feature_seconds) where it is used; so a group is taken only if it saves more
/// than it takes, and by more than folds disagree by. progress(done, total) after each. Time: at most g (g + 1) / 2 + 1
/// cross-validations. Throws what they throw, and ArgumentError for an unknown group.
inline GroupTuning tune_groups(const Trace& trace, const Topology& topology, const TrainOptions& train,
                               const std::vector<std::string>& offered, const Budget& budget,
                               const CrossValidation& options, double least_gain = 0.01,
                               const std::function<void(std::size_t, std::size_t)>& progress = {}) {
  std::vector<std::string> left = in_list_order(offered);
  left.erase(left.begin());  // "confidence" is in every set
  const std::size_t most = left.size() * (left.size() + 1) / 2 + 1;
  GroupTuning tuning;
  const auto judge = [&](std::vector<std::string> groups) {
    groups = in_list_order(groups);
    const double cost = system_cost(cross_validate(keep_groups(trace, groups), topology, train, options), budget);
    tuning.tried.push_back({std::move(groups), cost});
    if (progress) progress(tuning.tried.size(), most);
    return tuning.tried.back();
  };
  tuning.best = judge({});
  while (!left.empty()) {
    GroupsTried next;
    std::size_t taken = left.size();
    for (std::size_t g = 0; g < left.size(); ++g) {
      std::vector<std::string> groups = tuning.best.groups;
      groups.push_back(left[g]);
      GroupsTried now = judge(groups);
      if (taken < left.size() && !(now.cost < next.cost)) continue;
      next = std::move(now);
      taken = g;
    }
    if (!(next.cost < tuning.best.cost * (1 - least_gain))) break;
    tuning.best = std::move(next);
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  if (progress) progress(most, most);
  return tuning;
}

}  // namespace weir
