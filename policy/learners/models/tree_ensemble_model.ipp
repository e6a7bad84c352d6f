// What tree_ensemble_model.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/learners/models/tree_ensemble_model.hpp>

namespace weir::detail {

WEIR_INLINE void to_json(nlohmann::json& json, const TreeEnsembleModel& m) {
  json = {{"n_features", m.d}, {"base", m.base}, {"root", m.roots}};
  for (const char* key : {"feature", "left", "value"}) json[key] = nlohmann::json::array();
  for (const auto& node : m.nodes) {
    json["feature"].push_back(node.feature);
    json["left"].push_back(node.left);
    json["value"].push_back(node.value);
  }
}

WEIR_INLINE void from_json(const nlohmann::json& json, TreeEnsembleModel& m) {
  refuse_unknown_keys(json, {"n_features", "base", "root", "feature", "left", "value"});
  constexpr std::size_t limit = std::size_t{1} << 31U;
  m = TreeEnsembleModel::constant(model_json::number(json, "base"), model_json::index(json, "n_features", limit));
  const auto value = model_json::numbers(json, "value");
  const std::size_t n = value.size();
  if (n > limit) throw FormatError("model: the trees have too many nodes");
  const auto feature = model_json::indices(json, "feature", m.d + 1);
  const auto left = model_json::indices(json, "left", n);
  const auto roots = model_json::indices(json, "root", n);
  if (feature.size() != n || left.size() != n) throw FormatError("model: the trees' arrays differ in size");
  if (roots.empty() ? n != 0 : roots[0] != 0) throw FormatError("model: 'root' must begin with 0, the first node");
  double largest_sum = std::abs(m.base);
  m.nodes.reserve(n);
  for (std::size_t t = 0; t < roots.size(); ++t) {
    const std::size_t end = t + 1 < roots.size() ? roots[t + 1] : n;
    if (end <= roots[t]) throw FormatError("model: 'root' must increase");
    double largest = 0;
    for (std::size_t i = roots[t]; i < end; ++i) {
      if (left[i] == 0)
        largest = std::max(largest, std::abs(value[i]));
      else if (left[i] <= i || left[i] + 1 >= end || feature[i] >= m.d)
        throw FormatError(detail::message({"model: the trees' node ", i, " is damaged"}));
      m.nodes.push_back({value[i], static_cast<std::uint32_t>(feature[i]), static_cast<std::uint32_t>(left[i])});
    }
    m.roots.push_back(static_cast<std::uint32_t>(roots[t]));
    largest_sum += largest;
  }
  if (!std::isfinite(largest_sum)) throw FormatError("model: the trees' 'value' must have a finite sum");
}

}  // namespace weir::detail
