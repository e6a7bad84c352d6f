// What gate.hpp declares.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/learner.hpp>
#include <weir/policy/run/gate.hpp>

namespace weir {

WEIR_INLINE void to_json(nlohmann::json& json, const Gate& gate) {
  json = {{"n_actions", gate.n_actions()}, {"n_features", gate.n_features()}, {"models", gate.models()}};
}

WEIR_INLINE void from_json(const nlohmann::json& json, Gate& gate) {
  detail::refuse_unknown_keys(json, {"n_actions", "n_features", "models"});
  const std::size_t n_actions = model_json::index(json, "n_actions", Gate::max_actions + 1);
  const std::size_t n_features = model_json::index(json, "n_features", std::size_t{1} << 31U);
  const auto& stored = model_json::field(json, "models");
  if (n_actions < 1 || !stored.is_array() || stored.size() != Gate::n_pairs(n_actions))
    throw FormatError(detail::message({"gate: 'models' must hold one model for each pair of ", n_actions, " actions"}));
  std::vector<detail::GateModel> models(stored.size());
  for (std::size_t m = 0; m < models.size(); ++m) {
    from_json(stored[m], models[m]);
    if (models[m].n_features() != n_features)
      throw FormatError(detail::message(
          {"gate: model ", m, " has ", models[m].n_features(), " features, 'n_features' is ", n_features}));
  }
  gate = Gate(n_actions, n_features, std::move(models));
}

WEIR_INLINE Gate::Gate(std::size_t n_actions, std::size_t n_features, std::vector<detail::GateModel> models)
    : n_actions_(n_actions), n_features_(n_features), models_(std::move(models)) {
  if (n_actions < 1 || n_actions > max_actions)
    throw ArgumentError(detail::message({"gate: 1 to ", max_actions, " actions, got ", n_actions}));
  if (models_.size() != n_pairs(n_actions))
    throw ArgumentError(
        detail::message({"gate: ", n_actions, " actions need ", n_pairs(n_actions), " models, got ", models_.size()}));
  for (const detail::GateModel& model : models_)
    if (model.n_features() != n_features)
      throw ArgumentError(
          detail::message({"gate: a model of ", model.n_features(), " features in a gate of ", n_features}));
}

WEIR_INLINE Gate Gate::constant(std::size_t action, std::size_t n_actions, std::size_t n_features) {
  if (action >= n_actions || n_actions > max_actions)
    throw ArgumentError(detail::message({"gate: action ", action, " of ", n_actions}));
  std::vector<detail::GateModel> models;
  for (std::size_t a = 0; a < n_actions; ++a)
    for (std::size_t b = a + 1; b < n_actions; ++b)
      models.push_back(detail::GateModel::constant(b == action ? 1 : 0, n_features));
  return {n_actions, n_features, std::move(models)};
}

WEIR_INLINE Gate Gate::of_function(const std::string& learner, std::shared_ptr<const DecisionFunction> function,
                                   std::size_t n_actions, std::size_t action) {
  if (function == nullptr) throw ArgumentError("gate: without a decision function");
  if (action < 1 || action >= n_actions || n_actions > max_actions)
    throw ArgumentError(detail::message({"gate: action ", action, " of ", n_actions}));
  const std::size_t d = function->n_features();
  const detail::GateModel model(learner, detail::ForeignModel(std::move(function)));
  std::vector<detail::GateModel> models;
  for (std::size_t a = 0; a < n_actions; ++a)
    for (std::size_t b = a + 1; b < n_actions; ++b)
      models.push_back(a == 0 && b == action ? model : detail::GateModel::constant(b == action ? 1 : 0, d));
  return {n_actions, d, std::move(models)};
}

WEIR_INLINE std::size_t Gate::action(std::span<const double> x) const {
  if (n_actions_ == 1) return 0;
  if (n_actions_ == 2) return models_[0].decision_function(x) > 0 ? 1 : 0;
  std::array<std::uint8_t, max_actions> wins{};
  auto model = models_.begin();
  for (std::size_t a = 0; a < n_actions_; ++a)
    for (std::size_t b = a + 1; b < n_actions_; ++b) ++wins[(model++)->decision_function(x) > 0 ? b : a];
  std::size_t best = 0;
  for (std::size_t a = 1; a < n_actions_; ++a)
    if (wins[a] > wins[best]) best = a;
  return best;
}

}  // namespace weir
