/// Between Python's dicts and what cascades in service are asked and say.
#pragma once
#include <weir/policy/serve/audit.hpp>

#include "bindings.hpp"

namespace weir::python {

/// {"share", "max_loss", "confidence", "seed", "background", "waiting", "state", "on_alarm"}, each where it is not
/// None.
AuditOptions audit_options(const py::dict& options);

/// The fields by name, as to_json_text() has them.
py::dict figures_dict(const AuditFigures& figures);
py::dict figures_dict(const ShiftFigures& figures);

}  // namespace weir::python
