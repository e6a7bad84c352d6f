// What loss.hpp declares.
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
#include <weir/policy/trace/loss.hpp>

namespace weir::detail {

WEIR_INLINE double top_k_loss(std::span<const float> scores, int label, int k) {
  check_label(label, scores.size());
  const float own = scores[static_cast<std::size_t>(label)];
  int above = 0;
  for (std::size_t c = 0; c < scores.size(); ++c)
    if (scores[c] > own || (scores[c] == own && static_cast<int>(c) < label)) ++above;
  return above < k ? 0.0 : 1.0;
}

WEIR_INLINE double cross_entropy(std::span<const float> p, int label) {
  check_label(label, p.size());
  return std::min(-std::log(std::max(static_cast<double>(p[static_cast<std::size_t>(label)]), 1e-30)), 30.0);
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Loss::Loss(const std::string& name) : name_(name) {
  if (name == "cross_entropy") return;
  const bool digits = name.size() > 3 && name.size() < 7 &&
                      std::all_of(name.begin() + 3, name.end(), [](char c) { return c >= '0' && c <= '9'; });
  k_ = name.rfind("top", 0) == 0 && digits ? std::stoi(name.substr(3)) : 0;
  if (k_ < 1) throw ArgumentError(detail::message({"loss '", name, "' is unknown: top1, top5, top<k>, cross_entropy"}));
}

WEIR_INLINE Loss::Loss(std::string name, Function function, bool binary)
    : name_(std::move(name)), function_(std::move(function)), binary_(binary) {}

WEIR_INLINE Loss Loss::of_costs(std::string name, std::vector<double> costs, std::size_t classes) {
  if (classes < 2 || costs.size() / classes != classes || costs.size() % classes != 0)
    throw ArgumentError(
        detail::message({"loss '", name, "': ", costs.size(), " costs are not a square of ", classes, " classes"}));
  for (const double c : costs)
    if (!(c >= 0) || !std::isfinite(c))
      throw ArgumentError(detail::message({"loss '", name, "': costs must be finite and >= 0"}));
  const bool binary = std::all_of(costs.begin(), costs.end(), [](double c) { return c == 0 || c == 1; });
  Function cost = [costs = std::move(costs), classes, name](std::span<const float> p, int label) {
    detail::check_label(label, classes);
    if (p.size() != classes)
      throw ArgumentError(detail::message({"loss '", name, "' of ", classes, " classes, got ", p.size()}));
    return costs[static_cast<std::size_t>(label) * classes + static_cast<std::size_t>(detail::argmax(p))];
  };
  return {std::move(name), std::move(cost), binary};
}

WEIR_INLINE double Loss::operator()(std::span<const float> probabilities, int label) const {
  if (function_) return function_(probabilities, label);
  return k_ > 0 ? detail::top_k_loss(probabilities, label, k_) : detail::cross_entropy(probabilities, label);
}

}  // namespace weir
