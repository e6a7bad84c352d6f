// Cascade: a policy.json and its networks on images.
#include <weir/io/images/image.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "audit.hpp"
#include "common.hpp"
#include "images.hpp"

namespace weir::python {

namespace {

bool is_path(const py::handle& x) { return py::isinstance<py::str>(x) || py::hasattr(x, "__fspath__"); }

/// An image of Pillow's, known by what it can do: weir does not import it.
bool is_pillow(const py::handle& x) {
  return !py::isinstance<py::array>(x) && knows_arrays(x) && py::hasattr(x, "mode") && py::hasattr(x, "convert");
}

/// The bytes of a palette or of CMYK are no grey values and no colours.
void demand_grey_or_rgb(const py::handle& image, const std::string& what) {
  const auto mode = py::str(image.attr("mode")).cast<std::string>();
  if (mode != "L" && mode != "RGB")
    throw ArgumentError(what + ": Pillow's mode '" + mode + "': give image.convert('RGB'), or 'L' for grey");
}

std::string shape_text(const py::array& a) {
  std::string text = "[";
  for (py::ssize_t i = 0; i < a.ndim(); ++i) text += (i > 0 ? ", " : "") + std::to_string(a.shape(i));
  return text + "]";
}

bool is_of_pixels(const py::array& a) { return py::isinstance<py::array_t<std::uint8_t>>(a); }

void add_array(Images& all, const py::array& given, const std::string& what) {
  if (!is_of_pixels(given))
    throw ArgumentError(what + ": pixels are uint8, got " + py::str(given.dtype()).cast<std::string>() +
                        "; float32 tensors as networks read them go in as one array [N, C, H, W]");
  const auto a = py::array_t<std::uint8_t, py::array::c_style>::ensure(given);
  if (!a) throw py::error_already_set();
  const std::string got = ", got " + shape_text(a);
  if (a.ndim() != 2 && a.ndim() != 3) throw ShapeError(what + ": [H, W] or [H, W, C] is expected" + got);
  const py::ssize_t c = a.ndim() == 3 ? a.shape(2) : 1;
  if (a.size() == 0 || a.shape(0) > 65535 || a.shape(1) > 65535 || (c != 1 && c != 3))
    throw ShapeError(what + ": an image of at least one pixel and 1 or 3 channels, which come last, is expected" + got);
  all.keep.push_back(a);
  all.views.push_back({a.data(), static_cast<int>(a.shape(0)), static_cast<int>(a.shape(1)), static_cast<int>(c)});
  all.paths.emplace_back();
}

void add_image(Images& all, const py::handle& item, const std::string& what) {
  if (is_path(item)) {
    all.paths.push_back(item.cast<std::filesystem::path>());
    all.views.emplace_back();
    return;
  }
  if (!knows_arrays(item))
    throw ArgumentError(what + ": a path, an image of Pillow's or an array of uint8 [H, W] or [H, W, C] is expected");
  if (is_pillow(item)) demand_grey_or_rgb(item, what);
  add_array(all, as_array(item, what), what);
}

/// Whether an array holds objects or text: paths, say. They are looked at one by one.
bool is_of_objects(const py::array& a) { return std::string("OUS").find(a.dtype().kind()) != std::string::npos; }

/// [H, W, 3] would pass as H grey images that are 3 pixels wide.
void demand_many(const py::array& a) {
  const bool one = a.ndim() == 2 || (a.ndim() == 3 && a.shape(2) <= 4 && a.size() > 0);
  if (one || a.ndim() < 3 || a.ndim() > 4)
    throw ShapeError("images: uint8 [N, H, W] or [N, H, W, C] is expected, got " + shape_text(a) +
                     "; for one image give [image]");
}

}  // namespace

Images images_of(const py::handle& images) {
  Images all;
  if (is_path(images) || is_pillow(images)) {
    add_image(all, images, "image");
    return all;
  }
  py::object items = py::reinterpret_borrow<py::object>(images);
  if (knows_arrays(images)) {
    const py::array a = as_array(images, "images");
    if (is_of_pixels(a)) demand_many(a);
    if (!is_of_pixels(a) && !is_of_objects(a))
      throw ArgumentError("images: pixels are uint8, got " + py::str(a.dtype()).cast<std::string>());
    items = a;
  }
  if (!py::hasattr(items, "__iter__"))
    throw ArgumentError("images: paths, images of Pillow's or arrays of uint8 are expected");
  std::size_t i = 0;
  for (const auto& item : items) add_image(all, item, "image " + std::to_string(i++));
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
  const bool is_array = knows_arrays(images) && !is_pillow(images);
  const py::object given = is_array ? as_array(images, "images") : py::reinterpret_borrow<py::object>(images);
  if (py::isinstance<py::array_t<float>>(given)) {
    const Floats x = floats(given, "images");
    const py::gil_scoped_release free;
    return cascade.run(x.view, first_id);
  }
  if (is_array && !is_of_pixels(py::array(given)) && !is_of_objects(py::array(given)))
    throw ArgumentError("images: uint8 pixels or float32 tensors are expected, got " +
                        py::str(given.attr("dtype")).cast<std::string>());
  Images all = images_of(given);
  const py::gil_scoped_release free;
  all.read();
  return cascade.run(std::span<const ImageView>(all.views), first_id);
}

/// Without the GIL the last audits end, which may have to ask on_alarm.
void drop(Cascade* cascade) {
  if (Py_IsInitialized() == 0 || PyGILState_Check() == 0) {
    delete cascade;
    return;
  }
  const py::gil_scoped_release free;
  delete cascade;
}

std::shared_ptr<Cascade> load(const std::filesystem::path& path, const std::filesystem::path& networks, int threads,
                              const std::string& isa, bool allow_outside, const py::dict& audit, bool watch) {
  const CascadeOptions options{.networks = networks,
                               .context = {.threads = threads, .isa = isa},
                               .allow_outside = allow_outside,
                               .audit = audit_options(audit),
                               .watch = watch};
  const py::gil_scoped_release free;
  return std::shared_ptr<Cascade>(new Cascade(load_policy(path, options)), &drop);
}

template <typename Figures>
py::object figures_or_none(const std::optional<Figures>& figures) {
  if (!figures) return py::none();
  return figures_dict(*figures);
}

std::string metrics(const Cascade& c) {
  std::string text;
  if (const auto shift = c.shift()) text += prometheus_text(*shift);
  if (const auto audit = c.audit()) text += prometheus_text(*audit);
  return text;
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
      .def_readonly("label", &Decision::label, "Predicted class.")
      .def_property_readonly(
          "probabilities", [](const Decision& d) { return to_numpy(std::span<const float>(d.probabilities)); },
          "[classes] of the stage that answered.")
      .def_readonly("exit", &Decision::exit, "Stage that answered.")
      .def_readonly("seconds", &Decision::seconds, "From the call until this image was decided.")
      .def("__repr__", [](const Decision& d) {
        return "<weir.Decision class " + std::to_string(d.label) + ", left at " + d.exit + ">";
      });
  py::class_<Cascade, std::shared_ptr<Cascade>>(m, "_Cascade")
      .def(py::init(&load), py::arg("path"), py::arg("networks"), py::arg("threads"), py::arg("isa"),
           py::arg("allow_outside"), py::arg("audit"), py::arg("watch"))
      .def("run", &run, py::arg("images"), py::arg("first_id"))
      .def("predict", [](const Cascade& c, const py::handle& x,
                         const std::optional<std::uint64_t>& id) { return labels(run(c, x, id)); })
      .def("predict_proba", [](const Cascade& c, const py::handle& x,
                               const std::optional<std::uint64_t>& id) { return probabilities(run(c, x, id)); })
      .def("preload", &Cascade::preload, py::arg("batch"), py::call_guard<py::gil_scoped_release>())
      .def("is_preloaded", &Cascade::is_preloaded, py::arg("batch"), py::call_guard<py::gil_scoped_release>())
      .def("audit", [](const Cascade& c) { return figures_or_none(c.audit()); })
      .def("shift", [](const Cascade& c) { return figures_or_none(c.shift()); })
      .def("prometheus_text", &metrics)
      .def("to_safer", &Cascade::to_safer, py::call_guard<py::gil_scoped_release>())
      .def("finish_audits", &Cascade::finish_audits, py::call_guard<py::gil_scoped_release>())
      .def("save_audit", &Cascade::save_audit, py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("stage_names", &stage_names);
}

}  // namespace weir::python
