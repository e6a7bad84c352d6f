/// A trace as if it had been recorded with fewer groups of features.
#pragma once
#include <algorithm>
#include <string>
#include <vector>
#include <weir/policy/features/list.hpp>
#include <weir/policy/trace.hpp>

namespace weir {

/// The groups of features that a trace holds, in the list's order.
inline std::vector<std::string> feature_groups_of(const Trace& trace) {
  std::vector<std::string> groups;
  for (const StageTrace& s : trace.stages)
    for (const std::string& name : s.feature_names) groups.emplace_back(group_of_feature(name));
  return in_list_order(groups);
}

/// Without the features of other groups than these, and without the time that those took where the trace says it
/// (StageTrace::feature_seconds): a group costs when, and only when, it is used. "confidence", and names that belong to
/// no group, stay. Throws ArgumentError for an unknown group.
inline Trace keep_groups(const Trace& trace, const std::vector<std::string>& groups) {
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
    std::erase_if(s.feature_seconds, [&](const auto& entry) {
      if (keeps(entry.first)) return false;
      const double saved = std::min(entry.second, s.answer_seconds);
      s.answer_seconds -= saved;
      s.seconds -= saved;
      return true;
    });
  }
  return out;
}

}  // namespace weir
