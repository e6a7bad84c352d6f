/// Network: a checked graph of layers; a handle that is cheap to copy and safe to share between threads.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/element.hpp>
#include <weir/core/examples.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/layer.hpp>
#include <weir/core/shape_form.hpp>

namespace weir::detail {

class Plan;

/// A tensor of the network: an input, a layer's output, or a constant.
struct Value {
  std::string name;
  ShapeForm form;
  std::shared_ptr<const Tensor> constant = {};  ///< set for constants only
  Examples examples = {};                       ///< where the examples of a batch lie in it
  Element element = Element::float32;           ///< what its layers write and read; inputs and constants are stored
                                                ///< as float32, and copied for readers of integers
};

/// Index into NetworkState::values; absent is an optional input that was left out.
using ValueId = std::int32_t;
inline constexpr ValueId absent = -1;

/// A layer in its place.
struct Node {
  std::string name, op;
  LayerPtr layer;
  std::vector<ValueId> inputs, outputs;
  bool by_form = false;  ///< the outputs' shapes are those of their values; the layer cannot tell
};

/// What a Network holds; filled by build_network() and never changed again (but for the cache of plans). A
/// program that fills one by hand calls find_examples() at the end.
struct NetworkState {
  std::string source;  ///< file or builder name, for messages
  std::vector<Value> values;
  std::vector<Node> nodes;  ///< topologically sorted
  std::vector<ValueId> inputs, outputs;
  std::int64_t fixed_batch = 0;  ///< the only batch size that the file allows; 0: any
  std::string why_fixed;         ///< what stands against other batch sizes, for messages
  mutable std::mutex plans_mutex;
  mutable std::map<std::string, std::weak_ptr<const Plan>> plans;
};

/// Sets Value::examples: of the inputs, which have the batch in front, by their shapes, then layer by layer. A network
/// of one batch size counts as one that mixes examples: batches of it are whole.
inline void find_examples(NetworkState& state) {
  const auto value = [&](ValueId v) -> Value& { return state.values[static_cast<std::size_t>(v)]; };
  for (const ValueId v : state.inputs)
    value(v).examples = value(v).form.has_rows() && state.fixed_batch == 0 ? Examples::apart(0) : Examples::mixed();
  std::vector<ShapeForm> forms;
  std::vector<Examples> examples;
  for (const Node& node : state.nodes) {
    forms.clear(), examples.clear();
    for (const ValueId v : node.inputs) {
      forms.push_back(v == absent ? ShapeForm{} : value(v).form);
      examples.push_back(v == absent ? Examples{} : value(v).examples);
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      if (const ValueId y = node.outputs[i]; y != absent)
        value(y).examples =
            state.fixed_batch == 0 ? node.layer->examples({forms, examples, value(y).form, i}) : Examples::mixed();
  }
}

}  // namespace weir::detail

namespace weir {

/// A DAG of named layers with all shapes checked. Tensors have the names of the model file.
class Network {
 public:
  explicit Network(std::shared_ptr<const detail::NetworkState> state) : state_(std::move(state)) {
    for (std::size_t i = 0; i < state_->values.size(); ++i)
      ids_.emplace(state_->values[i].name, static_cast<detail::ValueId>(i));
  }

  const std::string& source() const { return state_->source; }
  const detail::NetworkState& state() const { return *state_; }
  const std::shared_ptr<const detail::NetworkState>& shared() const { return state_; }

  /// Shape of an input at batch size 1.
  Shape input_shape(std::size_t i = 0) const { return value(state_->inputs.at(i)).form.at(1); }
  /// Shape of an output at batch size 1.
  Shape output_shape(std::size_t i = 0) const { return value(state_->outputs.at(i)).form.at(1); }
  std::vector<std::string> input_names() const { return names(state_->inputs); }
  std::vector<std::string> output_names() const { return names(state_->outputs); }

  /// Names of all tensors that layers compute, in the order of execution.
  std::vector<std::string> tensor_names() const {
    std::vector<std::string> all;
    for (const detail::Node& n : state_->nodes)
      for (detail::ValueId v : n.outputs)
        if (v != detail::absent) all.push_back(value(v).name);
    return all;
  }

  /// Shape of a tensor at batch size 1. Throws ArgumentError if there is none of that name.
  Shape shape_of(std::string_view name) const { return value(id_of(name)).form.at(1); }

  detail::ValueId id_of(std::string_view name) const {
    const auto it = ids_.find(name);
    if (it == ids_.end())
      throw ArgumentError(detail::message({source(), " has no tensor '", name, "'", nearest_tensor(name)}));
    return it->second;
  }

  /// "; the nearest is 'conv1'", for messages about a name that is unknown; where none is like it, how many there are,
  /// the first and the last.
  std::string nearest_tensor(std::string_view name) const {
    const std::vector<std::string> all = tensor_names();
    const std::string hint = detail::nearest_hint(name, std::vector<std::string_view>(all.begin(), all.end()));
    if (!hint.empty() || all.empty()) return hint;
    return detail::message({"; it has ", all.size(), ", from '", all.front(), "' to '", all.back(), "'"});
  }

  const detail::Value& value(detail::ValueId id) const { return state_->values[static_cast<std::size_t>(id)]; }

  /// True if tensor v is computed and holds, at any batch size that the network runs, one row for each example, which
  /// depends on that example only.
  bool has_row_for_each_example(detail::ValueId v) const {
    const detail::Value& x = value(v);
    if (x.constant || x.form.rank() == 0) return false;
    return state_->fixed_batch == 1 ? x.form.at(1)[0] == 1 : x.examples.rows() && x.form.factor(0) == 1;
  }

  /// Floating-point operations of one pass at batch size n (a multiply-add counts 2).
  double flops(std::int64_t n = 1) const {
    double sum = 0;
    for (const detail::Node& node : state_->nodes) sum += node.layer->flops(input_shapes(node, n));
    return sum;
  }

  /// Throws ShapeError, naming the file and what stands against it, unless the network runs batches of this size. Cost:
  /// all shapes are inferred once more, as what is said of all batch sizes was found at a few.
  void check_batch(std::int64_t n) const {
    const std::string head = source() + " does not run batches of " + std::to_string(n);
    if (n < 1) throw ShapeError(head);
    if (state_->fixed_batch > 0 && n != state_->fixed_batch)
      throw ShapeError(detail::message({head, ", only of ", state_->fixed_batch, ": ", state_->why_fixed}));
    for (const detail::Node& node : state_->nodes) {
      if (node.by_form) continue;
      try {
        const std::vector<Shape> shapes = node.layer->output_shapes(input_shapes(node, n));
        for (std::size_t i = 0; i < shapes.size() && i < node.outputs.size(); ++i)
          if (node.outputs[i] != detail::absent && !(shapes[i] == value(node.outputs[i]).form.at(n)))
            throw ShapeError(
                detail::message({"the output ", shapes[i].to_string(), " does not grow with the batch size"}));
      } catch (const ShapeError& e) {
        throw ShapeError(detail::message({head, ": node '", node.name, "' ", node.op, ": ", e.what()}));
      }
    }
  }

  /// Shapes of a node's inputs at batch size n; rank 0 where the input was left out.
  std::vector<Shape> input_shapes(const detail::Node& node, std::int64_t n) const {
    std::vector<Shape> shapes;
    for (detail::ValueId v : node.inputs) shapes.push_back(v == detail::absent ? Shape{} : value(v).form.at(n));
    return shapes;
  }

 private:
  std::vector<std::string> names(const std::vector<detail::ValueId>& ids) const {
    std::vector<std::string> all;
    for (detail::ValueId v : ids) all.push_back(value(v).name);
    return all;
  }

  std::shared_ptr<const detail::NetworkState> state_;
  std::map<std::string, detail::ValueId, std::less<>> ids_;  // found by string_view, without allocating
};

}  // namespace weir
