// What tree_model.hpp declares.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/learners/models/tree_model.hpp>

namespace weir::detail {

WEIR_INLINE double threshold_between(double low, double high) {
  const double middle = low / 2 + high / 2;
  return middle >= low && middle < high ? middle : low;
}

WEIR_INLINE void to_json(nlohmann::json& json, const TreeModel& m) {
  json = {{"n_features", m.d}};
  for (const char* key : {"feature", "threshold", "left", "right", "value"}) json[key] = nlohmann::json::array();
  for (const auto& node : m.nodes) {
    json["feature"].push_back(node.feature);
    json["threshold"].push_back(node.threshold);
    json["left"].push_back(node.left);
    json["right"].push_back(node.right);
    json["value"].push_back(node.value);
  }
}

WEIR_INLINE void from_json(const nlohmann::json& json, TreeModel& m) {
  refuse_unknown_keys(json, {"n_features", "feature", "threshold", "left", "right", "value"});
  m.d = model_json::index(json, "n_features", std::size_t{1} << 31U);
  const auto value = model_json::numbers(json, "value");
  const auto threshold = model_json::numbers(json, "threshold");
  const auto feature = model_json::indices(json, "feature", m.d + 1);
  const auto left = model_json::indices(json, "left", value.size());
  const auto right = model_json::indices(json, "right", value.size());
  const auto n = value.size();
  if (n == 0 || threshold.size() != n || feature.size() != n || left.size() != n || right.size() != n)
    throw FormatError("model: the tree's arrays differ in size or are empty");
  m.nodes.clear();
  for (std::size_t i = 0; i < n; ++i) {
    const bool leaf = left[i] == 0 && right[i] == 0;
    if (!leaf && (left[i] <= i || right[i] <= i || feature[i] >= m.d))
      throw FormatError(detail::message({"model: the tree's node ", i, " is damaged"}));
    m.nodes.push_back({feature[i], threshold[i], left[i], right[i], value[i]});
  }
}

}  // namespace weir::detail
