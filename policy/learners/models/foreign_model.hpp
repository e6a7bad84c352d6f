/// ForeignModel: a decision function of a program's own, as a gate.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>

namespace weir {

/// What a program derives from to make gates of its own kind: immutable, for any number of threads at once.
class DecisionFunction {
 public:
  virtual ~DecisionFunction() = default;
  virtual std::size_t n_features() const = 0;
  /// > 0 means class 1 (go on). x [n_features]. Should neither allocate nor throw: it runs between layers.
  virtual double decision_function(std::span<const double> x) const = 0;
  /// The model as JSON text, for policy.json; what register_model()'s load function reads.
  virtual std::string to_json() const = 0;
};

}  // namespace weir

namespace weir::detail {

/// A DecisionFunction that is copied like any other model; copies share it.
class ForeignModel {
 public:
  /// Chooses class 0 from no features.
  ForeignModel() = default;
  explicit ForeignModel(std::shared_ptr<const DecisionFunction> function) : function_(std::move(function)) {}

  std::size_t n_features() const { return function_ ? function_->n_features() : 0; }
  double decision_function(std::span<const double> x) const { return function_ ? function_->decision_function(x) : -1; }
  const std::shared_ptr<const DecisionFunction>& function() const { return function_; }

  /// True for one function, or two that are stored as the same text.
  bool operator==(const ForeignModel& other) const;

 private:
  std::shared_ptr<const DecisionFunction> function_;
};

void to_json(nlohmann::json& json, const ForeignModel& model);

/// Reads a model that to_json() of the same learner wrote. Throws FormatError for text that it did not.
using LoadModel = std::function<std::shared_ptr<const DecisionFunction>(const std::string& json)>;

}  // namespace weir::detail

namespace weir {

/// Makes policy files with gates of this learner readable, for the whole process; call it before the first is read.
/// Throws ArgumentError for a name that weir's own learners have, or that was registered before.
void register_model(const std::string& learner, detail::LoadModel load);

}  // namespace weir

namespace weir::detail {

/// The names that were registered, in alphabetical order.
std::vector<std::string> registered_models();

/// The model of a registered learner from its JSON. Throws ArgumentError for a name that is not registered.
ForeignModel load_registered_model(const std::string& learner, const nlohmann::json& json);

}  // namespace weir::detail

// Defined behind the list of models (models/list.hpp), which the definitions need.
