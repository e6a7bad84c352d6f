/// StageFeatures: all features of one stage, by the one function that recording and running share.
#pragma once
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/features/list.hpp>
#include <weir/policy/features/sorted_probabilities.hpp>

namespace weir {

/// Which features the gates of a cascade see.
struct FeatureOptions {
  /// with_class: gates see which class was predicted (where there are few classes). groups: names of feature_list;
  /// "confidence" is always among them. Throws ArgumentError for an unknown group and a depth out of range.
  FeatureOptions(bool with_predicted_class = true, const std::vector<std::string>& group_names = {},
                 std::size_t depth = detail::default_sorted_depth)
      : with_class(with_predicted_class), groups(detail::in_list_order(group_names)), sorted_depth(depth) {
    if (depth < 3 || depth > detail::max_sorted_depth)
      throw ArgumentError(detail::message(
          {"features: sorted probabilities to a depth of 3 to ", detail::max_sorted_depth, ", not ", depth}));
  }

  bool with_class;
  std::vector<std::string> groups;  ///< in the list's order
  std::size_t sorted_depth;         ///< of "sorted"
  std::size_t image_channels = 0;   ///< of "image": where networks are at hand they say so themselves

  bool has(std::string_view group) const { return std::ranges::find(groups, group) != groups.end(); }

  /// The options that gave these features of the stages: what a policy file or a trace says by its names.
  static FeatureOptions of_names(const std::vector<std::vector<std::string>>& stages) {
    FeatureOptions o(false);
    std::size_t depth = 0;
    for (const auto& names : stages)
      for (const std::string& name : names) {
        o.groups.emplace_back(group_of_feature(name));
        if (detail::is_numbered(name, "class_")) o.with_class = true;
        if (detail::is_numbered(name, "image_mean_")) ++o.image_channels;
        if (detail::sorted_group.owns(name)) depth = std::max(depth, std::stoul(name.substr(12, 4)));
      }
    o.groups = detail::in_list_order(o.groups);
    if (depth > 0) o.sorted_depth = std::min(depth, detail::max_sorted_depth);
    return o;
  }
};

/// The features of one stage, in the order of feature_list. Immutable; allocates nothing but when it is made.
class StageFeatures {
 public:
  StageFeatures() = default;
  StageFeatures(const FeatureLayout& layout, const FeatureOptions& options) : layout_(layout) {
    layout_.with_class = options.with_class;
    layout_.depth = options.sorted_depth;
    for (const std::string& name : options.groups) {
      const FeatureGroup& group = detail::feature_list()[detail::feature_group_index(name)];
      const auto names = group.names(layout_);
      if (names.empty()) continue;
      parts_.push_back({&group, names_.size(), names.size()});
      names_.insert(names_.end(), names.begin(), names.end());
    }
  }

  std::size_t size() const { return names_.size(); }
  const std::vector<std::string>& names() const { return names_; }
  const FeatureLayout& layout() const { return layout_; }
  bool reads(FeatureInput input) const {
    return std::ranges::any_of(parts_, [&](const Part& p) { return p.group->reads == input; });
  }

  /// Writes the features that are made from `input` to their places in out [size()]. Where seconds is not null, each
  /// group's time is added to seconds[index in feature_list]. Throws ArgumentError naming the feature that is NaN or
  /// infinite, so that no gate ever sees one.
  void fill(FeatureInput input, FeatureSource& source, std::span<double> out, double* seconds = nullptr) const {
    using Clock = std::chrono::steady_clock;
    for (const Part& part : parts_) {
      if (part.group->reads != input) continue;
      const auto start = seconds != nullptr ? Clock::now() : Clock::time_point{};
      part.group->fill(layout_, source, out.subspan(part.first, part.size));
      for (std::size_t f = part.first; f < part.first + part.size; ++f)
        if (!std::isfinite(out[f])) throw ArgumentError(detail::message({"feature '", names_[f], "' is ", out[f]}));
      if (seconds != nullptr)
        seconds[detail::feature_group_index(part.group->name)] +=
            std::chrono::duration<double>(Clock::now() - start).count();
    }
  }

  /// What each group counts, by index in feature_list: floating-point operations, about.
  std::vector<double> flops() const {
    std::vector<double> all(detail::feature_list().size(), 0);
    for (const Part& part : parts_) all[detail::feature_group_index(part.group->name)] = part.group->flops(layout_);
    return all;
  }

 private:
  struct Part {
    const FeatureGroup* group;
    std::size_t first, size;
  };

  FeatureLayout layout_;
  std::vector<Part> parts_;
  std::vector<std::string> names_;
};

}  // namespace weir
