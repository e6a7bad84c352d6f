// Executor: hooks in Python, and passes step by step.
#include <weir/core/executor.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/rows.hpp>

#include "bindings.hpp"
#include "executors.hpp"

namespace weir::python {

namespace {

/// What Python sees at a tensor. The C++ step lives as long as the hook's call: afterwards nothing can be asked.
class HookStep {
 public:
  explicit HookStep(Step& step) : step_(&step) {}
  void end() { step_ = nullptr; }

  Step& get() const {
    if (step_ == nullptr)
      throw ArgumentError("this step belongs to a call of a hook that has ended; keep step.output, which is a copy");
    return *step_;
  }

  /// Copied: the network's memory is used again as soon as the hook returns. One copy, however often it is asked for.
  py::array output() {
    const Step& step = get();
    if (!output_) output_ = copy_to_numpy(step.output());
    return output_;
  }

  /// rows: a row, several, or a truth value for each; labels: one, one for each row named, or one for each row there
  /// is.
  void exit(const py::handle& which, const py::handle& labels) {
    Step& step = get();
    const py::module_ numpy = py::module_::import("numpy");
    const std::vector<Eigen::Index> index = rows(
        py::isinstance<py::slice>(which) ? py::reinterpret_borrow<py::object>(which) : numpy.attr("atleast_1d")(which),
        step.rows());
    std::vector<int> label = integers(numpy.attr("atleast_1d")(labels), "exit: labels");
    if (label.size() == 1) label.assign(index.size(), label[0]);
    const bool of_all = label.size() == step.rows();
    if (!of_all && label.size() != index.size())
      throw ShapeError("exit: " + std::to_string(index.size()) + " rows, " + std::to_string(label.size()) + " labels");
    for (std::size_t i = 0; i < index.size(); ++i) {
      const auto row = static_cast<std::size_t>(index[i]);
      step.exit(row, label[of_all ? row : i]);
    }
  }

  void replace(const py::handle& x) {
    Step& step = get();
    const Floats values = floats(x, "replace");
    const View to = step.replace();
    if (!(values.view.shape == to.shape))
      throw ShapeError("replace: '" + std::string(step.name()) + "' has shape " + to.shape.to_string() + ", not " +
                       values.view.shape.to_string());
    std::copy_n(values.view.data, to.size(), to.data);
    output_ = py::reinterpret_steal<py::array>(py::handle());  // the next look copies again
  }

  py::array_t<std::int64_t> examples() const {
    std::vector<std::size_t> all;
    for (std::size_t r = 0; r < get().rows(); ++r) all.push_back(get().example(r));
    return to_numpy(all);
  }

 private:
  Step* step_;
  py::array output_ = py::reinterpret_steal<py::array>(py::handle());
};

/// A Python function as a hook; detached where `function` is null.
struct Attached {
  py::object function;
  std::optional<HookHandle> handle;
};

/// An executor that Python's threads can misuse without harm: a second thread is refused, hooks take the GIL.
class HookedExecutor {
 public:
  HookedExecutor(const Runner& runner, const Context& context) : executor_(runner.network(), context) {}

  /// Calls f on the executor without the GIL. The thread that is in a hook may come again: the executor itself says
  /// what it may do there.
  template <class F>
  auto use(const F& f) {
    const py::gil_scoped_release free;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock)
      throw ArgumentError("executor of " + executor_.network().source() +
                          " is at work in another thread; give each thread its own, they share the network");
    return f(executor_);
  }

  std::shared_ptr<Attached> on(const std::string& pattern, const py::object& function) {
    if (PyCallable_Check(function.ptr()) == 0) throw py::type_error("a hook must be callable");
    // Dropped with the GIL held, whichever thread drops the executor's copy last.
    std::shared_ptr<Attached> hook(new Attached{function, {}}, [](Attached* p) {
      if (Py_IsInitialized() == 0) return;
      const py::gil_scoped_acquire gil;
      delete p;
    });
    hook->handle = use([&](Executor& e) { return e.on(pattern, [hook](Step& step) { call(*hook, step); }); });
    hooks_.push_back(hook);
    return hook;
  }

  void detach(const std::shared_ptr<Attached>& hook) {
    std::erase(hooks_, hook);
    detach(*hook);
  }
  static void detach(Attached& hook) {
    if (hook.handle) hook.handle->detach();
    hook.function = py::object();
  }

  int traverse(visitproc visit, void* arg) const {
    for (const auto& hook : hooks_) Py_VISIT(hook->function.ptr());
    return 0;
  }
  void clear() {
    for (const auto& hook : std::exchange(hooks_, {})) detach(*hook);
  }

  const Executor& executor() const { return executor_; }

 private:
  static void call(const Attached& hook, Step& step) {
    const py::gil_scoped_acquire gil;
    const py::object function = hook.function;  // the hook may detach itself
    if (!function || function.is_none()) return;
    const auto seen = std::make_shared<HookStep>(step);
    const struct End {
      HookStep& step;
      ~End() { step.end(); }
    } end{*seen};
    function(seen);
  }

  Executor executor_;
  std::recursive_mutex mutex_;
  std::vector<std::shared_ptr<Attached>> hooks_;
};

struct PyResult {
  py::array_t<int> labels;
  py::list exits;
  py::array_t<double> seconds;
  py::array_t<bool> early;
  py::array_t<std::int64_t> examples;
  py::array output;
};

PyResult run(HookedExecutor& self, const py::handle& x) {
  const Floats input = floats(x, "input");
  Result result = self.use([&](Executor& e) { return e.run(input.view); });
  const auto n = static_cast<py::ssize_t>(result.answers.size());
  PyResult out{py::array_t<int>(n),       py::list(n),
               py::array_t<double>(n),    py::array_t<bool>(n),
               to_numpy(result.examples), to_numpy(std::move(result.output))};
  for (py::ssize_t i = 0; i < n; ++i) {
    const Answer& a = result.answers[static_cast<std::size_t>(i)];
    out.labels.mutable_data()[i] = a.label;
    out.exits[static_cast<std::size_t>(i)] = py::str(a.exit);
    out.seconds.mutable_data()[i] = a.seconds;
    out.early.mutable_data()[i] = a.early;
  }
  return out;
}

void begin(HookedExecutor& self, const py::args& inputs) {
  std::vector<Floats> arrays;
  std::vector<ConstView> views;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    arrays.push_back(floats(inputs[i], "input " + std::to_string(i)));
    views.push_back(arrays.back().view);
  }
  self.use([&](Executor& e) { e.begin(std::span<const ConstView>(views)); });
}

/// For the garbage collector: a hook often refers to the executor that it is attached to.
HookedExecutor* constructed(PyObject* self) {
  auto* instance = reinterpret_cast<py::detail::instance*>(self);
  const py::detail::value_and_holder v = instance->get_value_and_holder();
  return v.holder_constructed() ? static_cast<HookedExecutor*>(v.value_ptr()) : nullptr;
}

void collect_cycles(PyHeapTypeObject* heap_type) {
  PyTypeObject* type = &heap_type->ht_type;
  type->tp_flags |= Py_TPFLAGS_HAVE_GC;
  type->tp_traverse = [](PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    if (const HookedExecutor* e = constructed(self)) return e->traverse(visit, arg);
    return 0;
  };
  type->tp_clear = [](PyObject* self) {
    if (HookedExecutor* e = constructed(self)) e->clear();
    return 0;
  };
}

void bind_step(py::module_& m) {
  py::class_<HookStep, std::shared_ptr<HookStep>>(
      m, "Step", "What a hook sees: a tensor, its rows. Usable during the call of the hook only; arrays stay valid.")
      .def_property_readonly(
          "name", [](const HookStep& s) { return std::string(s.get().name()); }, "Of the tensor.")
      .def_property_readonly(
          "op", [](const HookStep& s) { return std::string(s.get().op()); },
          "Operators that ran to compute it: 'Conv+Relu'.")
      .def_property_readonly("output", &HookStep::output, "A copy of the tensor, [rows, ...]: yours to keep.")
      .def_property_readonly(
          "shape", [](const HookStep& s) { return shape_tuple(s.get().output().shape); }, "Of output, rows first.")
      .def_property_readonly(
          "elapsed", [](const HookStep& s) { return s.get().elapsed_s(); }, "Seconds since the pass began.")
      .def_property_readonly(
          "rows", [](const HookStep& s) { return s.get().rows(); }, "Rows that are still active.")
      .def_property_readonly("examples", &HookStep::examples, "Which example of the batch each row is.")
      .def("exit", &HookStep::exit, py::arg("rows"), py::arg("labels"),
           "These rows leave with these answers when the hooks of this tensor are done. rows: one, several, or a truth "
           "value for each; labels: one for all, one for each of these rows, or one for each active row.")
      .def(
          "stop", [](const HookStep& s) { s.get().stop(); }, "The pass ends here for all rows, without answers.")
      .def("replace", &HookStep::replace, py::arg("values"), "What the following layers read: same shape, float32.")
      .def("__repr__", [](const HookStep& s) {
        return "<weir.Step " + std::string(s.get().name()) + " " + s.get().output().shape.to_string() + ">";
      });
}

}  // namespace

void bind_executor(py::module_& m) {
  bind_step(m);
  py::class_<PyResult>(m, "Result", "One answer for each example, and the first output of those that went all the way.")
      .def_readonly("labels", &PyResult::labels, "[n] class, -1 where a hook stopped the pass.")
      .def_readonly("exits", &PyResult::exits, "[n] tensor at which each example left.")
      .def_readonly("seconds", &PyResult::seconds, "[n] from the begin of the pass until it left.")
      .def_readonly("early", &PyResult::early, "[n] whether it left at a hook.")
      .def_readonly("examples", &PyResult::examples, "Which examples the rows of output belong to.")
      .def_readonly("output", &PyResult::output,
                    "[rows, ...] the network's first output, of those that went all the way.")
      .def("__len__", [](const PyResult& r) { return r.labels.size(); })
      .def("__repr__", [](const PyResult& r) {
        return "<weir.Result of " + std::to_string(r.labels.size()) + " examples, " +
               std::to_string(r.examples.size()) + " went all the way>";
      });

  py::class_<Attached, std::shared_ptr<Attached>>(m, "_Attached");
  py::class_<HookedExecutor, std::shared_ptr<HookedExecutor>>(
      m, "Executor",
      "One thread's way of running a network: run(x) calls hooks; or begin(x), advance_to(tensor), compact(rows), "
      "finish(), which compute nothing twice. Executors of one network share its weights.",
      py::custom_type_setup(&collect_cycles))
      .def(py::init(
               [](const Runner& runner, int threads, const std::string& isa, const std::string& gemm, bool winograd) {
                 return std::make_shared<HookedExecutor>(runner, Context({threads, isa, gemm, winograd}));
               }),
           py::arg("network"), py::kw_only(), py::arg("threads") = 1, py::arg("isa") = "", py::arg("gemm") = "weir",
           py::arg("winograd") = true)
      .def("_on", &HookedExecutor::on)
      .def("_detach", py::overload_cast<const std::shared_ptr<Attached>&>(&HookedExecutor::detach))
      .def("run", &run, py::arg("x"), "A whole pass with hooks over x [N, ...]: rows that exit leave the batch there.")
      .def("__call__", &run, py::arg("x"))
      .def("begin", &begin, "Starts a pass over one array for each input of the network; they are copied.")
      .def(
          "show", [](HookedExecutor& s, const std::string& t) { s.use([&](Executor& e) { e.show(t); }); },
          py::arg("tensor"), "Makes a tensor visible ahead of time, so that advance_to() need not plan again.")
      .def(
          "advance_to",
          [](HookedExecutor& s, const std::string& tensor) {
            return to_numpy(s.use([&](Executor& e) { return Tensor(e.advance_to(tensor)); }));
          },
          py::arg("tensor"), "Computes up to and including a tensor, without hooks, and returns a copy of it.")
      .def(
          "finish", [](HookedExecutor& s) { return to_numpy(s.use([](Executor& e) { return Tensor(e.finish()); })); },
          "Computes what is left and returns the first output.")
      .def(
          "output",
          [](HookedExecutor& s, std::size_t i) {
            return to_numpy(s.use([&](Executor& e) { return Tensor(e.output(i)); }));
          },
          py::arg("i") = 0, "The i-th output after finish().")
      .def(
          "compact",
          [](HookedExecutor& s, const py::handle& keep) {
            const std::size_t n = s.use([](Executor& e) { return e.examples().size(); });
            std::vector<std::size_t> index;
            for (const Eigen::Index row : rows(keep, n)) index.push_back(static_cast<std::size_t>(row));
            s.use([&](Executor& e) { e.compact(index); });
          },
          py::arg("keep"), "Drops all rows but these: ascending positions among the active rows, or truth values.")
      .def_property_readonly(
          "examples",
          [](HookedExecutor& s) {
            return to_numpy(s.use([](Executor& e) { return std::vector(e.examples().begin(), e.examples().end()); }));
          },
          "Which example of the batch each active row is.")
      .def(
          "describe",
          [](HookedExecutor& s, std::int64_t n) { return s.use([&](Executor& e) { return e.describe(n); }); },
          py::arg("batch") = 1, "What the next pass will do at this batch size, step by step.")
      .def_property_readonly(
          "threads", [](const HookedExecutor& s) { return s.executor().context().threads(); }, "Within one pass.")
      .def_property_readonly(
          "isa", [](const HookedExecutor& s) { return std::string(to_string(s.executor().context().isa())); },
          "Instruction set of the kernels.")
      .def("__repr__", [](const HookedExecutor& s) {
        return "<weir.Executor of " + s.executor().network().source() + ", " +
               std::to_string(s.executor().context().threads()) + " threads>";
      });
}

}  // namespace weir::python
