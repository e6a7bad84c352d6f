/// Class probabilities: softmax, and what is read off a vector of them.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <weir/core/error.hpp>

namespace weir::detail {

/// Index of the largest value; the lowest of equals.
inline int argmax(std::span<const float> values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

/// p_c = exp(z_c - max z) / sum. May work in place. O(classes).
inline void softmax(std::span<const float> logits, std::span<float> probabilities) {
  const float top = *std::max_element(logits.begin(), logits.end());
  float sum = 0;
  for (std::size_t c = 0; c < logits.size(); ++c) sum += probabilities[c] = std::exp(logits[c] - top);
  for (float& p : probabilities) p /= sum;
}

/// True if the values are finite, not negative and add up to 1 (within 1e-3): the network ends in a softmax.
inline bool is_distribution(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) {
    if (!(v >= 0)) return false;
    sum += static_cast<double>(v);
  }
  return std::abs(sum - 1) < 1e-3;
}

inline void check_label(int label, std::size_t n_classes) {
  if (label < 0 || static_cast<std::size_t>(label) >= n_classes)
    throw ArgumentError(detail::message({"label ", label, " is not among ", n_classes, " classes"}));
}

}  // namespace weir::detail
