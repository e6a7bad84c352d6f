/// A trace as if it had been recorded with fewer groups of features.
#pragma once
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// The groups of features that a trace holds, in the list's order.
std::vector<std::string> feature_groups_of(const Trace& trace);

/// The cost of a stage without other groups of features than these, where it says what they take.
StageCost keep_groups(StageCost cost, const std::vector<std::string>& groups);

/// The same for all stages and sizes of batch.
CostModel keep_groups(CostModel model, const std::vector<std::string>& groups);

/// Without the features of other groups than these, and without the time that those took where the trace says it
/// (StageTrace::feature_costs): a group costs when, and only when, it is used. "confidence", and names that belong to
/// no group, stay. Throws ArgumentError for an unknown group.
Trace keep_groups(const Trace& trace, const std::vector<std::string>& groups);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/keep_groups.ipp>
#endif
