// What quantize.hpp declares.
#pragma once
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/executor.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/policy/quantize/agreement.hpp>
#include <weir/policy/quantize/fold.hpp>
#include <weir/policy/quantize/qdq.hpp>
#include <weir/policy/quantize/quantize.hpp>
#include <weir/policy/quantize/ranges.hpp>
#include <weir/policy/quantize/selection.hpp>

namespace weir::detail {

inline bool is_quantised_operator(const std::string& op) {
  static const std::set<std::string> names = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
                                              "ConvInteger",    "MatMulInteger",    "com.microsoft::QGemm"};
  return names.contains(op) || op.starts_with("QLinear") || op.starts_with("com.microsoft::QLinear");
}

/// Throws what quantize() says of its options and images.
inline void check_quantize(ConstView images, const QuantizeOptions& o) {
  if (o.weight_bits != 7 && o.weight_bits != 8)
    throw ArgumentError(detail::message({"weight_bits must be 7 or 8, not ", o.weight_bits}));
  if (o.ranges.empty()) throw ArgumentError("ranges: give at least one method");
  for (const std::string& r : o.ranges)
    if (std::find(range_methods.begin(), range_methods.end(), r) == range_methods.end())
      throw ArgumentError(detail::message({"ranges: '", r, "' is none of minmax, percentile, mse, kl"}));
  if (!(o.worth > 0 && o.worth <= 1)) throw ArgumentError("worth must be above 0 and at most 1");
  if (images.shape.rank() == 0 || images.shape[0] < 8)
    throw ArgumentError("quantising needs at least 8 images, better 200");
  if (o.held_back != 0 && o.held_back + 4 > static_cast<std::size_t>(images.shape[0]))
    throw ArgumentError(detail::message(
        {"held_back: of ", images.shape[0], " images ", o.held_back, " leave fewer than 4 to calibrate with"}));
}

/// The work of quantize(), step by step.
class Quantizer {
 public:
  Quantizer(const GraphDef& def, ConstView images, const QuantizeOptions& options)
      : o_(options), def_(prepared(def)), selection_(def_), build_(build_options(def, images)) {
    const std::int64_t n = images.shape[0];
    const std::int64_t judges = o_.held_back == 0 ? n / 2 : static_cast<std::int64_t>(o_.held_back);
    const std::size_t each = images.size() / static_cast<std::size_t>(n);
    calibration_ = {images.data, images.shape.with(0, n - judges)};
    judging_ = {images.data + static_cast<std::size_t>(n - judges) * each, images.shape.with(0, judges)};
    report_.source = def.source;
    report_.calibrated_on = static_cast<std::size_t>(n - judges);
    report_.judged_on = static_cast<std::size_t>(judges);
    report_.weight_bits = o_.weight_bits;
    report_.batch_norms_folded = folded_;
  }

  Quantized run() {
    const Network fp32 = build_network(def_, build_);
    check(fp32);
    describe_layers();
    reference_ = answers_of(fp32, judging_, o_.context);
    logits_ = are_logits(reference_);
    if (logits_) make_probabilities(reference_);
    measure_ranges(fp32);
    choose_numbers();
    try_layers();
    give_back();
    GraphDef graph = graph_of(chosen_, numbers_);
    const Network int8 = build_network(graph, build_);
    measure_noise(fp32, int8);
    measure_time(fp32, int8);
    return {std::move(graph), outputs_of(int8), std::move(report_)};
  }

 private:
  GraphDef prepared(GraphDef def) {
    std::set<std::string> names;
    for (NodeDef& n : def.nodes)  // steps and options name layers by these
      while (!names.insert(n.name).second) n.name += "_";
    drop_identities(def);
    folded_ = fold_batch_norms(def);
    drop_unread_constants(def);
    return def;
  }

  /// Throws ShapeError where images are not as the file says.
  static BuildOptions build_options(const GraphDef& def, ConstView images) {
    const std::vector<std::int64_t>& dims = def.inputs[0].dims;
    bool fits = dims.empty() || dims.size() == images.shape.rank();
    for (std::size_t i = 1; fits && i < dims.size(); ++i) fits = dims[i] < 0 || dims[i] == images.shape[i];
    if (!fits)
      throw ShapeError(detail::message({def.source, ": images are ", images.shape.with(0, 1).to_string(),
                                        ", which is not what input '", def.inputs[0].name, "' reads"}));
    BuildOptions b;
    b.input_shapes[def.inputs[0].name] = {images.shape.begin() + 1, images.shape.end()};
    return b;
  }

  /// As the input is called where the batch is free.
  std::vector<InputDef> outputs_of(const Network& net) const {
    const InputDef& input = def_.inputs[0];
    std::vector<InputDef> all;
    for (const ValueId v : net.state().outputs) {
      const Value& value = net.value(v);
      InputDef output{value.name, {}, {}, Element::float32};
      const bool free = !input.dims.empty() && input.dims[0] < 0;
      const Shape one = value.form.at(1), two = free ? value.form.at(2) : one;
      for (std::size_t i = 0; i < one.rank(); ++i) {
        output.dims.push_back(one[i] == two[i] ? one[i] : -1);
        output.dim_names.push_back(i == 0 && free ? input.dim_names[0] : "");
      }
      all.push_back(std::move(output));
    }
    return all;
  }

  void check(const Network& net) {
    if (!(net.input_shape().with(0, calibration_.shape[0]) == calibration_.shape))
      throw ShapeError(detail::message({net.source(), " reads ", net.input_shape().to_string(), ", images are ",
                                        calibration_.shape.with(0, 1).to_string()}));
    if (net.state().fixed_batch > std::min(calibration_.shape[0], judging_.shape[0]))
      throw ArgumentError(detail::message(
          {net.source(), ": runs batches of ", net.state().fixed_batch, " only, and there are fewer images"}));
    if (net.output_shape().numel() < 2)
      throw ArgumentError(
          detail::message({net.source(), ": a score for each class is needed, its answer is one value"}));
    const auto& layers = selection_.layers();
    if (std::none_of(layers.begin(), layers.end(), [](const WeightLayer& l) { return !l.answers; }))
      throw FormatError(detail::message(
          {net.source(), ": has no layer to quantise: no Conv, Gemm or MatMul with constant weights but ",
           (layers.empty() ? "none at all" : "the one that answers")}));
    for (const std::string& name : o_.keep)
      if (std::none_of(layers.begin(), layers.end(),
                       [&](const WeightLayer& l) { return def_.nodes[l.node].name == name; }))
        throw ArgumentError(detail::message(
            {"keep: ", net.source(), " has no Conv, Gemm or MatMul '", name, "' with constant weights"}));
  }

  void describe_layers() {
    for (const WeightLayer& l : selection_.layers()) {
      const NodeDef& n = def_.nodes[l.node];
      QuantizedLayer q{n.name, n.op, l.tensor};
      if (l.answers)
        q.why = "it answers: 256 steps would make ties";
      else if (std::find(o_.keep.begin(), o_.keep.end(), n.name) != o_.keep.end())
        q.why = "asked for";
      q.on_integers = q.why.empty();
      chosen_.push_back(q.on_integers);
      report_.layers.push_back(std::move(q));
    }
    if (std::find(chosen_.begin(), chosen_.end(), true) == chosen_.end())
      throw ArgumentError("keep: no layer is left to quantise");
  }

  GraphDef graph_of(const std::vector<bool>& chosen, const Numbers& numbers) const {
    return QdqWriter(def_, selection_, selection_.part(chosen), numbers).write();
  }

  AgreementCount agreement(const std::vector<bool>& chosen, const Numbers& numbers, std::size_t images) const {
    const auto n = static_cast<std::int64_t>(images);
    Answers reference = reference_;
    reference.p.resize(images * reference_.classes);
    Answers answers = answers_of(build_network(graph_of(chosen, numbers), build_),
                                 {judging_.data, judging_.shape.with(0, n)}, o_.context);
    if (logits_) make_probabilities(answers);
    return compare_answers(reference, answers);
  }

  void progress(const std::string& what, std::size_t done, std::size_t total) const {
    if (o_.progress) o_.progress(what, done, total);
  }

  /// Every value of every tensor that may be quantised, on the calibration images.
  void measure_ranges(const Network& fp32) {
    const Selection::Part part = selection_.part(chosen_);
    for (const auto& [tensor, root] : part.root) histograms_[tensor];  // with fewer layers it may be a root itself
    std::map<std::pair<std::string, bool>, std::vector<double>> sums;
    std::map<std::pair<std::string, bool>, double> counts;
    for (std::size_t l = 0; l < chosen_.size(); ++l)
      if (const NodeDef& n = def_.nodes[selection_.layers()[l].node]; chosen_[l]) sums[{n.inputs[0], n.op == "MatMul"}];
    const auto add_means = [&](const std::string& name, ConstView x) {
      for (const bool last : {false, true}) {
        const auto it = sums.find({name, last});
        if (it == sums.end() || x.shape.rank() < 2) continue;
        const std::size_t axis = last ? x.shape.rank() - 1 : 1, C = static_cast<std::size_t>(x.shape[axis]),
                          rows = static_cast<std::size_t>(x.shape.product(0, axis)),
                          area = rows * C == 0 ? 0 : x.size() / (rows * C);
        it->second.resize(C, 0.0);
        for (std::size_t r = 0; r < rows; ++r)
          for (std::size_t c = 0; c < C; ++c)
            for (std::size_t k = 0; k < area; ++k) it->second[c] += double{x.data[(r * C + c) * area + k]};
        counts[it->first] += static_cast<double>(rows * area);
      }
    };
    for (const bool counting : {false, true}) {
      const auto see = [&](const std::string& name, ConstView x) {
        if (const auto it = histograms_.find(name); it != histograms_.end()) try {
            counting ? it->second.count(x.span()) : it->second.widen(x.span());
          } catch (const ArgumentError& e) {
            throw ArgumentError(
                detail::message({fp32.source(), ": tensor '", name, "' ", e.what(), " on a calibration image"}));
          }
        if (!counting) add_means(name, x);
      };
      Executor executor(fp32, o_.context);
      std::set<std::string> watched;
      for (const auto& [name, h] : histograms_) watched.insert(name);
      for (const auto& [key, s] : sums) watched.insert(key.first);
      watched.erase(def_.inputs[0].name);
      for (const std::string& name : watched) executor.show(name);
      std::vector<std::string> order;  // as they are computed
      for (const std::string& name : fp32.tensor_names())
        if (watched.contains(name)) order.push_back(name);
      const auto total = static_cast<std::size_t>(calibration_.shape[0]);
      for_each_batch(executor, calibration_, [&](Executor& run, std::int64_t first, std::int64_t rows) {
        const std::size_t each = calibration_.size() / total;
        see(def_.inputs[0].name,
            {calibration_.data + static_cast<std::size_t>(first) * each, calibration_.shape.with(0, rows)});
        for (const std::string& name : order) see(name, run.advance_to(name));
        progress(counting ? "counting values" : "looking for the ends", static_cast<std::size_t>(first + rows), total);
      });
    }
    for (auto& [key, s] : sums)
      if (counts[key] > 0)
        for (double& v : numbers_.means[key] = s) v /= counts[key];
    numbers_.weight_bits = o_.weight_bits;
  }

  /// Ranges by each method, then the bias corrected: whatever makes the answers most like fp32's.
  void choose_numbers() {
    double least = std::numeric_limits<double>::infinity();
    Numbers best = numbers_;
    const auto attempt = [&](const Numbers& n, const std::string& method) {
      const AgreementCount a = agreement(chosen_, n, report_.judged_on);
      report_.trials.push_back({method, n.correct_bias, a.divergence, a.same});
      if (a.divergence < least) {
        least = a.divergence;
        best = n;
        report_.result = report_.trials.back();
      }
    };
    const std::size_t total = o_.ranges.size() + (o_.correct_bias ? 1 : 0);
    for (std::size_t i = 0; i < o_.ranges.size(); ++i) {
      for (const auto& [name, h] : histograms_) numbers_.steps[name] = find_steps(h, o_.ranges[i]);
      attempt(numbers_, o_.ranges[i]);
      progress("trying ranges", i + 1, total);
    }
    if (o_.correct_bias) {
      Numbers corrected = best;
      corrected.correct_bias = true;
      attempt(corrected, report_.result.ranges);
      progress("trying ranges", total, total);
    }
    numbers_ = best;
  }

  /// What each layer costs by itself.
  void try_layers() {
    const std::size_t images = std::min(o_.sensitive, report_.judged_on);
    if (images == 0 || report_.judged_on == 0) return;
    for (std::size_t l = 0; l < chosen_.size(); ++l) {
      progress("trying each layer by itself", l, chosen_.size());
      if (!chosen_[l]) continue;
      std::vector<bool> only(chosen_.size(), false);
      only[l] = true;
      report_.layers[l].alone = agreement(only, numbers_, images).divergence;
    }
    progress("trying each layer by itself", chosen_.size(), chosen_.size());
  }

  /// Those that hurt most go back to fp32, as long as it pays.
  void give_back() {
    find_shares();
    std::vector<std::size_t> order;
    for (std::size_t l = 0; l < chosen_.size(); ++l)
      if (chosen_[l] && report_.layers[l].alone >= 0) order.push_back(l);
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return report_.layers[a].alone > report_.layers[b].alone; });
    constexpr std::size_t most = 8;  // further ones hurt less still
    for (std::size_t k = 0; k < std::min(order.size(), most); ++k) {
      QuantizedLayer& layer = report_.layers[order[k]];
      const double before = report_.result.divergence, gain = std::max(o_.worth, 2 * layer.share);
      if (before < negligible || gain >= 1) continue;
      std::vector<bool> without = chosen_;
      without[order[k]] = false;
      if (std::find(without.begin(), without.end(), true) == without.end()) return;
      const AgreementCount a = agreement(without, numbers_, report_.judged_on);
      progress("taking layers back", k + 1, std::min(order.size(), most));
      if (!(a.divergence <= (1 - gain) * before)) continue;
      chosen_ = without;
      layer.on_integers = false;
      layer.why = "8 bits there made " + fixed_point(100 * (1 - a.divergence / before), 0) + " % of the divergence";
      report_.result.divergence = a.divergence;
      report_.result.same = a.same;
    }
  }

  void find_shares() {
    Executor run(build_network(def_, build_), o_.context);
    const PlanDescription plan = run.describe(std::max<std::int64_t>(1, run.network().state().fixed_batch));
    for (QuantizedLayer& layer : report_.layers)
      for (const StepDescription& s : plan.steps)
        if (s.name == layer.name) layer.share = s.flops / plan.flops();
  }

  /// Each layer's result in both networks, on the images held back.
  void measure_noise(const Network& fp32, const Network& int8) {
    Executor a(fp32, o_.context), b(int8, o_.context);
    std::map<std::string, std::pair<double, double>> power;
    std::vector<std::string> order;
    const std::vector<std::string> outputs = fp32.output_names();
    std::set<std::string> wanted, both(outputs.begin(), outputs.end());
    for (const QuantizedLayer& l : report_.layers) wanted.insert(l.tensor);
    for (const std::string& name : int8.tensor_names()) both.insert(name);
    for (const std::string& name : fp32.tensor_names())
      if (wanted.contains(name) && both.contains(name)) order.push_back(name);
    for (const std::string& name : order) a.show(name), b.show(name);
    const auto n = std::min<std::int64_t>(judging_.shape[0],
                                          std::max<std::int64_t>(32, fp32.state().fixed_batch));  // enough for decibels
    for_each_batch(a, {judging_.data, judging_.shape.with(0, n)},
                   [&](Executor&, std::int64_t first, std::int64_t rows) {
                     const std::size_t each = judging_.size() / static_cast<std::size_t>(judging_.shape[0]);
                     b.begin({judging_.data + static_cast<std::size_t>(first) * each, judging_.shape.with(0, rows)});
                     for (const std::string& name : order) {
                       const ConstView x = a.advance_to(name), y = b.advance_to(name);
                       auto& [signal, noise] = power[name];
                       for (std::size_t i = 0; i < x.size(); ++i) {
                         const double e = double{x.data[i]} - double{y.data[i]};
                         signal += double{x.data[i]} * double{x.data[i]};
                         noise += e * e;
                       }
                     }
                   });
    for (QuantizedLayer& l : report_.layers)
      if (const auto& [signal, noise] = power[l.tensor]; signal > 0)
        l.snr_db = noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity();
  }

  /// Of one image, both networks in turn, the least of all passes.
  void measure_time(const Network& fp32, const Network& int8) {
    const std::int64_t batch = std::max<std::int64_t>(1, fp32.state().fixed_batch);
    const ConstView x{judging_.data, judging_.shape.with(0, batch)};
    std::vector<std::map<std::string, double>> least(2);
    double* whole[] = {&report_.fp32_seconds, &report_.int8_seconds};
    std::vector<Executor> runs;
    std::vector<std::vector<std::string>> names(2);
    for (const Network* net : {&fp32, &int8}) runs.emplace_back(*net, o_.context);
    for (std::size_t i = 0; i < 2; ++i)
      for (const StepDescription& s : runs[i].describe(batch).steps) names[i].push_back(s.name);
    for (std::size_t pass = 0; pass <= o_.passes; ++pass)  // the first is to warm up
      for (std::size_t i = 0; i < 2; ++i) {
        const auto start = std::chrono::steady_clock::now();
        runs[i].begin(x);
        (void)runs[i].finish();
        const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (pass == 1 || (pass > 1 && s < *whole[i])) *whole[i] = s;
      }
    for (std::size_t i = 0; i < 2; ++i)
      runs[i].time_steps([&, i](std::size_t step, double seconds) {
        const auto [at, is_new] = least[i].emplace(names[i].at(step), seconds);
        at->second = std::min(at->second, seconds);
      });
    for (std::size_t pass = 0; pass < o_.passes; ++pass)
      for (Executor& run : runs) run.begin(x), (void)run.finish();
    for (QuantizedLayer& l : report_.layers) {
      l.fp32_seconds = least[0][l.name];
      l.int8_seconds = least[1][l.name];
    }
  }

  /// Nats of divergence that no image notices: its probability of the best class moves in the third digit.
  static constexpr double negligible = 1e-4;

  const QuantizeOptions& o_;
  std::size_t folded_ = 0;
  GraphDef def_;
  Selection selection_;
  BuildOptions build_;
  ConstView calibration_, judging_;
  QuantizeReport report_;
  std::vector<bool> chosen_;
  Answers reference_;
  bool logits_ = false;
  std::map<std::string, Histogram> histograms_;
  Numbers numbers_;
};

WEIR_INLINE void check_quantizable(const GraphDef& def) {
  for (const NodeDef& n : def.nodes)
    if (is_quantised_operator(n.op))
      throw FormatError(detail::message({def.source, ": is quantised already (node '", n.name, "' ", n.op,
                                         "); give the network in fp32 that it was made of"}));
  if (def.opset < 13)
    throw FormatError(
        detail::message({def.source, ": opset ", def.opset,
                         "; weights with a scale for each channel need 13, export the network again with it"}));
  if (def.inputs.size() != 1)
    throw ArgumentError(detail::message({def.source, ": has ", def.inputs.size(), " inputs, not 1"}));
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Quantized quantize(const GraphDef& def, ConstView images, const QuantizeOptions& options) {
  detail::check_quantizable(def);
  detail::check_quantize(images, options);
  return detail::Quantizer(def, images, options).run();
}

WEIR_INLINE std::string to_text(const QuantizeReport& r) {
  const auto us = [](double seconds) { return detail::fixed_point(1e6 * seconds, 1); };
  const auto trial = [&](const QuantizeTrial& t) {
    return t.ranges + (t.bias_corrected ? ", bias corrected" : "") + ": divergence " +
           detail::fixed_point(1000 * t.divergence, 3) + " millinats, " + std::to_string(t.same) + " of " +
           std::to_string(r.judged_on) + " the same class";
  };
  std::string text = r.source + ": calibrated on " + std::to_string(r.calibrated_on) + " images, judged on " +
                     std::to_string(r.judged_on) + " others, weights of " + std::to_string(r.weight_bits) + " bits" +
                     (r.batch_norms_folded > 0
                          ? ", " + std::to_string(r.batch_norms_folded) + " batch normalisations folded into weights"
                          : "") +
                     "\n\nranges tried, against fp32's answers:\n";
  for (const QuantizeTrial& t : r.trials) text += "  " + trial(t) + "\n";
  text += "taken: " + trial(r.result) + "\n\n";
  std::vector<std::vector<std::string>> rows{
      {"layer", "operator", "bits", "FLOP %", "alone, millinats", "SNR dB", "fp32 us", "int8 us"}};
  std::string kept;
  for (const QuantizedLayer& l : r.layers) {
    rows.push_back({l.name, l.op, l.on_integers ? "8" : "fp32", detail::fixed_point(100 * l.share, 1),
                    l.alone < 0 ? "-" : detail::fixed_point(1000 * l.alone, 3), detail::fixed_point(l.snr_db, 1),
                    us(l.fp32_seconds), us(l.int8_seconds)});
    if (!l.on_integers) kept += "stays in fp32: " + l.name + " (" + l.why + "; " + us(l.fp32_seconds) + " us)\n";
  }
  text += detail::aligned(rows, 3) + "\n" + kept;
  text += "one image: fp32 " + us(r.fp32_seconds) + " us, int8 " + us(r.int8_seconds) + " us (" +
          detail::fixed_point(r.int8_seconds / std::max(r.fp32_seconds, 1e-12), 2) + " of it)\n";
  if (r.int8_seconds >= r.fp32_seconds) text += "int8 is not faster than fp32 on this machine\n";
  return text;
}

}  // namespace weir
