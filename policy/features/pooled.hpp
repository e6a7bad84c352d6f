/// Feature group "pooled": what a layer of the network holds, pooled over the image and projected.
#pragma once
#include <weir/policy/features/feature_group.hpp>

namespace weir::detail {

/// "pool_0", "pool_1", ...: PooledProjection of the stage's activations (CascadeStage::projection). At an exit these
/// are the tensor and the pooled vector that its head reads anyway, so only the projection is paid, 2 n_pooled size
/// floating-point operations; at a network's end a layer that is named, with C H W more to pool it.
inline constexpr FeatureGroup pooled_group{
    "pooled",
    "pooled activations, projected to what predicts losses",
    FeatureInput::activations,
    [](const FeatureLayout& l) {
      std::vector<std::string> names;
      for (std::size_t i = 0; i < l.n_pooled; ++i) names.push_back("pool_" + std::to_string(i));
      return names;
    },
    [](std::string_view name) { return is_numbered(name, "pool_"); },
    [](const FeatureLayout&, FeatureSource& s, std::span<double> out) {
      const float* pooled = s.pooled.data();
      if (s.pooled.empty()) {
        s.projection->pool()(s.activations, s.example, s.scratch);
        pooled = s.scratch;
      }
      (*s.projection)(pooled, out);
    },
    [](const FeatureLayout& l) { return 2.0 * static_cast<double>(l.n_pooled * l.n_pool_inputs); },
};

}  // namespace weir::detail
