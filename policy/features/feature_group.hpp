/// What a group of features is: its names, its cost, and how it is computed from what a stage has at hand.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/tensor.hpp>
#include <weir/policy/exits/pooled_projection.hpp>

namespace weir {

/// What is known of a stage before it runs: which features there are follows from it.
struct FeatureLayout {
  std::size_t n_classes = 0;
  bool with_class = true;          ///< the predicted class is among the features (where there are few classes)
  bool has_logits = true;          ///< the answer is a softmax of logits that the stage has
  std::size_t depth = 0;           ///< of the sorted probabilities
  std::size_t n_pooled = 0;        ///< projected pooled activations; 0: the stage has none
  std::size_t n_pool_inputs = 0;   ///< what they are projected from
  std::size_t image_channels = 0;  ///< of the network's input; 0: no image here
  std::size_t image_pixels = 0;    ///< H W of it, where known: only for counted costs
};

/// What a stage has at hand for one example. A group reads what its `reads` says, and only that need be there.
struct FeatureSource {
  std::span<const float> probabilities{};  ///< [classes]
  std::span<const float> logits{};         ///< [classes], or empty where the network itself ends in a softmax
  int prediction = 0;                      ///< set by "confidence", the first of the list
  const detail::PooledProjection* projection = nullptr;
  std::span<const float> pooled{};     ///< [n_pooled of the projection] where the exit head has pooled already; or
  const float* activations = nullptr;  ///< the tensor to pool, of shape `example`, with `scratch` for the result
  Shape example{};
  float* scratch = nullptr;
  const float* image = nullptr;  ///< the network's input, of shape image_shape [C, H, W]
  Shape image_shape{};
};

/// The parts of a FeatureSource.
enum class FeatureInput {
  answer,       ///< probabilities and logits
  activations,  ///< projection and what is pooled
  image         ///< the network's input
};

/// One line of feature_list. Neither allocates per image nor depends on other images.
struct FeatureGroup {
  std::string_view name;
  std::string_view summary;
  FeatureInput reads;
  /// Names of the features that a stage of this layout has, [d]; none where it lacks what they are made from.
  std::vector<std::string> (*names)(const FeatureLayout&);
  /// True of every name that `names` may give: traces and policy files say by names which groups they hold.
  bool (*owns)(std::string_view name);
  /// Writes d values. Sizes are trusted.
  void (*fill)(const FeatureLayout&, FeatureSource&, std::span<double> out);
  /// Floating-point operations for one example, about.
  double (*flops)(const FeatureLayout&);
};

}  // namespace weir

namespace weir::detail {

/// True for `prefix` followed by digits only.
inline bool is_numbered(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

}  // namespace weir::detail
