/// build_network: from a network as data to a checked graph of layers.
#pragma once
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>
#include <weir/core/network.hpp>
#include <weir/layers/fold_integers.hpp>
#include <weir/layers/registry.hpp>

namespace weir {

/// input_shapes: dimensions without the batch ("input" -> {3, 224, 224}) for inputs whose file leaves others than the
/// first dimension free.
struct BuildOptions {
  std::map<std::string, std::vector<std::int64_t>> input_shapes = {};
};

namespace detail {

/// Builds a network by walking its nodes once. Every shape is inferred for two probe batch sizes, which makes integer
/// arithmetic on shapes (what exporters leave behind) plain numbers, and the dependence on the batch size a line.
class NetworkBuilder {
 public:
  NetworkBuilder(const GraphDef& def, const BuildOptions& options)
      : def_(def), state_(std::make_shared<NetworkState>()) {
    state_->source = def.source;
    for (const auto& [name, constant] : def.constants) known_[name] = Known{.constant = {&constant, &constant}};
    for (const InputDef& input : def.inputs) find_batch(input);
    for (const InputDef& input : def.inputs) add_input(input, options);
    for (const NodeDef& node : def.nodes) add_node(node);
    for (const std::string& name : def.outputs) state_->outputs.push_back(output(name));
    if (state_->outputs.empty()) throw FormatError(def.source + ": the graph has no outputs");
  }

  Network result() const { return Network(state_); }

 private:
  /// What is known of a tensor: its value for each probe if it is constant, else its shape for each probe.
  struct Known {
    std::array<const Constant*, 2> constant{};
    std::array<Shape, 2> shape{};
    std::optional<ValueId> id = std::nullopt;
  };

  void find_batch(const InputDef& input) {
    if (input.dims.empty() || input.dims[0] < 0) return;
    if (state_->fixed_batch != 0 && state_->fixed_batch != input.dims[0])
      throw FormatError(def_.source + ": inputs disagree about the batch size");
    state_->fixed_batch = input.dims[0];
    probes_ = {input.dims[0], input.dims[0]};
  }

  void add_input(const InputDef& input, const BuildOptions& options) {
    std::vector<std::int64_t> dims = input.dims;
    if (const auto given = options.input_shapes.find(input.name); given != options.input_shapes.end()) {
      if (given->second.size() + 1 != dims.size())
        throw ArgumentError(def_.source + ", input '" + input.name + "' has " + std::to_string(dims.size()) +
                            " dimensions with the batch, the given shape " + std::to_string(given->second.size() + 1));
      std::copy(given->second.begin(), given->second.end(), dims.begin() + 1);
    }
    Known known;
    for (std::size_t p = 0; p < 2; ++p) {
      if (!dims.empty() && input.dims[0] < 0) dims[0] = probes_[p];
      for (std::size_t i = 1; i < dims.size(); ++i)
        if (dims[i] < 0)
          throw ArgumentError(def_.source + ", input '" + input.name + "': dimension " + std::to_string(i) + " (" +
                              (i < input.dim_names.size() && !input.dim_names[i].empty() ? input.dim_names[i] : "?") +
                              ") is free; say the shape of the input");
      known.shape[p] = Shape(std::span<const std::int64_t>(dims));
      (void)known.shape[p].numel();
    }
    known.id = add_value(input.name, known.shape, nullptr);
    state_->inputs.push_back(*known.id);
    known_[input.name] = known;
  }

  void add_node(const NodeDef& node) {
    std::array<std::vector<const Constant*>, 2> constants;
    std::array<std::vector<Shape>, 2> shapes;
    for (const std::string& name : node.inputs) {
      const Known* k = name.empty() ? nullptr : &known(node, name);
      for (std::size_t p = 0; p < 2; ++p) {
        constants[p].push_back(k ? k->constant[p] : nullptr);
        shapes[p].push_back(!k ? Shape{} : k->constant[p] ? k->constant[p]->shape : k->shape[p]);
      }
    }
    if (folds_integers(node, constants, shapes)) return;

    std::vector<const Constant*> others(constants[1]);
    for (std::size_t i = 0; i < others.size(); ++i)
      if (others[i] == constants[0][i]) others[i] = nullptr;
    const NodeArguments arguments(node, def_.opset, def_.source, constants[0], others, probes_);
    const LayerPtr layer = make_layer(arguments);
    std::array<std::vector<Shape>, 2> out;
    for (std::size_t p = 0; p < 2; ++p) {
      try {
        out[p] = layer->output_shapes(shapes[p]);
        for (const Shape& s : out[p]) (void)s.numel();
      } catch (const ShapeError& e) {
        throw ShapeError(def_.source + ", node '" + node.name + "' " + node.op + ": " + e.what());
      }
    }
    if (all_constant(node)) {
      fold(node, *layer, shapes[0], out[0]);
      return;
    }
    place(node, layer, out);
  }

  bool folds_integers(const NodeDef& node, const std::array<std::vector<const Constant*>, 2>& constants,
                      const std::array<std::vector<Shape>, 2>& shapes) {
    std::array<std::vector<Constant>, 2> values;
    for (std::size_t p = 0; p < 2; ++p) {
      std::vector<const Constant*> ints;
      std::vector<const Shape*> known_shapes;
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        ints.push_back(constants[p][i]);
        known_shapes.push_back(&shapes[p][i]);
      }
      const NodeArguments arguments(node, def_.opset, def_.source, constants[p], {}, probes_);
      auto result = evaluate_integer_node(arguments, ints, known_shapes);
      if (!result) return false;
      values[p] = std::move(*result);
    }
    for (std::size_t i = 0; i < node.outputs.size() && i < values[0].size(); ++i) {
      const bool same = values[0][i].ints == values[1][i].ints && values[0][i].floats == values[1][i].floats &&
                        values[0][i].shape == values[1][i].shape;
      const Constant* first = keep(std::move(values[0][i]));
      known_[node.outputs[i]] = Known{.constant = {first, same ? first : keep(std::move(values[1][i]))}};
    }
    return true;
  }

  bool all_constant(const NodeDef& node) {
    for (const std::string& name : node.inputs)
      if (!name.empty() && !known(node, name).constant[0]) return false;
    return true;
  }

  /// Runs a layer all of whose inputs are constant, once, and keeps what it gives.
  void fold(const NodeDef& node, const Layer& layer, const std::vector<Shape>& shapes, const std::vector<Shape>& out) {
    constexpr std::int64_t limit = std::int64_t{1} << 28;
    std::vector<ConstView> inputs;
    for (const std::string& name : node.inputs)
      inputs.push_back(name.empty() ? ConstView{}
                                    : state_->values[at(runtime_id(known_.at(name), name))].constant->view());
    std::vector<Tensor> results;
    std::vector<View> views;
    for (const Shape& s : out) {
      if (s.numel() > limit) throw ShapeError(def_.source + ", node '" + node.name + "': constant result is too large");
      results.emplace_back(s);
    }
    for (Tensor& t : results) views.push_back(t.view());
    const Context context;
    Buffer workspace;
    layer.forward(context, inputs, views, workspace.reserve(layer.workspace_floats(context, shapes) + 1));
    for (std::size_t i = 0; i < node.outputs.size() && i < results.size(); ++i) {
      const auto values = std::as_const(results[i]).span();
      const Constant* c = keep({results[i].shape(), {values.begin(), values.end()}, {}, false});
      known_[node.outputs[i]] = Known{.constant = {c, c}};
    }
  }

  void place(const NodeDef& def, const LayerPtr& layer, const std::array<std::vector<Shape>, 2>& out) {
    Node node{def.name, def.op, layer, {}, {}};
    for (const std::string& name : def.inputs)
      node.inputs.push_back(name.empty() ? absent : runtime_id(known_.at(name), name));
    for (std::size_t i = 0; i < def.outputs.size(); ++i) {
      if (def.outputs[i].empty() || i >= out[0].size()) {  // a second output that the layer does not compute
        node.outputs.push_back(absent);
        continue;
      }
      Known k;
      k.shape = {out[0][i], out[1][i]};
      k.id = add_value(def.outputs[i], k.shape, nullptr);
      node.outputs.push_back(*k.id);
      known_[def.outputs[i]] = k;
    }
    node.outputs.resize(std::max(node.outputs.size(), out[0].size()), absent);
    state_->nodes.push_back(std::move(node));
  }

  /// The value that holds a tensor at run time; constants become values when a layer first reads them. Integers that
  /// depend on the batch size have none: the layer took them in when it was made.
  ValueId runtime_id(Known& k, const std::string& name) {
    if (k.id) return *k.id;
    const Constant& c = *k.constant[0];
    if (k.constant[0] != k.constant[1]) return absent;
    std::vector<float> converted(c.ints.begin(), c.ints.end());
    auto tensor = std::make_shared<const Tensor>(c.shape, std::span<const float>(c.is_int ? converted : c.floats));
    k.id = add_value(name, {c.shape, c.shape}, std::move(tensor));
    return *k.id;
  }

  ValueId output(const std::string& name) {
    const auto it = known_.find(name);
    if (it == known_.end()) throw FormatError(def_.source + ": output '" + name + "' is not computed by any node");
    const ValueId id = runtime_id(it->second, name);
    if (id == absent) throw FormatError(def_.source + ": output '" + name + "' is a shape, not a tensor");
    return id;
  }

  const Known& known(const NodeDef& node, const std::string& name) {
    const auto it = known_.find(name);
    if (it == known_.end())
      throw FormatError(def_.source + ", node '" + node.name + "' " + node.op + ": input '" + name +
                        "' is not supported as an output of the node that makes it, or not computed at all");
    return it->second;
  }

  ValueId add_value(const std::string& name, const std::array<Shape, 2>& shapes,
                    std::shared_ptr<const Tensor> constant) {
    ShapeForm form(shapes[0]);
    if (probes_[0] != probes_[1]) form = ShapeForm::through(probes_[0], shapes[0], probes_[1], shapes[1]);
    state_->values.push_back({name, form, std::move(constant)});
    return static_cast<ValueId>(state_->values.size() - 1);
  }

  const Constant* keep(Constant c) {
    kept_.push_back(std::make_unique<Constant>(std::move(c)));
    return kept_.back().get();
  }

  static std::size_t at(ValueId v) { return static_cast<std::size_t>(v); }

  const GraphDef& def_;
  std::shared_ptr<NetworkState> state_;
  std::unordered_map<std::string, Known> known_;
  std::vector<std::unique_ptr<Constant>> kept_;
  std::array<std::int64_t, 2> probes_ = {2, 3};
};

}  // namespace detail

/// The network that def describes: every operator made a layer, shape arithmetic and constants folded, all shapes
/// checked. Throws FormatError (unsupported operator or attribute), ShapeError (layers that do not fit), ArgumentError
/// (a free dimension beside the batch), each naming file and node.
inline Network build_network(const GraphDef& def, const BuildOptions& options = {}) {
  return detail::NetworkBuilder(def, options).result();
}

}  // namespace weir
