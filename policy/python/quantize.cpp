// quantize: an 8-bit copy of a network, as an ONNX file.
#include <nlohmann/json.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/io/onnx/write.hpp>
#include <weir/load_onnx.hpp>
#include <weir/policy/quantize/quantize.hpp>

#include "bindings.hpp"
#include "images.hpp"

namespace weir::python {

namespace {

py::dict trial_dict(const QuantizeTrial& t) {
  py::dict d;
  d["ranges"] = t.ranges, d["bias_corrected"] = t.bias_corrected, d["divergence"] = t.divergence, d["same"] = t.same;
  return d;
}

py::list trials(const QuantizeReport& r) {
  py::list all;
  for (const QuantizeTrial& t : r.trials) all.append(trial_dict(t));
  return all;
}

py::list layers(const QuantizeReport& r) {
  py::list all;
  for (const QuantizedLayer& l : r.layers) {
    py::dict d;
    d["name"] = l.name, d["op"] = l.op, d["tensor"] = l.tensor, d["on_integers"] = l.on_integers, d["why"] = l.why;
    d["share"] = l.share, d["snr_db"] = l.snr_db, d["fp32_seconds"] = l.fp32_seconds;
    d["int8_seconds"] = l.int8_seconds;
    d["alone"] = l.alone < 0 ? py::object(py::none()) : py::object(py::float_(l.alone));
    all.append(d);
  }
  return all;
}

/// The network's inputs of images that are pixels or files.
Tensor inputs_of(const Images& images, const Preprocess& preprocess, const Shape& one) {
  if (images.views.empty()) throw ArgumentError("images: there are none");
  const std::size_t each = static_cast<std::size_t>(preprocess.shape().numel());
  if (each != static_cast<std::size_t>(one.with(0, 1).numel()))
    throw ShapeError("preprocess makes " + preprocess.shape().to_string() + " of an image, the network reads " +
                     one.to_string());
  Tensor x(one.with(0, static_cast<std::int64_t>(images.views.size())));
  Preprocess::Scratch scratch;
  for (std::size_t i = 0; i < images.views.size(); ++i) preprocess.apply(images.views[i], x.data() + i * each, scratch);
  return x;
}

QuantizeReport quantize_file(const std::filesystem::path& path, const py::handle& images,
                             const std::filesystem::path& out, const py::object& preprocess, QuantizeOptions options) {
  options.progress = [](const std::string&, std::size_t, std::size_t) { check_interrupt(); };
  Floats given;
  Images pixels;
  std::string entry;
  if (preprocess.is_none()) {
    given = floats(images, "images");
  } else {
    pixels = images_of(images);
    entry = py::module_::import("json").attr("dumps")(preprocess).cast<std::string>();
  }
  const py::gil_scoped_release free;
  detail::prove_writable(out);
  std::error_code error;
  if (std::filesystem::equivalent(path, out, error))
    throw ArgumentError(out.string() + ": is the network itself; give another name");
  const GraphDef def = read_onnx(path);
  detail::check_quantizable(def);
  Tensor x;
  if (!entry.empty()) {
    pixels.read();
    x = inputs_of(pixels, Preprocess::from_json(nlohmann::json::parse(entry)), load_onnx(path).input_shape());
    given.view = {x.data(), x.shape()};
  }
  Quantized q = quantize(def, given.view, options);
  write_onnx(out, q.graph, q.outputs);
  return std::move(q.report);
}

}  // namespace

void bind_quantize(py::module_& m) {
  py::class_<QuantizeReport>(m, "QuantizeReport",
                             "What quantize() tried and did, layer by layer; print it for a table.")
      .def_readonly("source", &QuantizeReport::source, "The network's file.")
      .def_readonly("calibrated_on", &QuantizeReport::calibrated_on, "Images that ranges were found on.")
      .def_readonly("judged_on", &QuantizeReport::judged_on, "Other images, on which candidates were compared.")
      .def_readonly("weight_bits", &QuantizeReport::weight_bits, "As quantize() was asked for.")
      .def_property_readonly(
          "result", [](const QuantizeReport& r) { return trial_dict(r.result); },
          "ranges, bias_corrected, divergence (mean Kullback-Leibler from fp32's probabilities, in nats), same (images "
          "of one class).")
      .def_property_readonly("trials", &trials, "Such a dict for each way to find ranges.")
      .def_property_readonly("layers", &layers, "A dict for each layer: pandas.DataFrame(report.layers) is a table.")
      .def_readonly("fp32_seconds", &QuantizeReport::fp32_seconds, "A pass of one image.")
      .def_readonly("int8_seconds", &QuantizeReport::int8_seconds, "A pass of one image.")
      .def("__str__", [](const QuantizeReport& r) { return to_text(r); })
      .def("__repr__", [](const QuantizeReport& r) { return to_text(r); });

  m.def(
      "quantize",
      [](const std::filesystem::path& path, const py::handle& images, const std::filesystem::path& out,
         const py::object& preprocess, int weight_bits, std::vector<std::string> ranges, std::vector<std::string> keep,
         double worth, bool correct_bias, int threads, const std::string& isa) {
        return quantize_file(path, images, out, preprocess,
                             {.weight_bits = weight_bits,
                              .ranges = std::move(ranges),
                              .correct_bias = correct_bias,
                              .keep = std::move(keep),
                              .worth = worth,
                              .context = {.threads = threads, .isa = isa}});
      },
      py::arg("path"), py::arg("images"), py::arg("out"), py::kw_only(), py::arg("preprocess") = py::none(),
      py::arg("weight_bits") = 7, py::arg("ranges") = std::vector<std::string>{"minmax", "percentile", "mse", "kl"},
      py::arg("keep") = std::vector<std::string>{}, py::arg("worth") = 0.1, py::arg("correct_bias") = true,
      py::arg("threads") = 1, py::arg("isa") = "",
      "Writes an 8-bit copy of the ONNX file path to out, and returns its QuantizeReport. images: float32 [N, ...] as "
      "the network reads them; or, with preprocess (a dict as models.json has it), uint8 images or paths. At least 8, "
      "better 200; labels are not needed. Post-training, static; load_onnx(out) runs it, as ONNX Runtime does.");
}

}  // namespace weir::python
