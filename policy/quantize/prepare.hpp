/// Before a network is quantised: what can be refused, and the network as its layers are chosen in.
#pragma once
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/network.hpp>
#include <weir/layers/build/build_options.hpp>
#include <weir/policy/quantize/fold.hpp>
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
    throw ArgumentError("weight_bits must be 7 or 8, not " + std::to_string(o.weight_bits));
  if (o.ranges.empty()) throw ArgumentError("ranges: give at least one method");
  for (const std::string& r : o.ranges)
    if (std::find(range_methods.begin(), range_methods.end(), r) == range_methods.end())
      throw ArgumentError("ranges: '" + r + "' is none of minmax, percentile, mse, kl");
  if (!(o.worth > 0 && o.worth <= 1)) throw ArgumentError("worth must be above 0 and at most 1");
  if (images.shape.rank() == 0 || images.shape[0] < 8)
    throw ArgumentError("quantising needs at least 8 images, better 200");
  if (o.held_back != 0 && o.held_back + 4 > static_cast<std::size_t>(images.shape[0]))
    throw ArgumentError("held_back: of " + std::to_string(images.shape[0]) + " images " + std::to_string(o.held_back) +
                        " leave fewer than 4 to calibrate with");
}

/// A network whose nodes have names of their own, with batch normalisation in its weights.
struct PreparedGraph {
  GraphDef def;
  std::size_t batch_norms_folded = 0;
};

inline PreparedGraph prepared(GraphDef def) {
  std::set<std::string> names;
  for (NodeDef& n : def.nodes)  // steps and options name layers by these
    while (!names.insert(n.name).second) n.name += "_";
  drop_identities(def);
  const std::size_t folded = fold_batch_norms(def);
  drop_unread_constants(def);
  return {std::move(def), folded};
}

/// How the network is built for these images. Throws ShapeError where they are not as the file says.
inline BuildOptions build_options_for(const GraphDef& def, ConstView images) {
  const std::vector<std::int64_t>& dims = def.inputs[0].dims;
  bool fits = dims.empty() || dims.size() == images.shape.rank();
  for (std::size_t i = 1; fits && i < dims.size(); ++i) fits = dims[i] < 0 || dims[i] == images.shape[i];
  if (!fits)
    throw ShapeError(def.source + ": images are " + images.shape.with(0, 1).to_string() +
                     ", which is not what input '" + def.inputs[0].name + "' reads");
  BuildOptions b;
  b.input_shapes[def.inputs[0].name] = {images.shape.begin() + 1, images.shape.end()};
  return b;
}

/// Images that ranges are found on, and others that judge.
struct QuantizeImages {
  ConstView calibration, judging;
};

inline QuantizeImages divided(ConstView images, std::size_t held_back) {
  const std::int64_t n = images.shape[0];
  const std::int64_t judges = held_back == 0 ? n / 2 : static_cast<std::int64_t>(held_back);
  const std::size_t each = images.size() / static_cast<std::size_t>(n);
  return {{images.data, images.shape.with(0, n - judges)},
          {images.data + static_cast<std::size_t>(n - judges) * each, images.shape.with(0, judges)}};
}

/// Throws what quantize() says of the network with these images and options.
inline void check_network(const Network& net, const GraphDef& def, const Selection& selection,
                          const QuantizeImages& images, const QuantizeOptions& o) {
  const Shape &calibration = images.calibration.shape, &judging = images.judging.shape;
  if (!(net.input_shape().with(0, calibration[0]) == calibration))
    throw ShapeError(net.source() + " reads " + net.input_shape().to_string() + ", images are " +
                     calibration.with(0, 1).to_string());
  if (net.state().fixed_batch > std::min(calibration[0], judging[0]))
    throw ArgumentError(net.source() + ": runs batches of " + std::to_string(net.state().fixed_batch) +
                        " only, and there are fewer images");
  if (net.output_shape().numel() < 2)
    throw ArgumentError(net.source() + ": a score for each class is needed, its answer is one value");
  const auto& layers = selection.layers();
  if (std::none_of(layers.begin(), layers.end(), [](const WeightLayer& l) { return !l.answers; }))
    throw FormatError(net.source() + ": has no layer to quantise: no Conv, Gemm or MatMul with constant weights but " +
                      (layers.empty() ? "none at all" : "the one that answers"));
  for (const std::string& name : o.keep)
    if (std::none_of(layers.begin(), layers.end(),
                     [&](const WeightLayer& l) { return def.nodes[l.node].name == name; }))
      throw ArgumentError("keep: " + net.source() + " has no Conv, Gemm or MatMul '" + name +
                          "' with constant weights");
}

/// A line of the report for each layer: on integers, but where it answers or is to be kept. Throws ArgumentError where
/// none is left.
inline std::vector<QuantizedLayer> layers_to_quantise(const GraphDef& def, const Selection& selection,
                                                      const std::vector<std::string>& keep) {
  std::vector<QuantizedLayer> layers;
  for (const WeightLayer& l : selection.layers()) {
    const NodeDef& n = def.nodes[l.node];
    QuantizedLayer q{n.name, n.op, l.tensor};
    if (l.answers)
      q.why = "it answers: 256 steps would make ties";
    else if (std::find(keep.begin(), keep.end(), n.name) != keep.end())
      q.why = "asked for";
    q.on_integers = q.why.empty();
    layers.push_back(std::move(q));
  }
  if (std::none_of(layers.begin(), layers.end(), [](const QuantizedLayer& l) { return l.on_integers; }))
    throw ArgumentError("keep: no layer is left to quantise");
  return layers;
}

}  // namespace weir::detail
