/// GateModel: a fitted gate of any kind.
#pragma once
#include <array>
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/list.hpp>

namespace weir::detail {

/// A fitted gate of any kind: a value with the name of its learner.
class GateModel {
 public:
  static constexpr std::size_t max_columns = 256;

  /// Chooses class 0 from no features.
  GateModel() : GateModel("threshold", ThresholdModel{}) {}

  /// `learner` is one of weir's whose models are of this type, or any other name with a ForeignModel; ArgumentError
  /// otherwise.
  GateModel(std::string learner, AnyModel model) : learner_(std::move(learner)), model_(std::move(model)) {
    constexpr std::size_t foreign = alternative<ForeignModel>();
    if (learner_.empty() || kind_of_learner(learner_).value_or(foreign) != model_.index())
      throw ArgumentError(detail::message({"learner '", learner_, "' does not make models of this type"}));
  }

  /// Chooses `label` (0 or 1) from any d features.
  static GateModel constant(int label, std::size_t d) { return {"threshold", ThresholdModel::constant(label, d)}; }

  /// The same model over d features, of which it reads these: its feature j is column columns[j]. Throws ArgumentError
  /// unless there is one column, below d, for each of its features, and at most max_columns.
  GateModel reading(std::vector<std::size_t> columns, std::size_t d) const {
    if (columns.size() != n_inputs() || columns.size() > max_columns || !columns_.empty())
      throw ArgumentError(detail::message(
          {"gate: ", columns.size(), " columns for a model of ", n_inputs(), " features; at most ", max_columns}));
    for (const std::size_t c : columns)
      if (c >= d) throw ArgumentError(detail::message({"gate: column ", c, " of ", d}));
    GateModel gate = *this;
    gate.columns_ = std::move(columns);
    gate.d_ = d;
    return gate;
  }

  const std::string& learner() const { return learner_; }
  const AnyModel& model() const { return model_; }
  const std::vector<std::size_t>& columns() const { return columns_; }  ///< empty: all, in order

  std::size_t n_features() const { return columns_.empty() ? n_inputs() : d_; }

  /// > 0 means class 1. Allocates nothing; throws ShapeError where x has not n_features() values.
  double decision_function(std::span<const double> x) const {
    if (x.size() != n_features())
      throw ShapeError(detail::message({"gate expects ", n_features(), " features, got ", x.size()}));
    std::array<double, max_columns> read;
    if (!columns_.empty()) {
      for (std::size_t j = 0; j < columns_.size(); ++j) read[j] = x[columns_[j]];
      x = {read.data(), columns_.size()};
    }
    return std::visit([&](const auto& model) { return model.decision_function(x); }, model_);
  }

  bool operator==(const GateModel&) const = default;

 private:
  /// Features of the model itself.
  std::size_t n_inputs() const {
    return std::visit([](const auto& model) { return model.n_features(); }, model_);
  }

  std::string learner_;
  AnyModel model_;
  std::vector<std::size_t> columns_;
  std::size_t d_ = 0;  ///< where there are columns
};

/// {"learner": name, "model": {...}}, and where the model reads some features only {"columns": [...], "n_features": d};
/// doubles are written so that they load equal to the last bit.
void to_json(nlohmann::json& json, const GateModel& gate);

/// Throws FormatError for anything but what to_json wrote.
void from_json(const nlohmann::json& json, GateModel& gate);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/gate_model.ipp>
#endif
