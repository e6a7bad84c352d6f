/// One interface over all learners: fit a gate by name, decide, save and load.
#pragma once
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/dataset.hpp>
#include <weir/policy/learners/list.hpp>

namespace weir {

namespace detail {

/// The type of model that a learner's fit returns.
template <class L>
using ModelOf = decltype(std::declval<const L&>().fit(std::declval<const Dataset&>()));

template <class Variant, class... More>
struct UniqueVariant {
  using type = Variant;
};
template <class... Seen, class First, class... More>
struct UniqueVariant<std::variant<Seen...>, First, More...>
    : std::conditional_t<(std::is_same_v<Seen, First> || ...), UniqueVariant<std::variant<Seen...>, More...>,
                         UniqueVariant<std::variant<Seen..., First>, More...>> {};

template <class List>
struct ModelsOfList;
template <class... L>
struct ModelsOfList<std::tuple<NamedLearner<L>...>> : UniqueVariant<std::variant<>, ModelOf<L>...> {};

}  // namespace detail

/// Any model of the list, each type once.
using AnyModel = typename detail::ModelsOfList<std::remove_const_t<decltype(learner_list)>>::type;

/// "logistic", "svm", ... in the list's order.
inline std::vector<std::string> learner_names() {
  return std::apply([](const auto&... entry) { return std::vector<std::string>{std::string(entry.name)...}; },
                    learner_list);
}

/// Calls visitor(const NamedLearner<L>&) for the learner of that name. Throws ArgumentError naming the known ones.
template <class Visitor>
void visit_learner(std::string_view name, const Visitor& visitor) {
  bool found = false;
  const auto consider = [&](const auto& entry) {
    if (found || entry.name != name) return;
    found = true;
    visitor(entry);
  };
  std::apply([&](const auto&... entry) { (consider(entry), ...); }, learner_list);
  if (found) return;
  std::string known;
  for (const auto& candidate : learner_names()) known += (known.empty() ? "" : ", ") + candidate;
  throw ArgumentError("learner '" + std::string(name) + "' is unknown; known: " + known);
}

/// A fitted gate of any kind: a value with the name of its learner.
class GateModel {
 public:
  static constexpr std::size_t max_columns = 256;

  /// Chooses class 0 from no features.
  GateModel() : GateModel("threshold", ThresholdModel{}) {}

  /// `learner` must be a name of the list whose model has this type; ArgumentError otherwise.
  GateModel(std::string learner, AnyModel model) : learner_(std::move(learner)), model_(std::move(model)) {
    visit_learner(learner_, [&]<class L>(const NamedLearner<L>&) {
      if (!std::holds_alternative<detail::ModelOf<L>>(model_))
        throw ArgumentError("learner '" + learner_ + "' does not make models of this type");
    });
  }

  /// Chooses `label` (0 or 1) from any d features.
  static GateModel constant(int label, std::size_t d) { return {"threshold", ThresholdModel::constant(label, d)}; }

  /// The same model over d features, of which it reads these: its feature j is column columns[j]. Throws ArgumentError
  /// unless there is one column, below d, for each of its features, and at most max_columns.
  GateModel reading(std::vector<std::size_t> columns, std::size_t d) const {
    if (columns.size() != n_inputs() || columns.size() > max_columns || !columns_.empty())
      throw ArgumentError("gate: " + std::to_string(columns.size()) + " columns for a model of " +
                          std::to_string(n_inputs()) + " features; at most " + std::to_string(max_columns));
    for (const std::size_t c : columns)
      if (c >= d) throw ArgumentError("gate: column " + std::to_string(c) + " of " + std::to_string(d));
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
      throw ShapeError("gate expects " + std::to_string(n_features()) + " features, got " + std::to_string(x.size()));
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
inline void to_json(nlohmann::json& json, const GateModel& gate) {
  json = {{"learner", gate.learner()}};
  std::visit([&](const auto& model) { to_json(json["model"], model); }, gate.model());
  if (gate.columns().empty()) return;
  json["columns"] = gate.columns();
  json["n_features"] = gate.n_features();
}

/// Throws FormatError for anything but what to_json wrote.
inline void from_json(const nlohmann::json& json, GateModel& gate) {
  refuse_unknown_keys(json, {"learner", "model", "columns", "n_features"});
  const auto& name = model_json::field(json, "learner");
  if (!name.is_string()) throw FormatError("model: 'learner' must be a string");
  const auto& stored = model_json::field(json, "model");
  try {
    visit_learner(name.get_ref<const std::string&>(), [&]<class L>(const NamedLearner<L>& entry) {
      detail::ModelOf<L> model;
      from_json(stored, model);
      gate = GateModel(std::string(entry.name), std::move(model));
    });
    if (json.contains("columns")) {
      const std::size_t d = model_json::index(json, "n_features", std::size_t{1} << 31U);
      gate = gate.reading(model_json::indices(json, "columns", d), d);
    }
  } catch (const ArgumentError& error) {
    throw FormatError(std::string("model: ") + error.what());
  }
}

/// Fits the learner of that name with its default hyper-parameters. Throws ArgumentError for an unknown name and what
/// Dataset::check throws.
#if defined(WEIR_EXTERN)
GateModel fit_by_name(const std::string& learner, const Dataset& data);  // all learners, compiled elsewhere
#else
inline GateModel fit_by_name(const std::string& learner, const Dataset& data) {
  GateModel gate;
  visit_learner(learner, [&](const auto& entry) { gate = GateModel(learner, entry.learner.fit(data)); });
  return gate;
}
#endif

}  // namespace weir
