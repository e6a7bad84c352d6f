/// Feature group "sorted": the probabilities behind the first three, largest first.
#pragma once
#include <algorithm>
#include <array>
#include <weir/policy/features/feature_group.hpp>

namespace weir::detail {

/// Depth of the sorted probabilities by default, and at most.
inline constexpr std::size_t default_sorted_depth = 10, max_sorted_depth = 32;

/// "probability_4", ..., "probability_<depth>": p_(4) .. p_(depth), the largest first; "confidence" holds p_(1) to
/// p_(3). No more than there are classes. One pass, O(classes + depth x how often a class is among the first depth so
/// far).
inline constexpr FeatureGroup sorted_group{
    "sorted",
    "the 4th to 10th largest probability",
    FeatureInput::answer,
    [](const FeatureLayout& l) {
      std::vector<std::string> names;
      for (std::size_t rank = 4; rank <= std::min({l.depth, l.n_classes, max_sorted_depth}); ++rank)
        names.push_back("probability_" + std::to_string(rank));
      return names;
    },
    [](std::string_view name) { return is_numbered(name, "probability_"); },
    [](const FeatureLayout&, FeatureSource& s, std::span<double> out) {
      const std::size_t depth = out.size() + 3;
      std::array<float, max_sorted_depth> top{};
      std::size_t n = 0;
      for (const float p : s.probabilities) {
        if (n == depth && !(p > top[n - 1])) continue;
        std::size_t at = n < depth ? n++ : n - 1;
        for (; at > 0 && top[at - 1] < p; --at) top[at] = top[at - 1];
        top[at] = p;
      }
      for (std::size_t f = 0; f < out.size(); ++f) out[f] = static_cast<double>(top[f + 3]);
    },
    [](const FeatureLayout& l) { return static_cast<double>(l.n_classes); },
};

}  // namespace weir::detail
