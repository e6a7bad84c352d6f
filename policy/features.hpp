/// What a stage's answer says about its own reliability, and the losses that answers are judged by.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>

namespace weir {

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
    if (!(v >= 0) || !std::isfinite(v))
      throw ArgumentError("probability of class " + std::to_string(c) + " is " + std::to_string(v));
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

namespace detail {

inline void check_label(int label, std::size_t n_classes) {
  if (label < 0 || static_cast<std::size_t>(label) >= n_classes)
    throw ArgumentError("label " + std::to_string(label) + " is not among " + std::to_string(n_classes) + " classes");
}

}  // namespace detail

/// 0 if `label` is among the k largest of the scores (of equal scores the lower class ranks first), else 1: the top-1
/// error for k = 1. Throws ArgumentError for a label that is no class.
inline double top_k_loss(std::span<const float> scores, int label, int k) {
  detail::check_label(label, scores.size());
  const float own = scores[static_cast<std::size_t>(label)];
  int above = 0;
  for (std::size_t c = 0; c < scores.size(); ++c)
    if (scores[c] > own || (scores[c] == own && static_cast<int>(c) < label)) ++above;
  return above < k ? 0.0 : 1.0;
}

/// -ln p_label, cut to at most 30 nats. Throws ArgumentError for a label that is no class.
inline double cross_entropy(std::span<const float> p, int label) {
  detail::check_label(label, p.size());
  return std::min(-std::log(std::max(static_cast<double>(p[static_cast<std::size_t>(label)]), 1e-30)), 30.0);
}

/// A loss of class probabilities and the true label: by name "top1", "top5", "top<k>" or "cross_entropy", or anybody's.
class Loss {
 public:
  using Function = std::function<double(std::span<const float> probabilities, int label)>;

  /// Throws ArgumentError for another name.
  explicit Loss(const std::string& name = "top1") : name_(name) {
    if (name == "cross_entropy") return;
    const bool digits = name.size() > 3 && name.size() < 7 &&
                        std::all_of(name.begin() + 3, name.end(), [](char c) { return c >= '0' && c <= '9'; });
    k_ = name.rfind("top", 0) == 0 && digits ? std::stoi(name.substr(3)) : 0;
    if (k_ < 1) throw ArgumentError("loss '" + name + "' is unknown: top1, top5, top<k>, cross_entropy");
  }
  /// Any function, finite and >= 0. `binary`: it is 0 or 1 everywhere.
  Loss(std::string name, Function function, bool binary = false)
      : name_(std::move(name)), function_(std::move(function)), binary_(binary) {}
  /// What it costs to predict class c where the true one is l: costs [l * classes + c]. Throws ArgumentError unless
  /// there are classes * classes of them, classes >= 2, finite and >= 0.
  static Loss of_costs(std::string name, std::vector<double> costs, std::size_t classes) {
    if (classes < 2 || costs.size() / classes != classes || costs.size() % classes != 0)
      throw ArgumentError("loss '" + name + "': " + std::to_string(costs.size()) + " costs are not a square of " +
                          std::to_string(classes) + " classes");
    for (const double c : costs)
      if (!(c >= 0) || !std::isfinite(c)) throw ArgumentError("loss '" + name + "': costs must be finite and >= 0");
    const bool binary = std::all_of(costs.begin(), costs.end(), [](double c) { return c == 0 || c == 1; });
    Function cost = [costs = std::move(costs), classes, name](std::span<const float> p, int label) {
      detail::check_label(label, classes);
      if (p.size() != classes)
        throw ArgumentError("loss '" + name + "' of " + std::to_string(classes) + " classes, got " +
                            std::to_string(p.size()));
      return costs[static_cast<std::size_t>(label) * classes + static_cast<std::size_t>(argmax(p))];
    };
    return {std::move(name), std::move(cost), binary};
  }
  const std::string& name() const { return name_; }
  /// True if losses are 0 or 1, so that counts and exact limits make sense.
  bool binary() const { return binary_ || k_ > 0; }
  /// Of the k best answers the true one must be one; 0 for losses of another kind.
  int k() const { return k_; }
  double operator()(std::span<const float> probabilities, int label) const {
    if (function_) return function_(probabilities, label);
    return k_ > 0 ? top_k_loss(probabilities, label, k_) : cross_entropy(probabilities, label);
  }

 private:
  std::string name_;
  int k_ = 0;
  Function function_;
  bool binary_ = false;
};

}  // namespace weir
