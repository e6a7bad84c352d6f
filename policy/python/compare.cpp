// What policies are compared with and judged by: rules, oracles, bounds, the monitor for shifts.
#include <weir/policy/choose/bounds/list.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/compare/oracle.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/run/shift_monitor.hpp>

#include "common.hpp"

namespace weir::python {

namespace {

py::list tune(const Trace& training, const Trace& calibration, const py::dict& budget, const py::handle& topology,
              const py::handle& loss) {
  const Topology t = topology_of(topology, calibration);
  const Budget b = budget_of(budget);
  const Loss l = loss_of(loss);
  std::vector<std::pair<std::string, std::string>> left_out;
  std::vector<TunedRule> tuned;
  {
    const py::gil_scoped_release free;
    tuned = tuned_rules({t, training, calibration, b, l},
                        [&](std::string_view name, const std::string& lacks) { left_out.emplace_back(name, lacks); });
  }
  py::list all;
  for (TunedRule& rule : tuned) all.append(std::make_shared<TunedRule>(std::move(rule)));
  return all;
}

std::span<const double> numbers(const py::array_t<double>& a) { return {a.data(), static_cast<std::size_t>(a.size())}; }

ShiftMonitor monitor(const py::handle& exits, const py::handle& features, double run_length, std::uint64_t seed) {
  std::vector<std::size_t> exit;
  for (const int k : integers(exits, "exits")) {
    if (k < 0) throw ArgumentError("exits: a stage is 0 or more, not " + std::to_string(k));
    exit.push_back(static_cast<std::size_t>(k));
  }
  const Eigen::MatrixXd f = matrix(features, "features");
  const py::gil_scoped_release free;
  return ShiftMonitor(exit, f, run_length, seed);
}

void bind_bounds(py::module_& m) {
  m.def(
      "bound_names",
      [] {
        std::vector<std::string> names;
        for (const MeanTest& test : mean_tests()) names.push_back(test.name);
        return names;
      },
      "Tests of a mean by name.");
  m.def(
      "upper_limit",
      [](const py::handle& losses, double confidence, const std::string& test) {
        const py::array_t<double> l = doubles(losses, "losses", 1);
        const py::gil_scoped_release free;
        return upper_limit(mean_test(test), numbers(l), 1 - confidence);
      },
      py::arg("losses"), py::arg("confidence") = 0.95, py::arg("test") = "clopper_pearson",
      "With this confidence the mean of losses in [0, 1] is at most this.");
  m.def(
      "p_value",
      [](const py::handle& losses, double epsilon, const std::string& test, double delta) {
        const py::array_t<double> l = doubles(losses, "losses", 1);
        const py::gil_scoped_release free;
        return mean_test(test).p_value(numbers(l), epsilon, delta);
      },
      py::arg("losses"), py::arg("epsilon"), py::arg("test") = "clopper_pearson", py::arg("delta") = 0.05,
      "Of the hypothesis that the mean is above epsilon.");
  m.def(
      "least_examples",
      [](double epsilon, double confidence, const std::string& test) {
        return detail::least_examples(mean_test(test), epsilon, 1 - confidence);
      },
      py::arg("epsilon"), py::arg("confidence") = 0.95, py::arg("test") = "clopper_pearson",
      "How many calibration examples a promise takes at least; None where no number does.");
  m.def(
      "clopper_pearson",
      [](std::size_t seen, std::size_t n, double confidence) {
        const Interval i = clopper_pearson(seen, n, confidence);
        return py::make_tuple(i.low, i.high);
      },
      py::arg("seen"), py::arg("n"), py::arg("confidence") = 0.95, "Two-sided interval for a share.");
  m.def("clopper_pearson_upper", &clopper_pearson_upper, py::arg("seen"), py::arg("n"), py::arg("confidence") = 0.95,
        "One-sided upper limit for a share of which `seen` of n were seen.");
  m.def("mcnemar_p", &detail::mcnemar_p, py::arg("regressions"), py::arg("repairs"),
        "Of the hypothesis that one is as likely as the other (exact, two-sided).");
  m.def(
      "register_bound",
      [](const std::string& name, const py::object& p_value, bool needs_zero_one) {
        const Shared f = share(p_value);
        register_mean_test({name,
                            [f](std::span<const double> losses, double epsilon, double delta) {
                              const py::gil_scoped_acquire gil;
                              return (*f)(to_numpy(losses), epsilon, delta).cast<double>();
                            },
                            needs_zero_one});
      },
      py::arg("name"), py::arg("p_value"), py::arg("needs_zero_one") = false,
      "Makes a test known by name, for the whole process: p_value(losses, epsilon, delta).");
}

detail::LossSide side_of(const std::string& side) {
  if (side == "excess") return detail::LossSide::excess;
  if (side == "difference") return detail::LossSide::difference;
  throw ArgumentError("oracle: 'excess' or 'difference', not '" + side + "'");
}

void bind_oracles(py::module_& m) {
  m.def(
      "zero_excess_oracle",
      [](const Trace& trace, const py::handle& topology) {
        const Topology t = topology_of(topology, trace);
        const py::gil_scoped_release free;
        return zero_excess_oracle(t, trace);
      },
      py::arg("trace"), py::arg("topology") = py::none(),
      "Each example exits at the cheapest stage whose loss is at most the full network's: a bound, not a method.");
  m.def(
      "lagrangian_oracle",
      [](const Trace& trace, double price, const py::handle& topology, const std::string& side) {
        const Topology t = topology_of(topology, trace);
        const detail::LossSide s = side_of(side);
        const py::gil_scoped_release free;
        return lagrangian_oracle(t, trace, price, s);
      },
      py::arg("trace"), py::arg("price"), py::arg("topology") = py::none(), py::arg("side") = "excess",
      "Each example takes its cheapest way: cost + price * loss.");
  m.def(
      "budget_oracle",
      [](const Trace& trace, double budget, const py::handle& topology, const std::string& side) {
        const Topology t = topology_of(topology, trace);
        const detail::LossSide s = side_of(side);
        BudgetOracle o;
        {
          const py::gil_scoped_release free;
          o = budget_oracle(t, trace, budget, s);
        }
        return py::make_tuple(o.value.cost, o.value.loss, std::make_shared<Evaluation>(std::move(o.evaluation)));
      },
      py::arg("trace"), py::arg("max_loss"), py::arg("topology") = py::none(), py::arg("side") = "excess",
      "(mean cost, mean loss, Evaluation) of the best exits within a budget on the mean loss.");
}

}  // namespace

void bind_compare(py::module_& m) {
  py::class_<TunedRule, std::shared_ptr<TunedRule>>(m, "TunedRule", "A rule of the literature, tuned for a budget.")
      .def_readonly("name", &TunedRule::name, "One of rule_names().")
      .def_readonly("parameter", &TunedRule::parameter, "What was tuned: a threshold, in most.")
      .def_property_readonly(
          "source", [](const TunedRule& r) { return find_rule(r.name).source; }, "The paper it is from.")
      .def(
          "evaluate",
          [](const TunedRule& r, const Trace& trace) {
            const py::gil_scoped_release free;
            return r.evaluate(trace);
          },
          py::arg("trace"), "Sends every example of a trace through the rule.")
      .def("__repr__",
           [](const TunedRule& r) { return "<weir.TunedRule " + r.name + " " + std::to_string(r.parameter) + ">"; });
  m.def("rule_names", &rule_names, "The rules that rules() tunes, by name.");
  m.def("tuned_rules", &tune, py::arg("training"), py::arg("calibration"), py::arg("budget"),
        py::arg("topology") = py::none(), py::arg("loss") = "top1");
  bind_oracles(m);
  bind_bounds(m);
  py::class_<ShiftMonitor>(m, "ShiftMonitor",
                           "Notices, without labels, that examples are no longer like those of the calibration: tests "
                           "of exchangeability on the exits and on each feature. For one thread.")
      .def(py::init(&monitor), py::arg("exits"), py::arg("features"), py::arg("run_length") = 10000.0,
           py::arg("seed") = 0,
           "exits [n] and features [n, d] of the calibration examples; run_length: the mean number of examples until a "
           "false alarm is at least this.")
      .def(
          "observe",
          [](ShiftMonitor& s, std::size_t exit, const py::handle& features) {
            const py::array_t<double> f = doubles(features, "features", 1);
            return s.observe(exit, numbers(f));
          },
          py::arg("exit"), py::arg("features"), "One example; returns `alarm`.")
      .def_property_readonly("statistic", &ShiftMonitor::statistic, "Above run_length for an alarm.")
      .def_property_readonly("alarm", &ShiftMonitor::alarm, "The statistic is above run_length now.")
      .def_property_readonly("seen", &ShiftMonitor::seen, "Examples so far.")
      .def_property_readonly("loudest", &ShiftMonitor::loudest, "0 for the exits, 1 + j for feature j.");
}

}  // namespace weir::python
