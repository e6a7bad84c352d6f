// Networks: loading, asking, running without hooks.
#include <weir/core/plan_description.hpp>
#include <weir/io/images/image.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/load_onnx.hpp>

#include "bindings.hpp"
#include "executors.hpp"

namespace weir::python {

namespace {

std::shared_ptr<Runner> load(const std::filesystem::path& path, int threads, const std::string& isa,
                             const std::string& gemm, bool winograd) {
  const py::gil_scoped_release free;
  return std::make_shared<Runner>(load_onnx(path), Context({threads, isa, gemm, winograd}));
}

/// One array, or a tuple where the network has several outputs.
py::object run(Runner& runner, const py::args& inputs) {
  std::vector<Floats> arrays;
  std::vector<ConstView> views;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    arrays.push_back(floats(inputs[i], "input " + std::to_string(i)));
    views.push_back(arrays.back().view);
  }
  std::vector<Tensor> outputs;
  {
    const py::gil_scoped_release free;
    auto executor = runner.take();
    executor->begin(views);
    executor->finish();
    for (std::size_t i = 0; i < runner.network().output_names().size(); ++i) outputs.emplace_back(executor->output(i));
    runner.give_back(std::move(executor));
  }
  if (outputs.size() == 1) return to_numpy(std::move(outputs[0]));
  py::tuple all(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) all[i] = to_numpy(std::move(outputs[i]));
  return all;
}

py::dict tensors(Runner& runner, const py::handle& x, const std::vector<std::string>& names) {
  const Floats input = floats(x, "input");
  // Executed from front to back, whatever the order of the names.
  std::vector<std::string> ordered;
  for (const std::string& t : runner.network().tensor_names())
    if (std::find(names.begin(), names.end(), t) != names.end()) ordered.push_back(t);
  for (const std::string& name : names) (void)runner.network().shape_of(name);
  std::vector<Tensor> seen(ordered.size());
  {
    const py::gil_scoped_release free;
    auto executor = runner.take();
    for (const std::string& t : ordered) executor->show(t);
    executor->begin(input.view);
    for (std::size_t i = 0; i < ordered.size(); ++i) seen[i] = Tensor(executor->advance_to(ordered[i]));
    runner.give_back(std::move(executor));
  }
  py::dict all;
  for (std::size_t i = 0; i < ordered.size(); ++i) all[py::str(ordered[i])] = to_numpy(std::move(seen[i]));
  return all;
}

std::string repr(const Runner& r) {
  const Network& n = r.network();
  std::string text = "<weir.Network " + n.source() + ":";
  for (std::size_t i = 0; i < n.input_names().size(); ++i)
    text += " " + n.input_names()[i] + " " + n.input_shape(i).to_string();
  text += " ->";
  for (std::size_t i = 0; i < n.output_names().size(); ++i)
    text += " " + n.output_names()[i] + " " + n.output_shape(i).to_string();
  return text + ", " + std::to_string(n.tensor_names().size()) + " tensors>";
}

std::string html(const PlanDescription& plan) {
  std::string out = "<table class=\"weir-plan\">";
  const auto cells = detail::plan_cells(plan);
  const auto escaped = [](const std::string& text) {
    std::string e;
    for (const char c : text) e += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    return e;
  };
  for (std::size_t r = 0; r < cells.size(); ++r) {
    out += "<tr>";
    for (std::size_t c = 0; c < cells[r].size(); ++c) {
      const std::string tag = r == 0 ? "th" : "td";
      const std::string align = c < detail::plan_text_columns ? "left" : "right";
      out += "<" + tag + " style=\"text-align:" + align + "\">" + escaped(cells[r][c]) + "</" + tag + ">";
    }
    out += "</tr>";
  }
  return out + "</table>";
}

py::list steps(const PlanDescription& plan) {
  py::list all;
  for (const StepDescription& s : plan.steps) {
    py::dict d;
    d["name"] = s.name, d["op"] = s.op, d["fused"] = s.fused, d["algorithm"] = s.algorithm, d["tensor"] = s.tensor;
    d["shape"] = shape_tuple(s.output), d["flops"] = s.flops, d["bytes"] = s.bytes;
    all.append(d);
  }
  return all;
}

py::array_t<std::uint8_t> pixels(const std::filesystem::path& path) {
  Image image;
  {
    const py::gil_scoped_release free;
    image = read_image(path);
  }
  auto owned = std::make_unique<std::vector<std::uint8_t>>(std::move(image.data));
  std::uint8_t* data = owned->data();
  const py::capsule owner(owned.release(), [](void* p) { delete static_cast<std::vector<std::uint8_t>*>(p); });
  return py::array_t<std::uint8_t>(std::vector<py::ssize_t>{image.height, image.width, image.channels}, data, owner);
}

}  // namespace

void bind_engine(py::module_& m) {
  py::class_<PlanDescription>(m, "Plan", "What a network does at one batch size, step by step; print it for a table.")
      .def_property_readonly("steps", &steps, "A dict for each step: pandas.DataFrame(plan.steps) is a table.")
      .def_readonly("batch", &PlanDescription::batch, "Rows of a pass.")
      .def_readonly("threads", &PlanDescription::threads, "Within one pass.")
      .def_property_readonly(
          "isa", [](const PlanDescription& p) { return std::string(to_string(p.isa)); },
          "Instruction set of the kernels.")
      .def_property_readonly("flops", &PlanDescription::flops, "A multiply-add counts 2.")
      .def("__len__", [](const PlanDescription& p) { return p.steps.size(); })
      .def("__str__", [](const PlanDescription& p) { return to_text(p); })
      .def("__repr__", [](const PlanDescription& p) { return to_text(p); })
      .def("_repr_html_", &html);

  py::class_<Runner, std::shared_ptr<Runner>>(
      m, "Network", "A network; call it with float32 arrays, from any number of threads. load_onnx() makes it.")
      .def("__call__", &run,
           "Outputs for inputs [N, ...]: an array, or a tuple where there are several outputs. The arrays are read in "
           "place; what is returned owns its memory.")
      .def("tensors", &tensors, py::arg("x"), py::arg("names"),
           "Copies of these tensors, by name; computes no further than the last of them.")
      .def(
          "shape_of", [](const Runner& r, const std::string& name) { return shape_tuple(r.network().shape_of(name)); },
          py::arg("tensor"), "Shape of a tensor at batch size 1.")
      .def(
          "flops", [](const Runner& r, std::int64_t n) { return r.network().flops(n); }, py::arg("batch") = 1,
          "Of a pass of this many rows; a multiply-add counts 2.")
      .def(
          "describe",
          [](Runner& r, std::int64_t batch) {
            const py::gil_scoped_release free;
            auto executor = r.take();
            PlanDescription plan = executor->describe(batch);
            r.give_back(std::move(executor));
            return plan;
          },
          py::arg("batch") = 1, "What runs at this batch size, step by step.")
      .def_property_readonly(
          "source", [](const Runner& r) { return r.network().source(); }, "The file it was read from.")
      .def_property_readonly(
          "threads", [](const Runner& r) { return r.context().threads(); }, "Within one call.")
      .def_property_readonly(
          "input_names", [](const Runner& r) { return r.network().input_names(); },
          "In the order of the arguments of a call.")
      .def_property_readonly(
          "output_names", [](const Runner& r) { return r.network().output_names(); },
          "In the order of what a call returns.")
      .def_property_readonly(
          "tensor_names", [](const Runner& r) { return r.network().tensor_names(); },
          "All tensors that layers compute, in order: what hooks and advance_to() may name.")
      .def_property_readonly(
          "input_shape", [](const Runner& r) { return shape_tuple(r.network().input_shape()); },
          "Of the first input at batch size 1.")
      .def_property_readonly(
          "output_shape", [](const Runner& r) { return shape_tuple(r.network().output_shape()); },
          "Of the first output at batch size 1.")
      .def("__repr__", &repr);

  m.def("load_onnx", &load, py::arg("path"), py::kw_only(), py::arg("threads") = 1, py::arg("isa") = "",
        py::arg("gemm") = "weir", py::arg("winograd") = true,
        "The network in an ONNX file (opset 7 to 24). isa: '' (best of this CPU), 'portable', 'avx2', 'avx512'.");
  m.def("read_image", &pixels, py::arg("path"), "JPEG, PNG, BMP, PPM or PGM as uint8 [H, W, C], C = 1 or 3.");
  m.def(
      "operator_names",
      [] {
        std::vector<std::string> names;
        for (const auto& name : operator_names()) names.emplace_back(name);
        return names;
      },
      "The ONNX operators that weir knows.");
}

}  // namespace weir::python
