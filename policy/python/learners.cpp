// Learners and the models they make; decision functions written in Python.
#include <nlohmann/json.hpp>
#include <weir/policy/learners/learner.hpp>
#include <weir/policy/learners/list.hpp>

#include "common.hpp"

namespace weir::python {

namespace {

/// A decision function in Python. It takes the GIL for each example, whichever thread asks.
class PythonDecision final : public DecisionFunction {
 public:
  PythonDecision(std::size_t d, py::object decide, py::object to_json)
      : d_(d), decide_(share(std::move(decide))), to_json_(share(std::move(to_json))) {}
  std::size_t n_features() const override { return d_; }
  double decision_function(std::span<const double> x) const override {
    const py::gil_scoped_acquire gil;
    py::array_t<double> row({py::ssize_t{1}, static_cast<py::ssize_t>(x.size())});
    std::copy(x.begin(), x.end(), row.mutable_data());
    const py::array_t<double> y =
        doubles(py::module_::import("numpy").attr("atleast_1d")((*decide_)(row)), "decision_function", 1);
    if (y.size() != 1)
      throw ShapeError("decision_function: one value is expected for one example, got " + std::to_string(y.size()));
    if (!std::isfinite(y.data()[0])) throw ArgumentError("decision_function: the value is not finite");
    return y.data()[0];
  }
  std::string to_json() const override {
    const py::gil_scoped_acquire gil;
    if (to_json_->is_none())
      throw ArgumentError(
          "this gate is a Python object that weir cannot write as JSON: weir.register_learner(name, ..., to_json, "
          "from_json) says how, or take a classifier that weir has a model for (weir.gates)");
    return (*to_json_)().cast<std::string>();
  }

 private:
  std::size_t d_;
  Shared decide_, to_json_;
};

/// The model that Python's function returned: a Model, or an object with decision_function (and to_json, to be saved).
std::shared_ptr<const DecisionFunction> decision_of(const py::object& model, std::size_t d) {
  if (!py::hasattr(model, "decision_function"))
    throw ArgumentError("a gate needs decision_function(X): above 0 means to go on");
  return std::make_shared<PythonDecision>(d, model.attr("decision_function"),
                                          py::getattr(model, "to_json", py::none()));
}

Dataset dataset(const py::handle& X, const py::handle& y, const py::handle& sample_weight) {
  Dataset data{matrix(X, "X"), integers(y, "y"), {}};
  if (sample_weight.is_none()) {
    data.sample_weight = Eigen::VectorXd::Ones(data.X.rows());
  } else {
    const py::array_t<double> w = doubles(sample_weight, "sample_weight", 1);
    data.sample_weight = Eigen::Map<const Eigen::VectorXd>(w.data(), w.size());
  }
  return data;
}

py::tuple arrays_of(const Dataset& data) {
  py::array_t<double> X({data.X.rows(), data.X.cols()});
  for (Eigen::Index i = 0; i < data.X.rows(); ++i)
    for (Eigen::Index j = 0; j < data.X.cols(); ++j) X.mutable_at(i, j) = data.X(i, j);
  return py::make_tuple(X, to_numpy(std::span<const int>(data.y)), to_numpy(data.sample_weight));
}

/// Sets the fields that Python names.
template <class T>
void take(const py::dict& parameters, const char* name, T& field) {
  if (parameters.contains(name)) field = parameters[name].cast<T>();
}

void set(const py::dict& p, detail::LogisticRegression& l) {
  take(p, "C", l.C), take(p, "standardise", l.standardise), take(p, "normalise_weights", l.normalise_weights);
  take(p, "tolerance", l.tolerance);
}
void set(const py::dict& p, detail::LinearSvm& l) {
  take(p, "C", l.C), take(p, "standardise", l.standardise), take(p, "normalise_weights", l.normalise_weights);
  take(p, "tolerance", l.tolerance);
}
void set(const py::dict& p, detail::KernelSvm& l) {
  take(p, "C", l.C), take(p, "gamma", l.gamma), take(p, "standardise", l.standardise);
  take(p, "normalise_weights", l.normalise_weights);
}
void set(const py::dict& p, detail::DecisionTree& l) {
  take(p, "max_depth", l.max_depth), take(p, "min_weight_fraction_leaf", l.min_weight_fraction_leaf);
  take(p, "min_samples_leaf", l.min_samples_leaf);
}
void set(const py::dict& p, detail::RandomForest& l) {
  take(p, "trees", l.trees), take(p, "max_depth", l.max_depth), take(p, "max_features", l.max_features);
  take(p, "min_weight_fraction_leaf", l.min_weight_fraction_leaf), take(p, "bootstrap", l.bootstrap);
  take(p, "max_bins", l.max_bins), take(p, "seed", l.seed);
}
void set(const py::dict& p, detail::GradientBoosting& l) {
  take(p, "rounds", l.rounds), take(p, "learning_rate", l.learning_rate), take(p, "max_depth", l.max_depth);
  take(p, "l2", l.lambda), take(p, "min_child_hessian", l.min_child_hessian), take(p, "max_bins", l.max_bins);
}
void set(const py::dict& p, detail::SingleThreshold& l) { take(p, "feature", l.feature); }
void set(const py::dict& p, detail::IsotonicRule& l) { take(p, "folds", l.folds); }

detail::GateModel fit(const std::string& learner, const py::handle& X, const py::handle& y, const py::handle& weight,
                      const py::dict& parameters) {
  const Dataset data = dataset(X, y, weight);
  std::function<detail::GateModel()> fit_it = [&] { return fit_by_name(learner, data); };
  std::apply(
      [&](auto... entry) {
        const auto consider = [&](auto& e) {
          if (e.name != learner) return;
          set(parameters, e.learner);
          fit_it = [&data, &learner, l = e.learner] { return detail::GateModel(learner, l.fit(data)); };
        };
        (consider(entry), ...);
      },
      detail::learner_list);
  const py::gil_scoped_release free;
  return fit_it();
}

py::array_t<double> decide(const detail::GateModel& model, const py::handle& X) {
  const py::array_t<double> x = doubles(X, "X", 2);
  const auto n = static_cast<std::size_t>(x.shape(0)), d = static_cast<std::size_t>(x.shape(1));
  if (d != model.n_features())
    throw ShapeError("gate expects " + std::to_string(model.n_features()) + " features, got " + std::to_string(d));
  py::array_t<double> out(x.shape(0));
  double* to = out.mutable_data();
  const double* from = x.data();
  const py::gil_scoped_release free;
  for (std::size_t i = 0; i < n; ++i) to[i] = model.decision_function({from + i * d, d});
  return out;
}

std::string to_text(const detail::GateModel& model) {
  nlohmann::json json;
  {
    const py::gil_scoped_release free;
    to_json(json, model);
  }
  return json.dump();
}

detail::GateModel model_from_text(const std::string& text) {
  detail::GateModel model;
  try {
    from_json(nlohmann::json::parse(text), model);
  } catch (const nlohmann::json::exception& e) {
    throw FormatError(std::string("model: ") + e.what());
  }
  return model;
}

void own_learner(const std::string& name, const py::object& fit_function, const py::object& load_function) {
  const Shared fit_it = share(fit_function), load = share(load_function);
  register_learner(
      name,
      [fit_it](const Dataset& data) {
        const py::gil_scoped_acquire gil;
        return decision_of((*fit_it)(*arrays_of(data)), static_cast<std::size_t>(data.X.cols()));
      },
      [load](const std::string& json) -> std::shared_ptr<const DecisionFunction> {
        const py::gil_scoped_acquire gil;
        const py::object model = (*load)(json);
        if (!py::hasattr(model, "n_features"))
          throw ArgumentError("what from_json returns needs n_features and decision_function");
        return decision_of(model, model.attr("n_features").cast<std::size_t>());
      });
}

}  // namespace

std::function<detail::GateModel(const Dataset&)> fit_of(const py::object& fit_function) {
  const Shared function = share(fit_function);
  return [function](const Dataset& data) {
    const py::gil_scoped_acquire gil;
    const py::object model = (*function)(*arrays_of(data));
    const auto d = static_cast<std::size_t>(data.X.cols());
    detail::GateModel gate = py::isinstance<detail::GateModel>(model)
                                 ? model.cast<detail::GateModel>()
                                 : detail::GateModel("python", detail::ForeignModel(decision_of(model, d)));
    if (gate.n_features() != d)
      throw ShapeError("fit: the model takes " + std::to_string(gate.n_features()) + " features, the data has " +
                       std::to_string(d));
    return gate;
  };
}

void bind_learners(py::module_& m) {
  py::class_<detail::GateModel>(m, "Model", "A fitted gate: decision_function above 0 means to go on (class 1).")
      .def_static("from_json", &model_from_text, py::arg("text"), "What to_json() wrote. Raises FormatError.")
      .def_static("constant", &detail::GateModel::constant, py::arg("label"), py::arg("n_features"),
                  "Decides the same for all: 1 to go on, 0 to leave.")
      .def("to_json", &to_text, "As text, which from_json() reads back equal to the last bit.")
      .def("decision_function", &decide, py::arg("X"), "[n] for X [n, d].")
      .def_property_readonly("n_features", &detail::GateModel::n_features, "Columns of X.")
      .def_property_readonly(
          "learner", [](const detail::GateModel& g) { return g.learner(); }, "Name of the learner that fitted it.")
      .def("__eq__",
           [](const detail::GateModel& a, const py::object& b) {
             return py::isinstance<detail::GateModel>(b) && a == b.cast<const detail::GateModel&>();
           })
      .def("__repr__",
           [](const detail::GateModel& g) {
             return "<weir.Model " + g.learner() + " of " + std::to_string(g.n_features()) + " features>";
           })
      .def(py::pickle([](const detail::GateModel& g) { return py::make_tuple(to_text(g)); },
                      [](const py::tuple& t) { return model_from_text(t[0].cast<std::string>()); }));
  m.def(
      "learner_names", [] { return learner_names(); }, "The learners by name, with those of register_learner().");
  m.def("fit_model", &fit, py::arg("learner"), py::arg("X"), py::arg("y"), py::arg("sample_weight") = py::none(),
        py::arg("parameters") = py::dict(), "The model that a learner fits to X [n, d], y [n] of 0 and 1.");
  m.def("register_learner", &own_learner, py::arg("name"), py::arg("fit"), py::arg("from_json"),
        "Makes a learner known by name, for the whole process. fit(X, y, sample_weight) returns an object with "
        "decision_function(X) and to_json(); from_json(text) returns one with n_features too.");
}

}  // namespace weir::python
