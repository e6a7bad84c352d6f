// What foreign_model.hpp declares.
#pragma once
#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/foreign_model.hpp>
#include <weir/policy/learners/models/list.hpp>

namespace weir {

namespace detail {

/// The functions that read models, by learner.
struct ModelRegistry {
  std::mutex mutex;
  std::map<std::string, LoadModel> load;

  static ModelRegistry& of_process() {
    static ModelRegistry registry;
    return registry;
  }
};

}  // namespace detail

WEIR_INLINE bool ForeignModel::operator==(const ForeignModel& other) const {
  return function_ == other.function_ ||
         (function_ && other.function_ && function_->to_json() == other.function_->to_json());
}

WEIR_INLINE void to_json(nlohmann::json& json, const ForeignModel& model) {
  json = nlohmann::json::parse(model.function() ? model.function()->to_json() : "null");
}

WEIR_INLINE void register_model(const std::string& learner, LoadModel load) {
  if (learner.empty() || !load) throw ArgumentError("register_model: a name and a function that reads are needed");
  if (kind_of_learner(learner)) throw ArgumentError("register_model: weir has a learner '" + learner + "' of its own");
  detail::ModelRegistry& registry = detail::ModelRegistry::of_process();
  const std::lock_guard lock(registry.mutex);
  if (!registry.load.emplace(learner, std::move(load)).second)
    throw ArgumentError("register_model: '" + learner + "' is registered already");
}

WEIR_INLINE std::vector<std::string> registered_models() {
  detail::ModelRegistry& registry = detail::ModelRegistry::of_process();
  const std::lock_guard lock(registry.mutex);
  std::vector<std::string> names;
  for (const auto& [name, load] : registry.load) names.push_back(name);
  return names;
}

WEIR_INLINE ForeignModel load_registered_model(const std::string& learner, const nlohmann::json& json) {
  LoadModel load;
  {
    detail::ModelRegistry& registry = detail::ModelRegistry::of_process();
    const std::lock_guard lock(registry.mutex);
    if (const auto found = registry.load.find(learner); found != registry.load.end()) load = found->second;
  }
  if (!load) {
    std::string known;
    for (const ModelKind& kind : model_kinds) known += (known.empty() ? "" : ", ") + std::string(kind.learner);
    for (const std::string& name : registered_models()) known += ", " + name;
    throw ArgumentError("learner '" + learner + "' is unknown; known: " + known +
                        ". A learner of a program's own is made known by register_model()");
  }
  const std::shared_ptr<const DecisionFunction> function = load(json.dump());
  if (!function) throw FormatError("model: the load function of learner '" + learner + "' made nothing");
  return ForeignModel(function);
}

}  // namespace weir
