// What tune_groups.hpp declares.
#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/learn/tune_groups.hpp>

namespace weir::detail {

WEIR_INLINE GroupTuning tune_groups(const DesignTrace& trace, const Topology& topology, const TrainOptions& train,
                                    const std::vector<std::string>& offered, const Budget& budget,
                                    const CrossValidation& options, double least_gain,
                                    const std::function<void(std::size_t, std::size_t)>& progress) {
  std::vector<std::string> left = in_list_order(offered);
  left.erase(left.begin());  // "confidence" is in every set
  const std::size_t most = left.size() * (left.size() + 1) / 2 + 1;
  GroupTuning tuning;
  const auto judge = [&](std::vector<std::string> groups) {
    groups = in_list_order(groups);
    const Trace learned = keep_groups(trace.learn, groups), judged = keep_groups(trace.judge, groups);
    const double cost = system_cost(cross_validate({learned, judged}, topology, train, options), budget);
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

}  // namespace weir::detail
