/// Feature group "energy": the size of a stage's logits, which its probabilities have lost.
#pragma once
#include <cmath>
#include <weir/policy/features/feature_group.hpp>

namespace weir::detail {

/// "energy"     ln sum_c exp z_c: the energy score -E(x) at temperature 1. Liu, Wang, Owens, Li, "Energy-based
///              out-of-distribution detection", NeurIPS 2020, eq. 4.
/// "max_logit"  max_c z_c. Hendrycks et al., "Scaling out-of-distribution detection for real-world settings", ICML
/// 2022.
///
/// Computed as z_y - ln p_y at the prediction y, which equals ln sum exp z since p_y = exp(z_y) / sum exp z, and needs
/// no pass over the classes. p_y is at least 1 / classes, so nothing is lost to underflow; the error is that of p_y, a
/// float: about 1e-7. O(1). Stages that give only probabilities (FeatureLayout::has_logits) have none of this; an exit
/// head's logits are divided by its temperature.
inline constexpr FeatureGroup energy_group{
    "energy",
    "log-sum-exp and maximum of the logits",
    FeatureInput::answer,
    [](const FeatureLayout& l) {
      return l.has_logits ? std::vector<std::string>{"energy", "max_logit"} : std::vector<std::string>{};
    },
    [](std::string_view name) { return name == "energy" || name == "max_logit"; },
    [](const FeatureLayout&, FeatureSource& s, std::span<double> out) {
      const auto y = static_cast<std::size_t>(s.prediction);
      const auto z = static_cast<double>(s.logits[y]);
      out[0] = z - std::log(static_cast<double>(s.probabilities[y]));
      out[1] = z;
    },
    [](const FeatureLayout&) { return 20.0; },
};

}  // namespace weir::detail
