// Policies: what is read, written, evaluated and asked.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <weir/io/files/file.hpp>
#include <weir/policy/choose/watched_reference.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "common.hpp"

namespace weir::python {

py::object to_python(const nlohmann::json& json) { return py::module_::import("json").attr("loads")(json.dump()); }

Topology topology_of(const py::handle& topology, const Trace& trace) {
  std::vector<std::string> names;
  for (const StageTrace& s : trace.stages) names.push_back(s.name);
  if (topology.is_none()) return Topology::chain(names);
  if (py::isinstance<py::str>(topology)) {
    const auto kind = topology.cast<std::string>();
    if (kind == "chain") return Topology::chain(names);
    if (kind == "all_later") return Topology::all_later(names);
    throw ArgumentError("topology: 'chain', 'all_later' or {stage: [stages that may follow]}, not '" + kind + "'");
  }
  Topology t;
  for (const std::string& name : names) t.stages.push_back({name, {}});
  const auto index = [&](const py::handle& name) {
    const auto at = std::find(names.begin(), names.end(), name.cast<std::string>());
    if (at == names.end()) throw ArgumentError("topology: there is no stage '" + name.cast<std::string>() + "'");
    return static_cast<std::size_t>(at - names.begin());
  };
  for (const auto& [stage, next] : topology.cast<py::dict>()) {
    auto& followers = t.stages[index(stage)].next;
    for (const auto& name : next) followers.push_back(index(name));
    std::sort(followers.begin(), followers.end());
  }
  t.check();
  return t;
}

namespace {

py::dict topology_dict(const Topology& t) {
  py::dict d;
  for (const Topology::Stage& s : t.stages) {
    py::list next;
    for (const std::size_t k : s.next) next.append(t.stages[k].name);
    d[py::str(s.name)] = next;
  }
  return d;
}

const Topology& topology(const PolicyFile& f) { return f.policy.a.topology; }

/// [n] the action of the gate at a stage: 0 to exit, a > 0 to run the a-th of the stages that may follow.
py::array_t<int> actions(const PolicyFile& file, std::size_t stage, const py::handle& X, const py::handle& ids) {
  if (stage >= file.stages.size())
    throw ArgumentError("policy: there is no stage " + std::to_string(stage) + ", only " +
                        std::to_string(file.stages.size()));
  const py::array_t<double> x = doubles(X, "X", 2);
  const auto n = static_cast<std::size_t>(x.shape(0)), d = static_cast<std::size_t>(x.shape(1));
  std::vector<std::uint64_t> id(n);
  if (ids.is_none()) {
    for (std::size_t i = 0; i < n; ++i) id[i] = i;
  } else {
    const auto given = py::array_t<std::uint64_t, py::array::c_style | py::array::forcecast>::ensure(ids);
    if (!given) throw py::error_already_set();
    if (static_cast<std::size_t>(given.size()) != n)
      throw ShapeError("policy: " + std::to_string(n) + " rows, " + std::to_string(given.size()) + " ids");
    std::copy_n(given.data(), n, id.begin());
  }
  py::array_t<int> out(static_cast<py::ssize_t>(n));
  int* to = out.mutable_data();
  const double* values = x.data();
  const py::gil_scoped_release free;
  for (std::size_t i = 0; i < n; ++i)
    to[i] = static_cast<int>(file.policy.pick(id[i]).action(stage, {values + i * d, d}));
  return out;
}

py::list stages(const PolicyFile& file) {
  py::list all;
  for (std::size_t k = 0; k < file.stages.size(); ++k) {
    py::dict d;
    d["name"] = topology(file).stages[k].name;
    d["next"] = topology(file).stages[k].next;
    d["feature_names"] = file.stages[k].feature_names;
    d["cost"] = file.stages[k].cost;
    d["before"] = topology(file).before(k);
    py::list learners;
    for (const detail::GateModel& model : file.policy.a.gates[k].models()) learners.append(model.learner());
    d["learners"] = learners;
    all.append(d);
  }
  return all;
}

Evaluation evaluate_file(const PolicyFile& file, const Trace& trace, std::uint64_t first_id) {
  const py::gil_scoped_release free;
  return evaluate(file.policy, trace, first_id);
}

}  // namespace

void bind_policy(py::module_& m) {
  py::class_<Evaluation, std::shared_ptr<Evaluation>>(
      m, "Evaluation", "Where each example of a trace exits and what that cost, against the full network.")
      .def_property_readonly(
          "exit", [](const Evaluation& e) { return to_numpy(e.exit); }, "[n] stage that answers.")
      .def_property_readonly(
          "cost", [](const py::object& s) { return view_of(s.cast<const Evaluation&>().cost, s); },
          "[n] of the stages that ran.")
      .def_property_readonly(
          "loss", [](const py::object& s) { return view_of(s.cast<const Evaluation&>().loss, s); }, "[n] at the exit.")
      .def_property_readonly(
          "excess", [](const py::object& s) { return view_of(s.cast<const Evaluation&>().excess, s); },
          "[n] max(0, loss at the exit - loss of the full network).")
      .def_property_readonly(
          "difference", [](const py::object& s) { return view_of(s.cast<const Evaluation&>().difference, s); },
          "[n] loss at the exit - loss of the full network.")
      .def_property_readonly("mean_cost", &Evaluation::mean_cost, "In the trace's unit.")
      .def_property_readonly("mean_loss", &Evaluation::mean_loss,
                             "Of the answers; for losses of 0 and 1 the error rate.")
      .def_property_readonly("mean_excess", &Evaluation::mean_excess, "For losses of 0 and 1 the share of regressions.")
      .def_property_readonly("mean_difference", &Evaluation::mean_difference,
                             "Mean loss less that of the full network.")
      .def_property_readonly(
          "regressions", [](const Evaluation& e) { return paired_counts(e).regressions; },
          "Examples that the full network gets right and the policy does not.")
      .def_property_readonly(
          "repairs", [](const Evaluation& e) { return paired_counts(e).repairs; },
          "Examples that the policy gets right and the full network does not.")
      .def(
          "shares", [](const Evaluation& e, std::size_t n) { return e.shares(n); }, py::arg("stages"),
          "[stages] of the examples, those that exit at each.")
      .def("__len__", &Evaluation::size);

  py::class_<PolicyFile, std::shared_ptr<PolicyFile>>(
      m, "Policy", "A policy: decides on traces and features; the content of policy.json. Immutable.")
      .def_static(
          "read",
          [](const std::filesystem::path& path) {
            return std::make_shared<PolicyFile>(detail::read_policy_file(path));
          },
          py::arg("path"), "A policy.json. Raises FormatError naming the field that is wrong.")
      .def_static(
          "from_json", [](const std::string& text) { return std::make_shared<PolicyFile>(policy_from_text(text)); },
          py::arg("text"), "The content of a policy.json.")
      .def(
          "to_json", [](const PolicyFile& f) { return to_text(f); }, "As text, which reads back equal to the last bit.")
      .def(
          "save",
          [](const PolicyFile& f, const std::filesystem::path& path) { write_file_atomically(path, to_text(f)); },
          py::arg("path"), "Writes a policy.json, whole or not at all.")
      .def("evaluate", &evaluate_file, py::arg("trace"), py::arg("first_id") = 0,
           "Sends every example of a trace through the policy; example i has the id first_id + i.")
      .def(
          "actions", &actions, py::arg("stage"), py::arg("X"), py::arg("ids") = py::none(),
          "[n] what the gate of a stage does: 0 to exit, a to run the a-th of the stages that may follow. X [n, d]: "
          "the stage's features, then, for each stage that all ways to it pass: 1 where that predicted the same class, "
          "and its features. ids: of the examples, where the policy is a mix.")
      .def(
          "n_inputs", [](const PolicyFile& f, std::size_t k) { return f.inputs().size(k); }, py::arg("stage"),
          "Columns of what actions() takes at a stage.")
      .def_property_readonly("stages", &stages, "A dict for each stage.")
      .def_property_readonly(
          "topology", [](const PolicyFile& f) { return topology_dict(topology(f)); },
          "{stage: [stages that may follow]}, in order.")
      .def_property_readonly(
          "budget", [](const PolicyFile& f) { return to_python(f.budget); },
          "What was asked for and what calibration found; None where the file says nothing.")
      .def_property_readonly(
          "provenance", [](const PolicyFile& f) { return to_python(f.provenance); },
          "What it was learned from, and how; None where the file says nothing.")
      .def_property_readonly(
          "cost_unit", [](const PolicyFile& f) { return f.cost_unit; }, "Of what stages cost.")
      .def_property_readonly(
          "runs", [](const PolicyFile& f) { return !f.cascade.is_null(); },
          "Whether it names networks, so that weir.Cascade can run it on images.")
      .def(
          "with_provenance",
          [](const PolicyFile& f, const std::string& text) {
            auto copy = std::make_shared<PolicyFile>(f);
            copy->provenance = nlohmann::json::parse(text);
            return copy;
          },
          py::arg("json"), "A copy whose provenance is this JSON text.")
      .def("_watching",
           [](const PolicyFile& f, const Trace& calibration) {
             const py::gil_scoped_release free;
             auto copy = std::make_shared<PolicyFile>(f);
             copy->watch = shift_reference(f.policy, calibration);
             return copy;
           })
      .def("__eq__",
           [](const PolicyFile& a, const py::object& b) {
             return py::isinstance<PolicyFile>(b) && a == b.cast<const PolicyFile&>();
           })
      .def("__repr__",
           [](const PolicyFile& f) {
             std::string text = "<weir.Policy";
             for (std::size_t k = 0; k < f.stages.size(); ++k)
               text += (k == 0 ? " " : " -> ") + topology(f).stages[k].name;
             return text + ">";
           })
      .def(py::pickle(
          [](const PolicyFile& f) { return py::make_tuple(to_text(f)); },
          [](const py::tuple& t) { return std::make_shared<PolicyFile>(policy_from_text(t[0].cast<std::string>())); }));
}

}  // namespace weir::python
