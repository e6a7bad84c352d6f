// What audits find: LossAudit by itself, and the options and figures of a cascade in service.
#include "audit.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <weir/policy/run/loss_audit.hpp>

#include "common.hpp"

namespace weir::python {

namespace {

template <typename T>
void read_field(const py::dict& d, const char* name, T& field) {
  try {
    field = d[name].cast<T>();
  } catch (const py::cast_error&) {
    throw ArgumentError(std::string("audit: '") + name + "' cannot be " + py::repr(d[name]).cast<std::string>());
  }
}

/// The function's answer, on the thread that audits. What it raises is reported as that of a finaliser is: there is no
/// caller to raise it to.
bool ask(const Shared& on_alarm, const AuditFigures& figures) {
  const py::gil_scoped_acquire gil;
  try {
    return py::bool_((*on_alarm)(figures_dict(figures)));
  } catch (py::error_already_set& e) {
    e.discard_as_unraisable("weir.Cascade: on_alarm");
    return false;
  }
}

py::dict state_dict(const LossAudit& audit) {
  const LossAudit::State& s = audit.state();
  py::dict d;
  d["images"] = s.images, d["audits"] = s.audits, d["losses"] = s.losses;
  d["past_images"] = s.past_images, d["past_audits"] = s.past_audits, d["past_losses"] = s.past_losses;
  d["restarts"] = s.restarts, d["capital"] = s.capital, d["alarm"] = s.alarm;
  return d;
}

LossAudit::State state_of(const py::dict& d) {
  LossAudit::State s;
  const auto take = [&](const char* name, auto& field) {
    if (!d.contains(name)) throw ArgumentError(std::string("LossAudit: the state lacks '") + name + "'");
    read_field(d, name, field);
  };
  take("images", s.images), take("audits", s.audits), take("losses", s.losses);
  take("past_images", s.past_images), take("past_audits", s.past_audits), take("past_losses", s.past_losses);
  take("restarts", s.restarts), take("capital", s.capital), take("alarm", s.alarm);
  return s;
}

LossAudit made(double share, double max_loss, double confidence, std::uint64_t seed, const std::optional<py::dict>& d) {
  return LossAudit({share, max_loss, confidence, seed}, d ? state_of(*d) : LossAudit::State());
}

void demand_taken(std::uint64_t audits, std::uint64_t images) {
  if (audits >= images)
    throw ArgumentError(
        "LossAudit: more losses are observed than examples were counted: call take() for each example "
        "first, and observe() where it says True");
}

void observe(LossAudit& a, bool loss) {
  demand_taken(a.state().audits, a.state().images);
  a.observe(loss);
}

void observe_past(LossAudit& a, bool loss) {
  demand_taken(a.state().past_audits, a.state().past_images);
  a.observe_past(loss);
}

}  // namespace

AuditOptions audit_options(const py::dict& d) {
  AuditOptions o;
  const auto take = [&](const char* name, auto& field) {
    if (d.contains(name) && !d[name].is_none()) read_field(d, name, field);
  };
  take("share", o.share), take("max_loss", o.budget), take("confidence", o.confidence), take("seed", o.seed);
  take("background", o.background), take("waiting", o.waiting), take("state", o.state);
  if (d.contains("on_alarm") && !d["on_alarm"].is_none())
    o.on_alarm = [f = share(d["on_alarm"])](const AuditFigures& figures) { return ask(f, figures); };
  return o;
}

py::dict figures_dict(const AuditFigures& figures) { return to_python(nlohmann::json::parse(to_json_text(figures))); }

py::dict figures_dict(const ShiftFigures& figures) { return to_python(nlohmann::json::parse(to_json_text(figures))); }

void bind_audit(py::module_& m) {
  py::class_<LossAudit>(
      m, "LossAudit",
      "What audits of a few examples say, at any time, of the mean loss of all: a certificate, an upper "
      "limit, and an alarm (betting; no horizon, no stationarity). For cascades of functions and other "
      "programs; Cascade(path, audit=...) does it by itself. For one thread.\n\n"
      "    audit = weir.LossAudit(share=0.01, max_loss=0.01)\n"
      "    for x in stream:\n"
      "        answer = cascade.predict(x)\n"
      "        if audit.take():                       # this one is audited\n"
      "            audit.observe(answer != full(x))   # in the order of take()")
      .def(py::init(&made), py::arg("share") = 0.01, py::arg("max_loss") = 0.01, py::arg("confidence") = 0.95,
           py::arg("seed") = 0, py::arg("state") = py::none(),
           "share: of the examples that are audited, in (0, 1]. max_loss: the limit that certificate and alarm are "
           "about, "
           "in (0, 1). confidence: of each of the two. seed: decides which are audited. state: what `state` was, to go "
           "on from.")
      .def("take", &LossAudit::take,
           "Counts the next example, and says whether it is to be audited: a coin that depends on the seed and the "
           "count.")
      .def("observe", &observe, py::arg("loss"),
           "The loss (True or False) of an audited example. One that cannot be audited is left out.")
      .def("observe_past", &observe_past, py::arg("loss"),
           "The same for an example that a policy before the one in force answered.")
      .def("restart", &LossAudit::restart, "Another policy is in force from now on: certificate and alarm begin again.")
      .def_property_readonly("certified", &LossAudit::certified,
                             "The mean loss since the policy in force came is shown to be at most max_loss.")
      .def_property_readonly("alarm", &LossAudit::alarm,
                             "The policy in force was, at some time, above max_loss. Stays until restart().")
      .def_property_readonly(
          "upper_limit", [](const LossAudit& a) { return a.upper_limit(); },
          "Of the mean loss since the policy in force came; 1 as long as nothing is known.")
      .def_property_readonly("total_upper_limit", &LossAudit::total_upper_limit, "Of the mean loss of all examples.")
      .def_property_readonly(
          "images", [](const LossAudit& a) { return a.state().images; }, "Examples since the policy in force came.")
      .def_property_readonly(
          "audits", [](const LossAudit& a) { return a.state().audits; }, "Of them, those audited.")
      .def_property_readonly(
          "losses", [](const LossAudit& a) { return a.state().losses; }, "Of the audited, those with a loss.")
      .def_property_readonly("state", &state_dict, "A dict, for LossAudit(..., state=) to go on from.")
      .def("__repr__",
           [](const LossAudit& a) {
             return "<weir.LossAudit " + std::to_string(a.state().losses) + " losses in " +
                    std::to_string(a.state().audits) + " audits of " + std::to_string(a.state().images) + " examples>";
           })
      .def(py::pickle(
          [](const LossAudit& a) {
            const LossAuditOptions& o = a.options();
            return py::make_tuple(o.share, o.budget, o.confidence, o.seed, state_dict(a));
          },
          [](const py::tuple& t) {
            return made(t[0].cast<double>(), t[1].cast<double>(), t[2].cast<double>(), t[3].cast<std::uint64_t>(),
                        t[4].cast<py::dict>());
          }));
}

}  // namespace weir::python
