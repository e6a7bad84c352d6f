// Traces: what each stage answered on each example.
#include <cmath>
#include <weir/policy/serve/trace_files.hpp>
#include <weir/policy/trace/trace_file.hpp>

#include "common.hpp"

namespace weir::python {

Loss loss_of(const py::handle& loss) {
  if (py::isinstance<py::str>(loss)) return Loss(loss.cast<std::string>());
  if (py::hasattr(loss, "__call__")) {
    const Shared function = share(py::reinterpret_borrow<py::object>(loss));
    return Loss("python", [function](std::span<const float> p, int label) {
      const py::gil_scoped_acquire gil;
      return (*function)(to_numpy(p), label).cast<double>();
    });
  }
  const py::array_t<double> costs = doubles(loss, "loss: costs", 2);
  if (costs.shape(0) != costs.shape(1)) throw ShapeError("loss: the matrix of costs must be square");
  return Loss::of_costs("costs", std::vector<double>(costs.data(), costs.data() + costs.size()),
                        static_cast<std::size_t>(costs.shape(0)));
}

namespace {

StageTrace stage_of(const std::string& name, double cost, const py::handle& probabilities,
                    const std::vector<int>& label, const Loss& loss, bool class_features, bool keep) {
  const py::array_t<float> p = single_floats(probabilities, "stage '" + name + "': probabilities", 2);
  if (static_cast<std::size_t>(p.shape(0)) != label.size())
    throw ShapeError("stage '" + name + "': " + std::to_string(p.shape(0)) + " rows of probabilities, " +
                     std::to_string(label.size()) + " labels");
  const std::span<const float> values(p.data(), static_cast<std::size_t>(p.size()));
  const auto classes = static_cast<std::size_t>(p.shape(1));
  const py::gil_scoped_release free;
  StageTrace stage = stage_from_probabilities(name, cost, values, classes, label, loss, class_features);
  using ByRows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  if (keep)
    stage.probabilities = Eigen::Map<const ByRows>(values.data(), static_cast<Eigen::Index>(label.size()),
                                                   static_cast<Eigen::Index>(classes));
  return stage;
}

TracePtr from_probabilities(const py::object& given, const py::handle& labels, const py::handle& loss,
                            const std::string& unit, bool class_features, bool keep) {
  if (!py::isinstance<py::dict>(given))
    throw ArgumentError("stages: a dict {name: (probabilities [n, classes], cost of one example)} is expected, not a " +
                        py::type::of(given).attr("__name__").cast<std::string>());
  const auto stages = py::reinterpret_borrow<py::dict>(given);
  auto trace = std::make_shared<Trace>();
  trace->label = integers(labels, "labels");
  trace->cost_unit = unit;
  const Loss charged = loss_of(loss);
  for (const auto& [name, value] : stages) {
    const auto key = name.cast<std::string>();
    if (!py::isinstance<py::tuple>(value) || py::len(value) != 2)
      throw ArgumentError("stage '" + key + "': (probabilities [n, classes], cost of one example) is expected");
    const auto pair = py::reinterpret_borrow<py::tuple>(value);
    trace->stages.push_back(
        stage_of(key, pair[1].cast<double>(), pair[0], trace->label, charged, class_features, keep));
  }
  trace->check();
  return trace;
}

/// {"name", "cost", "answer_cost", "network", "feature_names", "features", "prediction", "loss", "probabilities"}
TracePtr from_stages(const py::list& stages, const py::handle& labels, const std::string& unit) {
  auto trace = std::make_shared<Trace>();
  trace->label = integers(labels, "labels");
  trace->cost_unit = unit;
  for (const auto& item : stages) {
    const auto d = item.cast<py::dict>();
    StageTrace s;
    s.name = d["name"].cast<std::string>();
    const std::string where = "stage '" + s.name + "': ";
    s.cost = d["cost"].cast<double>();
    s.answer_cost = d.contains("answer_cost") ? d["answer_cost"].cast<double>() : 0;
    s.network = d.contains("network") ? d["network"].cast<std::string>() : "";
    s.feature_names = d["feature_names"].cast<std::vector<std::string>>();
    s.features = matrix(d["features"], where + "features");
    s.prediction = integers(d["prediction"], where + "prediction");
    const py::array_t<double> loss = doubles(d["loss"], where + "loss", 1);
    s.loss = Eigen::Map<const Eigen::VectorXd>(loss.data(), loss.size());
    if (d.contains("feature_costs")) s.feature_costs = d["feature_costs"].cast<std::map<std::string, double>>();
    if (d.contains("probabilities") && !d["probabilities"].is_none()) {
      const py::array_t<float> p = single_floats(d["probabilities"], where + "probabilities", 2);
      using ByRows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
      s.probabilities = Eigen::Map<const ByRows>(p.data(), p.shape(0), p.shape(1));
    }
    trace->stages.push_back(std::move(s));
  }
  trace->check();
  return trace;
}

std::size_t index_of(const Trace& trace, const py::handle& stage) {
  if (py::isinstance<py::str>(stage)) {
    const auto name = stage.cast<std::string>();
    for (std::size_t k = 0; k < trace.stages.size(); ++k)
      if (trace.stages[k].name == name) return k;
    throw ArgumentError("trace has no stage '" + name + "'");
  }
  const auto k = stage.cast<std::int64_t>();
  const auto n = static_cast<std::int64_t>(trace.stages.size());
  if (k < -n || k >= n) throw ArgumentError("trace has no stage " + std::to_string(k) + ", only " + std::to_string(n));
  return static_cast<std::size_t>(k < 0 ? k + n : k);
}

/// A dict of read-only views that keep the trace alive.
py::dict stage(const py::object& self, const py::handle& which) {
  const auto& trace = self.cast<const Trace&>();
  const StageTrace& s = trace.stages[index_of(trace, which)];
  py::dict d;
  d["name"] = s.name, d["cost"] = s.cost, d["answer_cost"] = s.answer_cost, d["network"] = s.network;
  d["feature_names"] = s.feature_names, d["feature_costs"] = s.feature_costs;
  d["features"] = view_of(s.features, self), d["loss"] = view_of(s.loss, self);
  d["prediction"] = view_of(Eigen::Map<const Eigen::VectorXi>(s.prediction.data(), s.loss.size()), self);
  d["probabilities"] = s.probabilities.size() == 0 ? py::object(py::none()) : view_of(s.probabilities, self);
  return d;
}

py::list stages(const py::object& self) {
  py::list all;
  for (std::size_t k = 0; k < self.cast<const Trace&>().stages.size(); ++k) all.append(stage(self, py::int_(k)));
  return all;
}

TracePtr with_costs(const Trace& trace, const std::vector<double>& costs, const std::string& unit) {
  auto priced = std::make_shared<Trace>(trace);
  std::vector<StageCost> all;
  for (const double cost : costs) all.push_back({cost, 0});
  priced->set_costs(all, unit);
  priced->check();
  return priced;
}

}  // namespace

void bind_trace(py::module_& m) {
  py::class_<Trace, std::shared_ptr<Trace>> trace(
      m, "Trace",
      "What each stage answered on each example, whatever framework computed it; the last stage is the full network. "
      "Immutable: arrays are read-only views of its memory.");
  trace
      .def_static("from_probabilities", &from_probabilities, py::arg("stages"), py::arg("labels"), py::kw_only(),
                  py::arg("loss") = "top1", py::arg("cost_unit") = "seconds", py::arg("class_features") = true,
                  py::arg("keep_probabilities") = true,
                  "stages: {name: (class probabilities [n, classes], cost of one example)}, cheapest first, the full "
                  "network last. loss: 'top1', 'top5', 'cross_entropy', a matrix of costs [true, predicted], or a "
                  "function of (probabilities, label). class_features: gates see which class was predicted.")
      .def_static("from_stages", &from_stages, py::arg("stages"), py::arg("labels"), py::kw_only(),
                  py::arg("cost_unit") = "seconds", "As `stages` returns them: own features, losses, predictions.")
      .def_static(
          "read_csv",
          [](const std::filesystem::path& path) {
            const py::gil_scoped_release free;
            return std::make_shared<Trace>(read_trace(path));
          },
          py::arg("path"), "What write_csv() or the program record wrote. Raises FormatError naming line and column.")
      .def(
          "write_csv",
          [](const Trace& t, const std::filesystem::path& path) {
            const py::gil_scoped_release free;
            write_trace(t, path);
          },
          py::arg("path"), "What read_csv() reads back equal to the last bit.")
      .def_property_readonly(
          "labels",
          [](const py::object& self) {
            const auto& t = self.cast<const Trace&>();
            return view_of(Eigen::Map<const Eigen::VectorXi>(t.label.data(), static_cast<Eigen::Index>(t.size())),
                           self);
          },
          "[n] true classes.")
      .def_property_readonly(
          "stage_names",
          [](const Trace& t) {
            std::vector<std::string> names;
            for (const StageTrace& s : t.stages) names.push_back(s.name);
            return names;
          },
          "In order, the full network last.")
      .def_property_readonly("stages", &stages, "A dict for each stage.")
      .def("stage", &stage, py::arg("stage"), "One of them, by name or place.")
      .def_readonly("cost_unit", &Trace::cost_unit, "Of what stages cost.")
      .def_property_readonly(
          "full_cost", [](const Trace& t) { return t.step_cost({}, t.full()); },
          "What running only the full network costs.")
      .def(
          "rows",
          [](const Trace& t, const py::handle& which) {
            return std::make_shared<Trace>(t.rows(rows(which, t.size())));
          },
          py::arg("rows"), "Some examples: integers, a slice, or truth values. trace[rows] is the same.")
      .def(
          "select",
          [](const Trace& t, const std::vector<py::object>& keep) {
            std::vector<std::size_t> index;
            for (const py::object& k : keep) index.push_back(index_of(t, k));
            return std::make_shared<Trace>(t.select(index));
          },
          py::arg("stages"), "Some stages, ascending and ending with the full network.")
      .def("with_costs", &with_costs, py::arg("costs"), py::arg("unit"), "The same answers at other costs per stage.")
      .def("__len__", &Trace::size)
      .def("__repr__", [](const Trace& t) {
        std::string text = "<weir.Trace of " + std::to_string(t.size()) + " examples:";
        for (const StageTrace& s : t.stages) text += " " + s.name;
        return text + ">";
      });
  trace.attr("__getitem__") = trace.attr("rows");
  m.def(
      "stage_features",
      [](const py::handle& probabilities, bool class_features) {
        const py::array_t<float> p = single_floats(probabilities, "probabilities", 2);
        const std::vector<int> label(static_cast<std::size_t>(p.shape(0)), 0);
        StageTrace s = stage_of("probabilities", 0, p, label, Loss("top1"), class_features, false);
        py::array_t<double> features({s.features.rows(), s.features.cols()});
        for (Eigen::Index i = 0; i < s.features.rows(); ++i)
          for (Eigen::Index j = 0; j < s.features.cols(); ++j) features.mutable_at(i, j) = s.features(i, j);
        return py::make_tuple(features,
                              py::array_t<int>(static_cast<py::ssize_t>(s.prediction.size()), s.prediction.data()));
      },
      py::arg("probabilities"), py::arg("class_features") = true,
      "(features [n, d], prediction [n]) of class probabilities, as Trace.from_probabilities computes them.");
}

}  // namespace weir::python
