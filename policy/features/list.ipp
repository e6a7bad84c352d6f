// What list.hpp declares: the list itself.
#pragma once
#include <mutex>
#include <weir/core/error.hpp>
#include <weir/policy/features/confidence.hpp>
#include <weir/policy/features/energy.hpp>
#include <weir/policy/features/image_statistics.hpp>
#include <weir/policy/features/list.hpp>
#include <weir/policy/features/pooled.hpp>
#include <weir/policy/features/sorted_probabilities.hpp>

namespace weir::detail {

/// weir's groups, and those of a program's own behind them. Room for all is there from the start, so that what was
/// handed out stays where it is.
struct FeatureRegistry {
  static constexpr std::size_t most = 32;
  std::mutex mutex;
  std::vector<FeatureGroup> groups;

  FeatureRegistry() {
    groups.reserve(most);
    groups = {confidence_group, energy_group, sorted_group, pooled_group, image_group};
    groups.reserve(most);
  }
  static FeatureRegistry& of_process() {
    static FeatureRegistry registry;
    return registry;
  }
};

WEIR_INLINE std::span<const FeatureGroup> feature_list() { return FeatureRegistry::of_process().groups; }

}  // namespace weir::detail

namespace weir {

WEIR_INLINE void register_feature_group(const FeatureGroup& group) {
  if (group.name.empty() || group.names == nullptr || group.owns == nullptr || group.fill == nullptr ||
      group.flops == nullptr)
    throw ArgumentError("register_feature_group: a name and all four functions are needed");
  detail::FeatureRegistry& registry = detail::FeatureRegistry::of_process();
  const std::lock_guard lock(registry.mutex);
  for (const FeatureGroup& other : registry.groups)
    if (other.name == group.name)
      throw ArgumentError(detail::message({"register_feature_group: there is a group '", group.name, "' already"}));
  if (registry.groups.size() == detail::FeatureRegistry::most)
    throw ArgumentError(
        detail::message({"register_feature_group: at most ", detail::FeatureRegistry::most, " groups"}));
  registry.groups.push_back(group);
}

WEIR_INLINE std::vector<std::string> feature_group_names() {
  std::vector<std::string> names;
  for (const FeatureGroup& group : detail::feature_list()) names.emplace_back(group.name);
  return names;
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE std::size_t feature_group_index(std::string_view name) {
  std::string known;
  for (std::size_t g = 0; g < feature_list().size(); ++g) {
    if (feature_list()[g].name == name) return g;
    known += (g == 0 ? "" : ", ") + std::string(feature_list()[g].name);
  }
  throw ArgumentError(detail::message({"features '", name, "' are unknown; known: ", known}));
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE std::string_view group_of_feature(std::string_view feature) {
  for (const FeatureGroup& group : detail::feature_list())
    if (group.owns(feature)) return group.name;
  return detail::feature_list().front().name;
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE std::vector<std::string> in_list_order(const std::vector<std::string>& groups) {
  std::vector<bool> used(feature_list().size(), false);
  used[0] = true;
  for (const std::string& name : groups) used[feature_group_index(name)] = true;
  std::vector<std::string> sorted;
  for (std::size_t g = 0; g < used.size(); ++g)
    if (used[g]) sorted.emplace_back(feature_list()[g].name);
  return sorted;
}

}  // namespace weir::detail
