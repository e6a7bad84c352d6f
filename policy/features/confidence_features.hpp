/// What a stage's answer says about its own reliability.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>

namespace weir::detail {

/// Up to this many classes, the predicted class is given as one feature per class.
inline constexpr int max_one_hot_classes = 20;

/// "max_probability", "second_probability", "third_probability", "margin", "entropy", "log_odds", and for few classes
/// "class_0", "class_1", ... (unless with_class is false: features that do not tell classes apart)
inline std::vector<std::string> confidence_feature_names(int classes, bool with_class = true) {
  std::vector<std::string> names = {"max_probability", "second_probability", "third_probability", "margin", "entropy",
                                    "log_odds"};
  if (with_class && classes <= max_one_hot_classes)
    for (int c = 0; c < classes; ++c) names.push_back("class_" + std::to_string(c));
  return names;
}

/// Features of a vector of class probabilities p, in the order of confidence_feature_names:
///
///     p_(1), p_(2), p_(3)   the three largest
///     p_(1) - p_(2)         margin
///     -sum p ln p           entropy in nats, 0 to ln(classes)
///     ln p_(1)/p_(2)        log odds of the two, cut to [0, 30]: keeps resolution where p_(1) is nearly 1
///     1[prediction = c]     for each class, where out has room for them
///
/// Returns the prediction. Allocates nothing. Throws ArgumentError if a probability is NaN or negative, so that no gate
/// ever sees one. O(classes). Features after Bolukbasi et al., ICML 2017 (probabilities, entropy).
inline int confidence_features(std::span<const float> p, std::span<double> out) {
  std::array<double, 3> top{};
  int prediction = 0;
  double entropy = 0;
  for (std::size_t c = 0; c < p.size(); ++c) {
    const auto v = static_cast<double>(p[c]);
    if (!(v >= 0) || !std::isfinite(v)) throw ArgumentError(detail::message({"probability of class ", c, " is ", v}));
    if (v > 1e-30) entropy -= v * std::log(v);
    if (c == 0 || v > top[0]) {
      top = {v, top[0], top[1]};
      prediction = static_cast<int>(c);
    } else if (v > top[1]) {
      top = {top[0], v, top[1]};
    } else if (v > top[2]) {
      top[2] = v;
    }
  }
  const double odds = std::log(std::max(top[0], 1e-30) / std::max(top[1], 1e-30));
  std::size_t f = 0;
  for (const double v : {top[0], top[1], top[2], top[0] - top[1], entropy, std::min(odds, 30.0)}) out[f++] = v;
  if (f < out.size())
    for (std::size_t c = 0; c < p.size(); ++c) out[f++] = static_cast<int>(c) == prediction ? 1.0 : 0.0;
  return prediction;
}

}  // namespace weir::detail
