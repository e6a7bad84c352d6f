/// Every group of features by name. To add one: write its file, include it, and give it one line here; the executor,
/// policy files, traces, the choice of features and the tests walk this list.
#pragma once
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/features/confidence.hpp>
#include <weir/policy/features/energy.hpp>
#include <weir/policy/features/image_statistics.hpp>
#include <weir/policy/features/pooled.hpp>
#include <weir/policy/features/sorted_probabilities.hpp>

namespace weir {

/// In the order in which a stage's features stand. The first is always there.
inline constexpr std::array feature_list{confidence_group, energy_group, sorted_group, pooled_group, image_group};

/// "confidence", "energy", ... in the list's order.
inline std::vector<std::string> feature_group_names() {
  std::vector<std::string> names;
  for (const FeatureGroup& group : feature_list) names.emplace_back(group.name);
  return names;
}

/// Place of a group in the list. Throws ArgumentError naming the known ones.
inline std::size_t feature_group_index(std::string_view name) {
  std::string known;
  for (std::size_t g = 0; g < feature_list.size(); ++g) {
    if (feature_list[g].name == name) return g;
    known += (g == 0 ? "" : ", ") + std::string(feature_list[g].name);
  }
  throw ArgumentError("features '" + std::string(name) + "' are unknown; known: " + known);
}

/// The group that a feature's name belongs to; "confidence" for names of other frameworks, which are always kept.
inline std::string_view group_of_feature(std::string_view feature) {
  const auto* owner = std::ranges::find_if(feature_list, [&](const FeatureGroup& g) { return g.owns(feature); });
  return owner == feature_list.end() ? feature_list.front().name : owner->name;
}

/// Sorted as in the list, each once, and with the first. Throws ArgumentError for an unknown name.
inline std::vector<std::string> in_list_order(const std::vector<std::string>& groups) {
  std::array<bool, feature_list.size()> used{true};
  for (const std::string& name : groups) used[feature_group_index(name)] = true;
  std::vector<std::string> sorted;
  for (std::size_t g = 0; g < used.size(); ++g)
    if (used[g]) sorted.emplace_back(feature_list[g].name);
  return sorted;
}

}  // namespace weir
