/// Every group of features by name. To add one: write its file, include it in list.ipp, and give it one line there; the
/// executor, policy files, traces, the choice of features and the tests go through this list. A program adds its own by
/// register_feature_group().
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/features/feature_group.hpp>

namespace weir::detail {

/// In the order in which a stage's features stand. The first is always there.
std::span<const FeatureGroup> feature_list();

}  // namespace weir::detail

namespace weir {

/// Adds a group of a program's own at the end of the list, for the whole process: before any cascade, policy file or
/// trace is made or read. The strings of its name and summary must outlive the process's use of it. Throws
/// ArgumentError for a name that is taken, or too many of them (32).
void register_feature_group(const FeatureGroup& group);

/// "confidence", "energy", ... in the list's order.
std::vector<std::string> feature_group_names();

}  // namespace weir

namespace weir::detail {

/// Place of a group in the list. Throws ArgumentError naming the known ones.
std::size_t feature_group_index(std::string_view name);

}  // namespace weir::detail

namespace weir {

/// The group that a feature's name belongs to; "confidence" for names of other frameworks, which are always kept.
std::string_view group_of_feature(std::string_view feature);

}  // namespace weir

namespace weir::detail {

/// Sorted as in the list, each once, and with the first. Throws ArgumentError for an unknown name.
std::vector<std::string> in_list_order(const std::vector<std::string>& groups);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/features/list.ipp>
#endif
