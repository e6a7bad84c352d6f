/// What the sources that bind policies share: arguments that Python gives in a shorter form.
#pragma once
#include <memory>
#include <string>
#include <vector>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "bindings.hpp"

namespace weir::python {

using TracePtr = std::shared_ptr<const Trace>;
using PolicyPtr = std::shared_ptr<const PolicyFile>;

/// A name, a square matrix of costs [true, predicted], or a function of (probabilities, label).
Loss loss_of(const py::handle& loss);

/// None: a chain; "all_later"; or {stage: [stages that may follow]} in the order of the stages.
Topology topology_of(const py::handle& topology, const Trace& trace);

/// {"on": "excess", "value": 0.01, "confidence": 0.95 or None, ...}
Budget budget_of(const py::dict& budget);

/// A function of (X, y, sample_weight) that returns a Model, as what fits gates.
std::function<detail::GateModel(const Dataset&)> fit_of(const py::object& fit);

/// JSON as Python's dicts and lists.
py::object to_python(const nlohmann::json& json);

}  // namespace weir::python
