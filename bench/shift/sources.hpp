/// Traces of one source and of others: read from files, or recorded from images.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/serve/trace_files.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../adapt/recorded.hpp"
#include "../program.hpp"
#include "corrupt.hpp"
#include "options.hpp"

namespace shift {

struct Source {
  std::string name;
  weir::Trace trace;
};

struct Sources {
  std::string name;  ///< of the source that is learned on
  weir::Topology topology;
  weir::Trace policy, calibration, control;
  std::vector<Source> shifted;
};

inline weir::Topology topology_of(const weir::Trace& trace, const std::string& kind) {
  std::vector<std::string> names;
  for (const auto& s : trace.stages) names.push_back(s.name);
  return kind == "chain" ? weir::Topology::chain(names) : weir::Topology::all_later(names);
}

inline Sources read_sources(const Options& o) {
  Sources s;
  s.name = o.policy_trace;
  s.policy = weir::read_trace(o.policy_trace);
  s.calibration = weir::read_trace(o.calibration_trace);
  if (!o.test_trace.empty()) {
    s.control = weir::read_trace(o.test_trace);
  } else {
    const auto order = compare::shuffled(s.calibration.size(), o.adapt.seed);
    const auto cut = order.begin() + static_cast<std::ptrdiff_t>(order.size() / 3);
    s.control = s.calibration.rows({order.begin(), cut});
    s.calibration = s.calibration.rows({cut, order.end()});
  }
  for (const std::string& text : o.shifted_traces) {
    const auto [name, file] = program::split_name(text);
    s.shifted.push_back({name.empty() ? file : name, weir::read_trace(file)});
  }
  s.topology = topology_of(s.policy, o.adapt.topology);
  adapt::check_guarantee(o.adapt, s.calibration.size());
  const auto fits = [&](const weir::Trace& t) { static_cast<void>(compare::concatenate(s.policy, t.rows({0}))); };
  for (const weir::Trace* t : {&s.calibration, &s.control}) fits(*t);
  // Another source may be recorded on its own, with other times: those of the source that was learned on count.
  for (Source& other : s.shifted) {
    if (other.trace.stages.size() == s.policy.stages.size())
      for (std::size_t k = 0; k < s.policy.stages.size(); ++k) {
        other.trace.stages[k].cost = s.policy.stages[k].cost;
        other.trace.stages[k].answer_cost = s.policy.stages[k].answer_cost;
      }
    fits(other.trace);
  }
  return s;
}

/// What images are changed by where nothing is said: five severities of each kind, as Hendrycks and Dietterich
/// (Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019) have of theirs. Noise,
/// blur and contrast are those of their code for images of 32x32 (CIFAR-10-C).
inline std::vector<std::string> default_corruptions() {
  return {"noise:0.04",    "noise:0.06",    "noise:0.08",    "noise:0.09",    "noise:0.1",
          "blur:0.4",      "blur:0.6",      "blur:0.7",      "blur:0.8",      "blur:1",
          "contrast:0.75", "contrast:0.5",  "contrast:0.4",  "contrast:0.3",  "contrast:0.15",
          "translation:1", "translation:2", "translation:3", "translation:4", "translation:6",
          "rotation:5",    "rotation:10",   "rotation:15",   "rotation:20",   "rotation:30"};
}

/// The corruptions asked for; those above where none is, nor other images.
inline std::vector<Corruption> asked_corruptions(const Options& o) {
  std::vector<Corruption> all;
  for (const std::string& text : o.corruptions) all.push_back(parse_corruption(text));
  if (all.empty() && o.shifted_images.empty())
    for (const std::string& text : default_corruptions()) all.push_back(parse_corruption(text));
  return all;
}

inline adapt::Part first_rows(adapt::Part part, std::size_t most) {
  if (most > 0 && part.rows.size() > most) part.rows.resize(most);
  return part;
}

/// Images of other sources, by name: --shifted-images, then the control images changed. check(part) looks at each of
/// the former.
template <typename Check>
std::vector<std::pair<std::string, adapt::Part>> other_parts(const Options& o,
                                                             const std::vector<Corruption>& corruptions,
                                                             const adapt::Part& control, const Check& check) {
  std::vector<std::pair<std::string, adapt::Part>> others;
  for (std::size_t i = 0; i < o.shifted_images.size(); ++i) {
    const auto [name, images] = program::split_name(o.shifted_images[i]);
    adapt::Part part = adapt::load_part(images, o.shifted_labels.empty() ? "" : o.shifted_labels[i],
                                        adapt::class_names(o.adapt.classes, o.adapt.preprocess));
    check(part);
    adapt::shuffle(part.rows, o.adapt.seed + 2);
    part = first_rows(std::move(part), o.examples);
    part.set->decode_all();
    others.emplace_back(name.empty() ? images : name, std::move(part));
  }
  for (const Corruption& c : corruptions) {
    adapt::Part part{std::make_shared<weir::ImageSet>(corrupted(*control.set, control.rows, c, o.adapt.seed)), {}};
    part.rows.resize(part.set->size());
    std::iota(part.rows.begin(), part.rows.end(), std::size_t{0});
    others.emplace_back(c.name(), std::move(part));
  }
  return others;
}

/// Networks and images of adapt; Fashion-MNIST and bench/networks where no network is named.
inline Sources record_sources(Options o) {
  adapt::Options& a = o.adapt;
  if (a.networks.empty()) {
    if (!a.images.empty()) throw weir::ArgumentError("--images needs at least two --network");
    const std::string folder = WEIR_SOURCE_DIR "/bench/networks/";
    for (const char* name : {"fashion_alexnet", "fashion_googlenet", "fashion_resnet"})
      a.networks.push_back(folder + name + ".onnx");
    a.preprocess = folder + "models.json";
  } else if (a.images.empty()) {
    throw weir::ArgumentError("--network needs --images: the labelled images to learn from");
  }
  if (a.networks.size() < 2) throw weir::ArgumentError("--network: at least two are needed");
  check_shifted_labels(o);
  const std::vector<Corruption> corruptions = asked_corruptions(o);

  const weir::Loss loss(a.loss);
  a.measure = o.examples;  // control images at most
  const adapt::Models read(a);
  adapt::check_loss(a.loss, read.n_classes());
  adapt::Data loaded = adapt::load_data(adapt::with_default_images(a));
  for (const adapt::Part* p : {&loaded.policy, &loaded.calibration, &loaded.test}) {
    read.check_labels(*p);
    read.try_first_image(*p);
  }
  program::say_warnings(read.crop_warnings({&loaded.policy, &loaded.calibration, &loaded.test}));
  const adapt::Models models = adapt::with_logits(read, loaded.policy);
  const adapt::Data data = adapt::decoded(std::move(loaded));
  const auto others = other_parts(o, corruptions, data.test, [&](const adapt::Part& p) { models.check_labels(p); });

  const auto classes = static_cast<std::size_t>(models.all[0].network.output_shape().numel());
  const adapt::Mode mode =
      adapt::selection_mode(a, models, weir::detail::enough_examples(data.policy.labels(), classes));
  weir::CascadeExecutor cascade(mode.spec, weir::Context({.threads = a.threads, .isa = a.isa}));
  std::vector<std::size_t> rows(std::min<std::size_t>(data.policy.size(), 200));
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  weir::CostModel costs;
  costs.costs = {weir::detail::measure_costs(
      cascade, models.maker(data.policy, mode.nets), rows, 10, [](std::size_t, std::span<const double>) {},
      [](std::size_t, std::size_t) {})};
  const adapt::Prices prices = adapt::full_batches(std::move(costs), 1);
  const auto trace = [&](const adapt::Part& part) {
    return adapt::at_prices(adapt::record(mode, a, models, part, loss), prices);
  };
  Sources s{data.name, mode.spec->topology, trace(data.policy), trace(data.calibration), trace(data.test), {}};
  for (const auto& [name, part] : others) s.shifted.push_back({name, trace(part)});
  return s;
}

inline Sources load_sources(const Options& o) { return o.policy_trace.empty() ? record_sources(o) : read_sources(o); }

}  // namespace shift
