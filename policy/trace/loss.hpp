/// Loss: what an answer costs that is wrong.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/exits/probabilities.hpp>

namespace weir {

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
