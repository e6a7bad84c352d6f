// Stages: networks that answer, recorded on images, and a policy over them as a file that runs.
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <weir/io/files/file.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/load_onnx.hpp>
#include <weir/policy/exits/answers_inside.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/measure/record_trace.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "common.hpp"
#include "images.hpp"

namespace weir::python {

namespace {

/// Networks and the tensors of theirs that answer.
class Stages {
 public:
  /// {"file", "name", "preprocess" (JSON text or ""), "tensor" ("" for the network's answer), "logits"} for each stage.
  Stages(const std::vector<std::map<std::string, std::string>>& given, bool class_features, bool all_later) {
    std::vector<CascadeStage> stages;
    std::vector<std::string> names;
    for (const auto& g : given) {
      const std::size_t network = network_of(g.at("file"), g.at("preprocess"));
      CascadeStage s;
      s.name = g.at("name");
      s.network = network;
      s.tensor = g.at("tensor").empty() ? detail::answer_tensor(networks_[network]) : g.at("tensor");
      s.logits = g.at("logits") == "1";
      stages.push_back(s);
      names.push_back(s.name);
    }
    spec_ = std::make_shared<CascadeSpec>(networks_, stages,
                                          all_later ? Topology::all_later(names) : Topology::chain(names),
                                          FeatureOptions(class_features));
  }

  Trace record(const std::vector<ImageView>& images, std::vector<int> label, const Loss& loss, const Context& context,
               std::size_t batch, bool probabilities, std::size_t timed) const {
    if (label.size() != images.size())
      throw ShapeError("record: " + std::to_string(images.size()) + " images, " + std::to_string(label.size()) +
                       " labels");
    if (images.empty()) throw ArgumentError("record: there are no images");
    if (batch == 0) throw ArgumentError("record: batch must be 1 or more");
    CascadeExecutor executor(spec_, context);
    detail::CascadeInputs inputs(preprocess_);
    inputs.begin(images);
    const InputMaker maker = [&](std::size_t network, std::size_t row, View out) { inputs.fill(network, row, out); };
    std::vector<std::size_t> rows(timed);
    for (std::size_t i = 0; i < timed; ++i) rows[i] = i % images.size();
    const auto costs = detail::measure_costs(
        executor,
        [&](std::size_t network, std::size_t row, View out) {
          detail::CascadeInputs fresh(preprocess_);  // preprocessing counts where it is spent
          fresh.begin(std::span(&images[row], 1));
          fresh.fill(network, 0, out);
        },
        rows, timed / 10, [](std::size_t, std::span<const double>) {},
        [](std::size_t, std::size_t) { check_interrupt(); });
    Trace trace =
        record_trace(executor, maker, std::move(label), loss, costs, cost_unit::seconds, batch, probabilities);
    for (std::size_t k = 0; k < trace.stages.size(); ++k) trace.stages[k].network = files_[spec_->stages[k].network];
    return trace;
  }

  /// The policy with what runs it; its stages are some of these.
  PolicyFile runnable(PolicyFile file, const std::filesystem::path& folder) const {
    std::vector<std::size_t> place(networks_.size(), networks_.size());
    file.cascade = {{"n_classes", spec_->n_classes()}, {"networks", nlohmann::json::array()}};
    for (std::size_t k = 0; k < file.stages.size(); ++k) {
      const CascadeStage* stage = nullptr;
      for (const CascadeStage& s : spec_->stages)
        if (s.name == file.policy.a.topology.stages[k].name) stage = &s;
      if (stage == nullptr)
        throw ArgumentError("save: there is no stage '" + file.policy.a.topology.stages[k].name + "'");
      if (place[stage->network] == networks_.size()) {
        place[stage->network] = file.cascade["networks"].size();
        file.cascade["networks"].push_back(detail::network_to_json(networks_[stage->network], files_[stage->network],
                                                                   folder, preprocess_json_[stage->network]));
      }
      CascadeStage placed = *stage;
      placed.network = place[stage->network];
      file.stages[k].source = detail::source_to_json(placed);
    }
    file.check();
    return file;
  }

  const CascadeSpec& spec() const { return *spec_; }

 private:
  std::size_t network_of(const std::string& file, const std::string& preprocess) {
    const nlohmann::json entry = preprocess.empty() ? nlohmann::json() : nlohmann::json::parse(preprocess);
    for (std::size_t n = 0; n < files_.size(); ++n)
      if (files_[n] == file) {
        if (preprocess_json_[n] != entry)
          throw ArgumentError("stages: " + file +
                              " is in two stages with different 'preprocess': a network has one input, so give all of "
                              "its stages the same");
        return n;
      }
    networks_.push_back(load_onnx(file));
    files_.push_back(file);
    preprocess_json_.push_back(entry);
    std::shared_ptr<const Preprocess> made;
    if (!preprocess.empty()) {
      const auto p = std::make_shared<const Preprocess>(Preprocess::from_json(preprocess_json_.back()));
      made = p;
      for (const auto& other : preprocess_)
        if (other && other->options() == p->options()) made = other;
    }
    preprocess_.push_back(made);
    return files_.size() - 1;
  }

  std::vector<Network> networks_;
  std::vector<std::string> files_;
  std::vector<nlohmann::json> preprocess_json_;
  std::vector<std::shared_ptr<const Preprocess>> preprocess_;
  std::shared_ptr<const CascadeSpec> spec_;
};

}  // namespace

void bind_record(py::module_& m) {
  py::class_<Stages, std::shared_ptr<Stages>>(m, "_Stages")
      .def(py::init<const std::vector<std::map<std::string, std::string>>&, bool, bool>(),
           py::call_guard<py::gil_scoped_release>())
      .def("record",
           [](const Stages& s, const py::handle& images, const py::handle& labels, const py::handle& loss, int threads,
              const std::string& isa, std::size_t batch, bool probabilities, std::size_t timed) {
             Images all = images_of(images);
             std::vector<int> label = integers(labels, "labels");
             const Loss l = loss_of(loss);
             const py::gil_scoped_release free;
             all.read();
             return std::make_shared<Trace>(s.record(all.views, std::move(label), l,
                                                     Context({.threads = threads, .isa = isa}), batch, probabilities,
                                                     timed));
           })
      .def("save",
           [](const Stages& s, const PolicyFile& file, const std::filesystem::path& path) {
             const py::gil_scoped_release free;
             const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
             write_file_atomically(path, to_text(s.runnable(file, folder)));
           })
      .def_property_readonly("names", [](const Stages& s) {
        std::vector<std::string> names;
        for (const CascadeStage& stage : s.spec().stages) names.push_back(stage.name);
        return names;
      });
}

}  // namespace weir::python
