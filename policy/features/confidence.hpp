/// Feature group "confidence": what every policy reads.
#pragma once
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/features/feature_group.hpp>

namespace weir::detail {

/// confidence_features() of the class probabilities, the predicted class among them. O(classes).
inline constexpr FeatureGroup confidence_group{
    "confidence",
    "largest probabilities, margin, entropy, log odds, predicted class",
    FeatureInput::answer,
    [](const FeatureLayout& l) { return confidence_feature_names(static_cast<int>(l.n_classes), l.with_class); },
    [](std::string_view name) {
      for (const std::string& own : confidence_feature_names(0))
        if (name == own) return true;
      return is_numbered(name, "class_");
    },
    [](const FeatureLayout&, FeatureSource& s, std::span<double> out) {
      s.prediction = confidence_features(s.probabilities, out);
    },
    [](const FeatureLayout&) { return 0.0; },
};

}  // namespace weir::detail
