// What gate_model.hpp declares.
#pragma once
#include <nlohmann/json.hpp>
#include <weir/core/known_names.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir::detail {

/// The model of one of weir's learners, of the alternative I or a later one.
template <std::size_t I = 0>
AnyModel read_model(std::size_t kind, const nlohmann::json& json) {
  if constexpr (I < alternative<ForeignModel>()) {
    if (kind != I) return read_model<I + 1>(kind, json);
    std::variant_alternative_t<I, AnyModel> model;
    from_json(json, model);
    return model;
  } else {
    return ForeignModel();
  }
}

WEIR_INLINE void to_json(nlohmann::json& json, const GateModel& gate) {
  json = {{"learner", gate.learner()}};
  std::visit([&](const auto& model) { to_json(json["model"], model); }, gate.model());
  if (gate.columns().empty()) return;
  json["columns"] = gate.columns();
  json["n_features"] = gate.n_features();
}

WEIR_INLINE void from_json(const nlohmann::json& json, GateModel& gate) {
  refuse_unknown_keys(json, {"learner", "model", "columns", "n_features"});
  const auto& name = model_json::field(json, "learner");
  if (!name.is_string()) throw FormatError("model: 'learner' must be a string");
  const auto& learner = name.get_ref<const std::string&>();
  const auto& stored = model_json::field(json, "model");
  try {
    const auto kind = kind_of_learner(learner);
    gate = GateModel(learner, kind ? read_model(*kind, stored) : load_registered_model(learner, stored));
    if (json.contains("columns")) {
      const std::size_t d = model_json::index(json, "n_features", std::size_t{1} << 31U);
      gate = gate.reading(model_json::indices(json, "columns", d), d);
    }
  } catch (const ArgumentError& error) {
    throw FormatError(detail::message({"model: ", error.what()}));
  }
}

}  // namespace weir::detail
