// What foreign_model.hpp declares.
#pragma once
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <weir/core/additions.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/foreign_model.hpp>
#include <weir/policy/learners/models/list.hpp>

namespace weir::detail {

/// How the models of a learner are read.
struct ModelLoader {
  std::string name;
  LoadModel load;
};

WEIR_INLINE bool ForeignModel::operator==(const ForeignModel& other) const {
  return function_ == other.function_ ||
         (function_ && other.function_ && function_->to_json() == other.function_->to_json());
}

WEIR_INLINE void to_json(nlohmann::json& json, const ForeignModel& model) {
  json = nlohmann::json::parse(model.function() ? model.function()->to_json() : "null");
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE void register_model(const std::string& learner, detail::LoadModel load) {
  if (learner.empty() || !load) throw ArgumentError("register_model: a name and a function that reads are needed");
  if (detail::kind_of_learner(learner))
    throw ArgumentError(detail::message({"register_model: weir has a learner '", learner, "' of its own"}));
  detail::Additions<detail::ModelLoader>::of_process().add({learner, std::move(load)}, "register_model");
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE std::vector<std::string> registered_models() {
  std::vector<std::string> names;
  for (const ModelLoader& own : Additions<ModelLoader>::of_process().all()) names.push_back(own.name);
  std::sort(names.begin(), names.end());
  return names;
}

WEIR_INLINE ForeignModel load_registered_model(const std::string& learner, const nlohmann::json& json) {
  const auto own = Additions<ModelLoader>::of_process().find(learner);
  if (!own) {
    std::string known;
    for (const ModelKind& kind : model_kinds) known += (known.empty() ? "" : ", ") + std::string(kind.learner);
    for (const std::string& name : registered_models()) known += ", " + name;
    throw ArgumentError(detail::message({"learner '", learner, "' is unknown; known: ", known,
                                         ". A learner of a program's own is made known by register_model()"}));
  }
  const std::shared_ptr<const DecisionFunction> function = own->load(json.dump());
  if (!function)
    throw FormatError(detail::message({"model: the load function of learner '", learner, "' made nothing"}));
  return ForeignModel(function);
}

}  // namespace weir::detail
