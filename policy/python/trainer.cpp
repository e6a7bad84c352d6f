// From a trace to a path of policies, and to the one that keeps a budget.
#include <nlohmann/json.hpp>
#include <weir/policy/choose/guarantee.hpp>
#include <weir/policy/choose/learn_policy.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learn/topology_search.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "common.hpp"

namespace weir::python {

Budget budget_of(const py::dict& d) {
  Budget b;
  const auto on = d.contains("on") ? d["on"].cast<std::string>() : "excess";
  if (on == "excess")
    b.on = BudgetOn::excess;
  else if (on == "difference")
    b.on = BudgetOn::difference;
  else if (on == "cost")
    b.on = BudgetOn::cost;
  else
    throw ArgumentError("budget: 'excess', 'difference' or 'cost', not '" + on + "'");
  b.value = d["value"].cast<double>();
  if (d.contains("confidence") && !d["confidence"].is_none()) {
    b.margin = Margin::upper_limit;
    b.confidence = d["confidence"].cast<double>();
  }
  if (d.contains("seed")) b.seed = d["seed"].cast<std::uint64_t>();
  return b;
}

namespace {

/// A trainer with its trace and path. One thread at a time: others wait, without the GIL.
class Trainer {
 public:
  Trainer(TracePtr trace, Topology topology, const TrainOptions& options)
      : trace_(std::move(trace)), trainer_(*trace_, std::move(topology), options) {}

  void train(std::size_t prices) {
    const std::lock_guard lock(mutex_);
    path_ = trainer_.train_path(prices);
  }
  Choice choose(const Trace& calibration, const Budget& budget) {
    const std::lock_guard lock(mutex_);
    return weir::choose(trainer_, path_, calibration, budget);
  }
  Guarantee guarantee(const Trace& calibration, const GuaranteeOptions& options) {
    const std::lock_guard lock(mutex_);
    return weir::guarantee(trainer_, path_, calibration, options);
  }
  std::vector<Estimate> estimates(const Trace& trace) {
    const std::lock_guard lock(mutex_);
    std::vector<Estimate> all;
    for (const PathPoint& p : path_) all.push_back(Estimate::of(evaluate(p.policy, trace)));
    return all;
  }
  std::vector<std::optional<double>> prices() {
    const std::lock_guard lock(mutex_);
    std::vector<std::optional<double>> all;
    for (const PathPoint& p : path_) all.push_back(p.lambda);
    return all;
  }
  const Trace& trace() const { return *trace_; }
  const PolicyTrainer& trainer() const { return trainer_; }

 private:
  TracePtr trace_;
  PolicyTrainer trainer_;
  std::mutex mutex_;
  std::vector<PathPoint> path_;
};

TrainOptions train_options(const py::object& learner, int passes, std::size_t folds, std::uint64_t seed) {
  TrainOptions o{.passes = passes, .folds = folds, .seed = seed, .progress = [](std::size_t, std::size_t) {
                   check_interrupt();  // Ctrl-C ends a long training
                 }};
  if (py::isinstance<py::str>(learner)) return detail::with_learner(o, learner.cast<std::string>());
  o.fit = fit_of(learner);
  return o;
}

py::dict estimate_dict(const Estimate& e) {
  py::dict d;
  d["cost"] = e.cost, d["loss"] = e.loss, d["excess"] = e.excess, d["difference"] = e.difference;
  return d;
}

/// {"cost", "loss", "excess", "difference"} as arrays, a value for each policy of the path, and "price".
py::dict curve(Trainer& t, const Trace& trace) {
  std::vector<Estimate> all;
  std::vector<std::optional<double>> prices;
  {
    const py::gil_scoped_release free;
    all = t.estimates(trace);
    prices = t.prices();
  }
  const auto column = [&](double Estimate::*field) {
    py::array_t<double> a(static_cast<py::ssize_t>(all.size()));
    for (std::size_t i = 0; i < all.size(); ++i) a.mutable_data()[i] = all[i].*field;
    return a;
  };
  py::dict d;
  d["cost"] = column(&Estimate::cost), d["loss"] = column(&Estimate::loss);
  d["excess"] = column(&Estimate::excess), d["difference"] = column(&Estimate::difference);
  d["price"] = prices;
  return d;
}

/// (policy, {"cost", ..., "upper_limit", "n_calibration", "missing"})
py::tuple choose(Trainer& t, const Trace& calibration, const py::dict& budget_dict) {
  const Budget budget = budget_of(budget_dict);
  PolicyPtr file;
  Choice choice;
  {
    const py::gil_scoped_release free;
    if (budget.margin == Margin::upper_limit)
      detail::require_examples(calibration.size(), budget.value, budget.confidence, "clopper_pearson",
                               "give more examples, a larger max_loss or a smaller confidence, or confidence=None",
                               "calibration examples");
    choice = t.choose(calibration, budget);
    file = std::make_shared<PolicyFile>(policy_file(choice, t.trace(), budget));
  }
  py::dict d = estimate_dict(choice.calibration);
  d["upper_limit"] = choice.upper_limit, d["n_calibration"] = choice.n_calibration;
  d["missing"] = choice.missing;
  return py::make_tuple(std::const_pointer_cast<PolicyFile>(file), d);
}

/// Whether a certificate holds with a confidence: conformal risk control bounds the mean over calibration parts.
bool has_confidence(Certificate c) {
  return c == Certificate::learn_then_test || c == Certificate::upper_confidence_bound;
}

py::tuple certify(Trainer& t, const Trace& calibration, double epsilon, double confidence,
                  const std::string& certificate, const std::string& test, const std::string& risk, double largest) {
  GuaranteeOptions o{.epsilon = epsilon, .delta = 1 - confidence, .test = test, .largest = largest};
  if (certificate == "none")
    o.certificate = Certificate::none;
  else if (certificate == "conformal_risk_control")
    o.certificate = Certificate::conformal_risk_control;
  else if (certificate == "upper_confidence_bound")
    o.certificate = Certificate::upper_confidence_bound;
  else if (certificate != "learn_then_test")
    throw ArgumentError(
        "certificate: 'none', 'conformal_risk_control', 'upper_confidence_bound' or 'learn_then_test', "
        "not '" +
        certificate + "'");
  if (risk == "disagreement")
    o.risk = Risk::disagreement;
  else if (risk != "excess")
    throw ArgumentError("risk: 'excess' or 'disagreement', not '" + risk + "'");
  Guarantee g;
  auto file = std::make_shared<PolicyFile>();
  {
    const py::gil_scoped_release free;
    g = t.guarantee(calibration, o);
    Choice choice;
    choice.policy = g.policy, choice.lambda_a = g.lambda_a, choice.lambda_b = g.lambda_b;
    *file = policy_file(choice, t.trace(), Budget{.value = epsilon});
    const Estimate seen = Estimate::of(evaluate(g.policy, calibration));
    file->budget = {{"risk", risk},
                    {"value", epsilon},
                    {"certificate", certificate},
                    {"test", test},
                    {"upper_limit", g.upper_limit},
                    {"n_calibration", calibration.size()},
                    {"calibration",
                     {{detail::cost_field(calibration.cost_unit), seen.cost},
                      {"loss", seen.loss},
                      {"excess", seen.excess},
                      {"difference", seen.difference}}}};
    if (has_confidence(o.certificate)) file->budget["confidence"] = confidence;
  }
  py::dict d;
  d["mean_risk"] = g.mean_risk, d["upper_limit"] = g.upper_limit, d["n_calibration"] = calibration.size();
  d["missing"] = g.missing;
  return py::make_tuple(file, d);
}

py::list search(const Trace& pool, const py::dict& budget, const py::object& learner, std::size_t max_stages,
                std::size_t folds, std::size_t prices, std::uint64_t seed, int threads) {
  SearchOptions o;
  o.train = train_options(learner, 2, folds, seed);
  o.train.progress = {};
  o.budget = budget_of(budget);
  o.validation = {.folds = folds, .lambdas = prices, .seed = seed, .threads = threads};
  o.max_stages = max_stages;
  if (threads == 1) o.progress = [](std::size_t, std::size_t) { check_interrupt(); };
  std::vector<FoundTopology> found;
  {
    const py::gil_scoped_release free;
    found = search_topologies(pool, o);
  }
  py::list all;
  for (const FoundTopology& f : found) {
    py::dict d, next;
    py::list names;
    for (const std::size_t k : f.stages) names.append(pool.stages[k].name);
    for (const Topology::Stage& s : f.topology.stages) {
      py::list after;
      for (const std::size_t k : s.next) after.append(f.topology.stages[k].name);
      next[py::str(s.name)] = after;
    }
    d["stages"] = names, d["topology"] = next, d["cost"] = f.cost;
    all.append(d);
  }
  return all;
}

}  // namespace

void bind_trainer(py::module_& m) {
  py::class_<Trainer, std::shared_ptr<Trainer>>(
      m, "Trainer", "Policies for a path of prices, learned from one trace; ExitPolicy is the short way.")
      .def(py::init([](const std::shared_ptr<Trace>& trace, const py::object& topology, const py::object& learner,
                       int passes, std::size_t folds, std::uint64_t seed) {
             const Topology t = topology_of(topology, *trace);
             const TrainOptions o = train_options(learner, passes, folds, seed);
             const py::gil_scoped_release free;
             return std::make_shared<Trainer>(trace, t, o);
           }),
           py::arg("trace"), py::kw_only(), py::arg("topology") = py::none(), py::arg("learner") = "predicted_loss",
           py::arg("passes") = 2, py::arg("folds") = 5, py::arg("seed") = 0)
      .def("train", &Trainer::train, py::arg("prices") = 30, py::call_guard<py::gil_scoped_release>(),
           "Learns a policy for each of so many prices of loss.")
      .def("curve", &curve, py::arg("trace"), "What each policy of the path does on a trace, in the mean.")
      .def("choose", &choose, py::arg("calibration"), py::arg("budget"),
           "(policy, facts): the cheapest policy of the path that keeps a budget {\"on\": \"excess\", \"difference\" "
           "or \"cost\", \"value\", \"confidence\", \"seed\"} on these examples.")
      .def("guarantee", &certify, py::arg("calibration"), py::kw_only(), py::arg("epsilon") = 0.01,
           py::arg("confidence") = 0.95, py::arg("certificate") = "learn_then_test",
           py::arg("test") = "clopper_pearson", py::arg("risk") = "excess", py::arg("largest") = 1.0,
           "(policy, facts): the fastest policy whose risk on new examples is bounded.");
  m.def("gate_learner_names", &detail::gate_learner_names, "What ExitPolicy(learner=...) may name.");
  m.def("search_topologies", &search, py::arg("pool"), py::kw_only(), py::arg("budget"),
        py::arg("learner") = "predicted_loss", py::arg("max_stages") = 4, py::arg("folds") = 3, py::arg("prices") = 10,
        py::arg("seed") = 0, py::arg("threads") = 1);
}

}  // namespace weir::python
