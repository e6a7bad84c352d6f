// What quantize.hpp declares.
#pragma once
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/network.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/policy/quantize/figures.hpp>
#include <weir/policy/quantize/judge.hpp>
#include <weir/policy/quantize/observe.hpp>
#include <weir/policy/quantize/prepare.hpp>
#include <weir/policy/quantize/quantize.hpp>

namespace weir::detail {

WEIR_INLINE void check_quantizable(const GraphDef& def) {
  for (const NodeDef& n : def.nodes)
    if (is_quantised_operator(n.op))
      throw FormatError(def.source + ": is quantised already (node '" + n.name + "' " + n.op +
                        "); give the network in fp32 that it was made of");
  if (def.opset < 13)
    throw FormatError(def.source + ": opset " + std::to_string(def.opset) +
                      "; weights with a scale for each channel need 13, export the network again with it");
  if (def.inputs.size() != 1)
    throw ArgumentError(def.source + ": has " + std::to_string(def.inputs.size()) + " inputs, not 1");
}

/// The outputs of the quantised network; the batch as the input is called where it is free.
inline std::vector<InputDef> outputs_of(const Network& net, const InputDef& input) {
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

/// The layers with their noise and times in the finished network.
inline std::vector<QuantizedLayer> with_figures(std::vector<QuantizedLayer> layers, const Network& fp32,
                                                const Network& int8, const PassSeconds& fp32_seconds,
                                                const PassSeconds& int8_seconds, ConstView images,
                                                const ContextOptions& context) {
  std::set<std::string> tensors;
  for (const QuantizedLayer& l : layers) tensors.insert(l.tensor);
  const std::map<std::string, double> decibels = signal_to_noise(fp32, int8, tensors, images, context);
  const auto of = [](const std::map<std::string, double>& all, const std::string& name) {
    const auto it = all.find(name);
    return it == all.end() ? 0.0 : it->second;
  };
  for (QuantizedLayer& l : layers) {
    l.snr_db = of(decibels, l.tensor);
    l.fp32_seconds = of(fp32_seconds.steps, l.name);
    l.int8_seconds = of(int8_seconds.steps, l.name);
  }
  return layers;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Quantized quantize(const GraphDef& given, ConstView images, const QuantizeOptions& o) {
  detail::check_quantizable(given);
  detail::check_quantize(images, o);
  const detail::PreparedGraph prepared = detail::prepared(given);
  const GraphDef& def = prepared.def;
  const detail::Selection selection(def);
  const BuildOptions build = detail::build_options_for(def, images);
  const detail::QuantizeImages parts = detail::divided(images, o.held_back);
  const Network fp32 = build_network(def, build);
  detail::check_network(fp32, def, selection, parts, o);

  std::vector<QuantizedLayer> layers = detail::layers_to_quantise(def, selection, o.keep);
  std::vector<bool> all;
  for (const QuantizedLayer& l : layers) all.push_back(l.on_integers);
  const detail::QuantizeJudge judge(fp32, def, selection, build, parts.judging, o);
  const detail::Observed seen = detail::observe(fp32, def, selection, all, parts.calibration, o);
  const detail::BestNumbers best = detail::best_numbers(judge, seen, all, o);
  const std::vector<double> alone = detail::divergence_of_each(judge, best.numbers, all, o);
  const std::map<std::string, double> shares = detail::shares_of_flops(fp32, o.context);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    layers[l].alone = alone[l];
    if (const auto share = shares.find(layers[l].name); share != shares.end()) layers[l].share = share->second;
  }
  const detail::LayersTaken taken = detail::without_worst(judge, best, all, layers, o);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    layers[l].on_integers = taken.chosen[l];
    if (!taken.why[l].empty()) layers[l].why = taken.why[l];
  }

  GraphDef graph = judge.graph(taken.chosen, best.numbers);
  const Network int8 = build_network(graph, build);
  const auto [fp32_seconds, int8_seconds] = detail::seconds_of_both(fp32, int8, parts.judging, o.passes, o.context);
  layers = detail::with_figures(std::move(layers), fp32, int8, fp32_seconds, int8_seconds, parts.judging, o.context);
  QuantizeReport report{given.source,
                        static_cast<std::size_t>(parts.calibration.shape[0]),
                        static_cast<std::size_t>(parts.judging.shape[0]),
                        prepared.batch_norms_folded,
                        o.weight_bits,
                        best.trials,
                        taken.result,
                        std::move(layers),
                        fp32_seconds.whole,
                        int8_seconds.whole};
  return {std::move(graph), detail::outputs_of(int8, def.inputs[0]), std::move(report)};
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
