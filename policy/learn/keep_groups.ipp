// What keep_groups.hpp declares.
#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/features/list.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

WEIR_INLINE std::vector<std::string> feature_groups_of(const Trace& trace) {
  std::vector<std::string> groups;
  for (const StageTrace& s : trace.stages)
    for (const std::string& name : s.feature_names) groups.emplace_back(group_of_feature(name));
  return in_list_order(groups);
}

WEIR_INLINE StageCost keep_groups(StageCost cost, const std::vector<std::string>& groups) {
  const auto kept = in_list_order(groups);
  std::erase_if(cost.feature_costs, [&](const auto& entry) {
    if (std::ranges::find(kept, entry.first) != kept.end()) return false;
    const double saved = std::min(entry.second, cost.answer_cost);
    cost.answer_cost -= saved;
    cost.cost -= saved;
    return true;
  });
  return cost;
}

WEIR_INLINE CostModel keep_groups(CostModel model, const std::vector<std::string>& groups) {
  for (auto& costs : model.costs)
    for (StageCost& c : costs) c = keep_groups(std::move(c), groups);
  return model;
}

WEIR_INLINE Trace keep_groups(const Trace& trace, const std::vector<std::string>& groups) {
  const auto kept = in_list_order(groups);
  const auto keeps = [&](std::string_view group) { return std::ranges::find(kept, group) != kept.end(); };
  Trace out = trace;
  for (StageTrace& s : out.stages) {
    std::vector<Eigen::Index> columns;
    std::vector<std::string> names;
    for (std::size_t f = 0; f < s.feature_names.size(); ++f) {
      if (!keeps(group_of_feature(s.feature_names[f]))) continue;
      columns.push_back(static_cast<Eigen::Index>(f));
      names.push_back(s.feature_names[f]);
    }
    if (names.size() < s.feature_names.size()) s.features = Eigen::MatrixXd(s.features(Eigen::all, columns));
    s.feature_names = std::move(names);
  }
  std::vector<StageCost> costs = trace.costs();
  for (StageCost& c : costs) c = keep_groups(std::move(c), groups);
  out.set_costs(costs, trace.cost_unit);
  return out;
}

}  // namespace weir::detail
