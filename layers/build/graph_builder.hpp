/// GraphBuilder: the work of build_network.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/core/network.hpp>
#include <weir/layers/build/build_options.hpp>
#include <weir/layers/build/cast_like.hpp>
#include <weir/layers/build/constants.hpp>
#include <weir/layers/build/element_types.hpp>
#include <weir/layers/build/exact_integers.hpp>
#include <weir/layers/build/fill.hpp>
#include <weir/layers/build/fold_budget.hpp>
#include <weir/layers/build/fuse_qdq.hpp>
#include <weir/layers/build/input_dims.hpp>
#include <weir/layers/build/integers/fold.hpp>
#include <weir/layers/build/known.hpp>
#include <weir/layers/build/probes.hpp>
#include <weir/layers/build/run_once.hpp>
#include <weir/layers/build/tensor_types.hpp>
#include <weir/layers/build/without_batch.hpp>
#include <weir/layers/quantized/as_floats.hpp>
#include <weir/layers/registry.hpp>

namespace weir::detail {

/// Builds a network by walking its nodes once. Every shape is inferred for a few probe batch sizes, which makes
/// integer arithmetic on shapes (what exporters leave behind) plain numbers, and the dependence on the batch size a
/// line.
class GraphBuilder {
 public:
  /// as_file: a batch size that the file fixes stays, a free one may be any. any: a fixed one may be any too. one: a
  /// free one is 1.
  enum class Batch { as_file, any, one };

  GraphBuilder(const GraphDef& def, const BuildOptions& options, Batch batch)
      : def_(def),
        tensor_types_(def, options.operators),
        own_operators_(options.operators),
        batch_(batch),
        state_(std::make_shared<NetworkState>()) {
    state_->source = def.source;
    if (batch == Batch::one) {
      state_->fixed_batch = 1;
      probes_.fill(1);
    }
    for (const auto& [name, constant] : def.constants) {
      known_[name].constant.fill(&constant);
      fold_budget_.add(constant);
    }
    check_given_shapes(def, options);
    for (const InputDef& input : def.inputs) find_batch(input);
    if (batch == Batch::any) state_->fixed_batch = 0;
    for (const InputDef& input : def.inputs) add_input(input, options);
    for (const NodeDef& node : QdqFusion(def).nodes()) add_node(node);
    for (const std::string& name : def.outputs) state_->outputs.push_back(output(name));
    if (state_->outputs.empty()) throw FormatError(detail::message({def.source, ": the graph has no outputs"}));
    find_examples(*state_);
    sort_by_outputs(*state_);
  }

  /// why: what stands against other batch sizes, where the network has only one.
  Network result(const std::string& why = {}) const {
    state_->why_fixed = why;
    return Network(state_);
  }

  /// True if every input and output has the batch in front, and examples lie apart all the way, so that a file of fixed
  /// batch size may run at any.
  bool keeps_examples_apart() const {
    const auto rows = [&](ValueId v) {
      const Value& value = state_->values[at(v)];
      return value.examples.rows() && value.form.factor(0) == 1;
    };
    return std::all_of(state_->inputs.begin(), state_->inputs.end(), rows) &&
           std::all_of(state_->outputs.begin(), state_->outputs.end(), rows) &&
           std::none_of(state_->values.begin(), state_->values.end(),
                        [](const Value& v) { return v.examples.is_mixed(); });
  }

 private:
  using Constants = ProbedConstants;
  using Shapes = ProbedShapes;

  void find_batch(const InputDef& input) {
    if (input.dims.empty() || input.dims[0] < 0) return;
    if (state_->fixed_batch != 0 && state_->fixed_batch != input.dims[0])
      throw FormatError(detail::message({def_.source, ": inputs disagree about the batch size"}));
    state_->fixed_batch = file_batch_ = input.dims[0];
    if (batch_ != Batch::any) probes_.fill(input.dims[0]);
  }

  void add_input(const InputDef& input, const BuildOptions& options) {
    std::vector<std::int64_t> dims = input_dims(def_, input, options);
    Known known;
    for (std::size_t p = 0; p < probe_count; ++p) {
      if (!dims.empty() && (input.dims[0] < 0 || batch_ == Batch::any)) dims[0] = probes_[p];
      known.shape[p] = Shape(std::span<const std::int64_t>(dims));
      (void)known.shape[p].numel();
    }
    known.id = add_value(input.name, known.shape, nullptr, input.element);
    known.type = type_of(input.element);
    state_->inputs.push_back(*known.id);
    known_[input.name] = known;
  }

  void add_node(const NodeDef& node) {
    if (node.op == "CastLike" && !own_operators_.contains(node.op)) return add_node(as_cast(node, def_, tensor_types_));
    Constants constants;
    Shapes shapes;
    for (const std::string& name : node.inputs) {
      const Known* k = name.empty() ? nullptr : &known(node, name);
      for (std::size_t p = 0; p < probe_count; ++p) {
        constants[p].push_back(k ? k->constant[p] : nullptr);
        shapes[p].push_back(!k ? Shape{} : k->constant[p] ? k->constant[p]->shape : k->shape[p]);
      }
    }
    if (folds_integers(node, constants, shapes)) return;
    std::optional<std::size_t> stretched;
    try {
      const WithoutBatch without_batch{def_, probes_, file_batch_, batch_ == Batch::any};
      if (auto target = without_batch.of(node, constants, shapes, stretched)) {
        const auto length = static_cast<std::int64_t>(target->list.size());
        const Constant* kept = keep({Shape{length}, {}, std::move(target->list), true});
        for (auto& c : constants) c[target->input] = kept;
      }
    } catch (const ShapeError& e) {
      throw ShapeError(detail::message({where(node), ": ", e.what()}));
    }

    types_ = {};
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      types_.push_back(node.inputs[i].empty() ? ElementType::real : type_of(known(node, node.inputs[i])));
    LayerPtr layer = make(node, constants, 0, shapes[0]);
    const NodeArguments arguments(node, def_.opset, def_.source, constants[0], {}, {}, types_);
    std::vector<ElementType> out_types = {ElementType::real};
    if (!own_operators_.contains(node.op) && !layer->output_element(0)) out_types = element_types(arguments);
    if (std::any_of(types_.begin(), types_.end(), is_narrow) && !layer->output_element(0)) {
      if (own_operators_.contains(node.op)) arguments.fail("a program's own operators take floats");
      layer = as_floats(layer, arguments, out_types);
    }
    if (out_types[0] == ElementType::integer && !layer->output_element(0) && may_leave_exact_integers(node.op))
      layer = make_counted<ExactIntegersLayer>(layer);
    if (layer->output_element(0)) {
      out_types.clear();
      for (std::size_t i = 0; i < node.outputs.size(); ++i) out_types.push_back(type_of(*layer->output_element(i)));
    }
    Shapes out;
    try {
      for (std::size_t p = 0; p < probe_count; ++p) {
        // Constants that depend on the batch size only shape a layer's output, so that any of these layers may run.
        const LayerPtr other = constants[p] == constants[0] ? layer : make(node, constants, p, shapes[p]);
        out[p] = other->output_shapes(shapes[p]);
        if (out[p].size() != out[0].size()) throw ShapeError("the number of outputs depends on the batch size");
        for (Shape& s : out[p]) {
          if (stretched) s = broadcast_shape(s, stretched_by_batch(s, *stretched, probes_[p]));
          (void)s.numel();
        }
      }
    } catch (const ShapeError& e) {
      throw ShapeError(detail::message({where(node), ": ", e.what()}));
    }
    if (all_constant(node) && !stretched && fold_budget_.is_worth_it(node, shapes[0], out[0]))
      fold(node, *layer, shapes[0], out[0]);
    else
      place(node, layer, out, stretched.has_value());
    for (std::size_t i = 0; i < node.outputs.size() && i < out[0].size(); ++i)
      if (!node.outputs[i].empty()) set_type(node, node.outputs[i], out_types[std::min(i, out_types.size() - 1)]);
  }

  /// A layer on floats for integers of a quantised network.
  static LayerPtr as_floats(const LayerPtr& layer, const NodeArguments& node, const std::vector<ElementType>& types) {
    std::vector<Element> inputs, outputs;
    for (std::size_t i = 0; i < node.node.inputs.size(); ++i) inputs.push_back(quantized::element_of(node, i));
    for (const ElementType t : types) outputs.push_back(element_of(t));
    return make_counted<AsFloatsLayer>(layer, std::move(inputs), std::move(outputs));
  }

  /// Constants that a layer computed as floats become the integers that they are.
  void set_type(const NodeDef& node, const std::string& name, ElementType type) {
    Known& k = known_.at(name);
    const char letter = tensor_types_.of(name);
    if (type == ElementType::real && k.constant[0] != nullptr && is_integer_type(letter))
      type = letter == 'B' ? ElementType::boolean : ElementType::integer;
    k.type = k.constant[0] != nullptr && is_narrow(type) ? ElementType::real : type;  // of integers: see type_of()
    if (type == ElementType::real || k.constant[0] == nullptr || k.constant[0]->is_int) return;
    Constant c{k.constant[0]->shape, {}, {}, true};
    if (only_moves(node.op) && known_.at(node.inputs[0]).constant[0] != nullptr)
      c.element = known_.at(node.inputs[0]).constant[0]->element;
    for (float v : k.constant[0]->floats) {
      // 2^24 may have been 2^24 + 1.
      if (!(std::abs(v) < first_inexact_integer))
        throw FormatError(detail::message({where(node), ": integers from 2^24 on are not supported here"}));
      c.ints.push_back(wrapped(static_cast<std::int64_t>(v), letter));
    }
    k.constant.fill(keep(std::move(c)));
  }

  std::string where(const NodeDef& node) const { return def_.source + ", node '" + node.name + "' " + node.op; }

  LayerPtr make(const NodeDef& node, const Constants& constants, std::size_t p, const std::vector<Shape>& shapes) {
    std::vector<const Constant*> others(shapes.size(), nullptr);
    std::vector<std::size_t> ranks;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      for (std::size_t q = 0; q < probe_count; ++q)
        if (constants[q][i] != constants[p][i]) others[i] = constants[q][i];
      ranks.push_back(shapes[i].rank());
    }
    return make_layer(
        NodeArguments(node, def_.opset, def_.source, constants[p], std::move(others), std::move(ranks), types_),
        own_operators_);
  }

  bool folds_integers(const NodeDef& node, const Constants& constants, const Shapes& shapes) {
    std::array<std::vector<Constant>, probe_count> values;
    for (std::size_t p = 0; p < probe_count; ++p) {
      const NodeArguments arguments(node, def_.opset, def_.source, constants[p]);
      std::vector<const Shape*> known_shapes;
      for (const Shape& s : shapes[p]) known_shapes.push_back(&s);
      auto result = evaluate_integer_node(arguments, constants[p], known_shapes);
      if (!result) return false;
      values[p] = std::move(*result);
      for (std::size_t i = 0; i < values[p].size(); ++i) {
        Constant& c = values[p][i];
        fold_budget_.spend(c.shape.numel(), where(node));
        const char type = i < node.outputs.size() ? tensor_types_.of(node.outputs[i]) : any_type;
        for (std::int64_t& v : c.ints) {
          v = wrapped(v, type);
          if (type == 'L' && v < 0)
            throw FormatError(detail::message({where(node), ": an unsigned value is above 2^63 - 1"}));
        }
        if (only_moves(node.op) && constants[p][0] != nullptr) c.element = constants[p][0]->element;
      }
    }
    if (node.op == "Expand" && is_repeated_index(constants, values)) return false;
    for (std::size_t i = 0; i < node.outputs.size() && i < values[0].size(); ++i) {
      Known& k = known_[node.outputs[i]] = Known{};
      for (std::size_t p = 0; p < probe_count; ++p) {
        const bool same = p > 0 && values[p][i].ints == k.constant[0]->ints &&
                          values[p][i].floats == k.constant[0]->floats && values[p][i].shape == k.constant[0]->shape;
        k.constant[p] = same ? k.constant[0] : keep(std::move(values[p][i]));
      }
    }
    return true;
  }

  bool all_constant(const NodeDef& node) {
    for (const std::string& name : node.inputs)
      if (!name.empty() && !known(node, name).constant[0]) return false;
    return true;
  }

  /// Keeps what a layer gives all of whose inputs are constant.
  void fold(const NodeDef& node, const Layer& made, const std::vector<Shape>& shapes, const std::vector<Shape>& out) {
    std::vector<const Constant*> inputs;
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      inputs.push_back(node.inputs[i].empty() || made.ignores_input(i) ? nullptr : &batch_free(node, i));
    for (const Shape& y : out) fold_budget_.spend(y.numel(), where(node));
    std::vector<Constant> results = run_once(made, inputs, shapes, out);
    for (std::size_t i = 0; i < node.outputs.size() && i < results.size(); ++i) {
      known_[node.outputs[i]] = Known{};
      known_[node.outputs[i]].constant.fill(keep(std::move(results[i])));
    }
  }

  /// by_form: the layer does not know its output's shape, which depends on the batch size.
  void place(const NodeDef& def, const LayerPtr& layer, const Shapes& out, bool by_form) {
    Node node{def.name, def.op, layer, {}, {}, by_form};
    for (std::size_t i = 0; i < def.inputs.size(); ++i) {
      const bool unused = def.inputs[i].empty() || layer->ignores_input(i);
      if (!unused && depends_on_batch(known_.at(def.inputs[i]))) place_fill(def, i);
      const Constant* constant = unused ? nullptr : known_.at(def.inputs[i]).constant[0];
      if (constant != nullptr && !layer->output_element(0) && !is_exact(*constant))
        throw FormatError(detail::message({where(def), ": integers from 2^24 on are not supported here"}));
      node.inputs.push_back(
          unused ? absent : runtime_id(known_.at(def.inputs[i]), def.inputs[i], layer->output_element(0).has_value()));
    }
    for (std::size_t i = 0; i < def.outputs.size() && i < out[0].size(); ++i) {  // a mask of Dropout is not computed
      if (def.outputs[i].empty()) {
        node.outputs.push_back(absent);
        continue;
      }
      Known k;
      for (std::size_t p = 0; p < probe_count; ++p) k.shape[p] = out[p][i];
      k.id = add_value(def.outputs[i], k.shape, nullptr, layer->output_element(i).value_or(Element::float32));
      node.outputs.push_back(*k.id);
      known_[def.outputs[i]] = k;
    }
    node.outputs.resize(out[0].size(), absent);
    state_->nodes.push_back(std::move(node));
  }

  /// Input i, a constant for each batch size: the same value all over, or nothing that can be computed with.
  void place_fill(const NodeDef& node, std::size_t i) {
    Known& k = known_.at(node.inputs[i]);
    std::optional<float> value;
    for (std::size_t p = 0; p < probe_count; ++p) {
      const Tensor t = as_tensor(*k.constant[p]);
      for (float v : t.span())
        if (value.value_or(v) != v)
          (void)batch_free(node, i);
        else
          value = v;
      k.shape[p] = t.shape();
    }
    k.constant.fill(nullptr);
    k.id = add_value(node.inputs[i], k.shape, nullptr);
    state_->nodes.push_back({node.inputs[i], "Fill", make_counted<FillLayer>(value.value_or(0.0F)), {}, {*k.id}, true});
  }

  /// Constant input i, which a layer reads when it runs.
  const Constant& batch_free(const NodeDef& node, std::size_t i) {
    const Known& k = known_.at(node.inputs[i]);
    if (depends_on_batch(k))
      throw FormatError(detail::message(
          {where(node), ": computing with '", node.inputs[i], "', which depends on the batch size, is not supported"}));
    return *k.constant[0];
  }

  /// The value that holds a tensor at run time; constants become values when a layer first reads them. integers: as
  /// what the file says it is, where that is uint8, int8 or int32.
  ValueId runtime_id(Known& k, const std::string& name, bool integers = false) {
    if (integers && k.constant[0] != nullptr && k.constant[0]->element != Element::float32) {
      const Constant& c = *k.constant[0];
      if (!k.integer_id)
        k.integer_id =
            add_value(name, {c.shape, c.shape, c.shape}, std::make_shared<const Tensor>(as_tensor(c)), c.element);
      return *k.integer_id;
    }
    if (k.id) return *k.id;
    const Constant& c = *k.constant[0];
    k.id = add_value(name, {c.shape, c.shape, c.shape}, std::make_shared<const Tensor>(as_tensor(c)));
    return *k.id;
  }

  ValueId output(const std::string& name) {
    const auto it = known_.find(name);
    if (it == known_.end())
      throw FormatError(detail::message({def_.source, ": output '", name, "' is not computed by any node"}));
    if (depends_on_batch(it->second))
      throw FormatError(detail::message({def_.source, ": output '", name, "' is a shape, not a tensor"}));
    return runtime_id(it->second, name);
  }

  const Known& known(const NodeDef& node, const std::string& name) {
    const auto it = known_.find(name);
    if (it == known_.end())
      throw FormatError(
          detail::message({where(node), ": input '", name,
                           "' is not supported as an output of the node that makes it, or not computed at all"}));
    return it->second;
  }

  ValueId add_value(const std::string& name, const std::array<Shape, probe_count>& shapes,
                    std::shared_ptr<const Tensor> constant, Element element = Element::float32) {
    ShapeForm form(shapes[0]);
    if (probes_[0] != probes_[1]) {
      form = ShapeForm::through(probes_[0], shapes[0], probes_[1], shapes[1]);
      if (shapes[2].rank() != shapes[0].rank() || !(form.at(probes_[2]) == shapes[2]))
        throw ShapeError(detail::message({def_.source, ": the shape of '", name, "' is not linear in the batch size"}));
    }
    state_->values.push_back({name, form, std::move(constant), {}, element});
    return static_cast<ValueId>(state_->values.size() - 1);
  }

  const Constant* keep(Constant c) {
    kept_.push_back(std::make_unique<Constant>(std::move(c)));
    return kept_.back().get();
  }

  static std::size_t at(ValueId v) { return static_cast<std::size_t>(v); }

  const GraphDef& def_;
  const TensorTypes tensor_types_;
  const std::map<std::string, OperatorMaker>& own_operators_;
  const Batch batch_;
  std::shared_ptr<NetworkState> state_;
  std::unordered_map<std::string, Known> known_;
  std::vector<std::unique_ptr<Constant>> kept_;
  Probes probes_ = {2, 3, 7};
  std::vector<ElementType> types_;  ///< of the inputs of the node at hand
  std::int64_t file_batch_ = 0;
  FoldBudget fold_budget_;
};

}  // namespace weir::detail
