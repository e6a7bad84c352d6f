// Cascade: a policy.json and its networks on images.
#include <weir/io/images/image.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "common.hpp"
#include "images.hpp"

namespace weir::python {

Images images_of(const py::handle& images) {
  Images all;
  const auto add = [&](const py::handle& item, const std::string& what) {
    if (py::isinstance<py::str>(item) || py::hasattr(item, "__fspath__")) {
      all.paths.push_back(item.cast<std::filesystem::path>());
      all.views.emplace_back();
      return;
    }
    if (!py::isinstance<py::array>(item))
      throw ArgumentError(what + ": a path or an array of uint8 [H, W] or [H, W, C] is expected");
    const auto given = py::reinterpret_borrow<py::array>(item);
    if (!py::isinstance<py::array_t<std::uint8_t>>(given))
      throw ArgumentError(what + ": pixels are uint8, got " + py::str(given.dtype()).cast<std::string>() +
                          "; float32 tensors as networks read them go in as one array [N, C, H, W]");
    const auto a = py::array_t<std::uint8_t, py::array::c_style>::ensure(given);
    if (!a) throw py::error_already_set();
    if (a.ndim() != 2 && a.ndim() != 3) throw ShapeError(what + ": [H, W] or [H, W, C] is expected");
    const py::ssize_t c = a.ndim() == 3 ? a.shape(2) : 1;
    if (a.size() == 0 || a.shape(0) > 65535 || a.shape(1) > 65535 || (c != 1 && c != 3))
      throw ShapeError(what + ": an image of at least one pixel and 1 or 3 channels is expected");
    all.keep.push_back(a);
    all.views.push_back({a.data(), static_cast<int>(a.shape(0)), static_cast<int>(a.shape(1)), static_cast<int>(c)});
    all.paths.emplace_back();
  };
  if (py::isinstance<py::str>(images) || py::hasattr(images, "__fspath__"))
    throw ArgumentError("images: a list of images is expected; for one image give [image]");
  std::size_t i = 0;
  for (const auto& item : images) add(item, "image " + std::to_string(i++));
  return all;
}

void Images::read() {
  decoded.resize(views.size());
  for (std::size_t i = 0; i < views.size(); ++i)
    if (!paths[i].empty()) decoded[i] = read_image(paths[i]), views[i] = decoded[i].view();
}

namespace {

std::vector<std::string> stage_names(const Cascade& c) {
  std::vector<std::string> names;
  for (const auto& s : c.spec().topology.stages) names.push_back(s.name);
  return names;
}

std::vector<Decision> run(const Cascade& cascade, const py::handle& images,
                          const std::optional<std::uint64_t>& first_id) {
  const bool tensor = py::isinstance<py::array_t<float>>(images) ||
                      (py::hasattr(images, "__dlpack__") && !py::isinstance<py::array>(images));
  if (tensor) {
    const Floats x = floats(images, "images");
    const py::gil_scoped_release free;
    return cascade.run(x.view, first_id);
  }
  if (py::isinstance<py::array>(images) && !py::isinstance<py::array_t<std::uint8_t>>(images))
    throw ArgumentError("images: uint8 pixels or float32 tensors are expected, got " +
                        py::str(py::reinterpret_borrow<py::array>(images).dtype()).cast<std::string>());
  Images all = images_of(images);
  const py::gil_scoped_release free;
  all.read();
  return cascade.run(std::span<const ImageView>(all.views), first_id);
}

py::array_t<int> labels(const std::vector<Decision>& decisions) {
  py::array_t<int> a(static_cast<py::ssize_t>(decisions.size()));
  for (std::size_t i = 0; i < decisions.size(); ++i) a.mutable_data()[i] = decisions[i].label;
  return a;
}

py::array_t<float> probabilities(const std::vector<Decision>& decisions) {
  const std::size_t classes = decisions.empty() ? 0 : decisions[0].probabilities.size();
  py::array_t<float> a({decisions.size(), classes});
  for (std::size_t i = 0; i < decisions.size(); ++i)
    std::copy(decisions[i].probabilities.begin(), decisions[i].probabilities.end(), a.mutable_data() + i * classes);
  return a;
}

}  // namespace

void bind_cascade(py::module_& m) {
  py::class_<Decision>(m, "Decision", "What a cascade says of one image.")
      .def_readonly("label", &Decision::label)
      .def_property_readonly("probabilities",
                             [](const Decision& d) { return to_numpy(std::span<const float>(d.probabilities)); })
      .def_readonly("exit", &Decision::exit, "Stage that answered.")
      .def_readonly("seconds", &Decision::seconds)
      .def("__repr__", [](const Decision& d) {
        return "<weir.Decision class " + std::to_string(d.label) + ", left at " + d.exit + ">";
      });
  py::class_<Cascade>(m, "_Cascade")
      .def(py::init([](const std::filesystem::path& path, const std::filesystem::path& networks, int threads,
                       const std::string& isa, bool allow_outside) {
             const py::gil_scoped_release free;
             return load_policy(path, {networks, {.threads = threads, .isa = isa}, allow_outside});
           }),
           py::arg("path"), py::arg("networks"), py::arg("threads"), py::arg("isa"), py::arg("allow_outside"))
      .def("run", &run, py::arg("images"), py::arg("first_id"))
      .def("predict", [](const Cascade& c, const py::handle& x,
                         const std::optional<std::uint64_t>& id) { return labels(run(c, x, id)); })
      .def("predict_proba", [](const Cascade& c, const py::handle& x,
                               const std::optional<std::uint64_t>& id) { return probabilities(run(c, x, id)); })
      .def(
          "preload", [](const Cascade& c) { (void)c.spec().networks(); }, py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("stage_names", &stage_names);
}

}  // namespace weir::python
