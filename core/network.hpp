/// Network: a checked graph of layers; a handle that is cheap to copy and safe to share between threads.
#pragma once
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/layer.hpp>

namespace weir {

class Plan;

/// The shape of a value as a function of the batch size N: dimension i is constant[i] + slope[i] * N.
/// Found by inferring the network's shapes for two batch sizes.
class ShapeForm {
 public:
  ShapeForm() = default;
  explicit ShapeForm(const Shape& fixed) : constant_(fixed) {}

  /// The line through two shapes; throws ShapeError if their ranks differ or no line has integer slope.
  static ShapeForm through(std::int64_t n1, const Shape& s1, std::int64_t n2, const Shape& s2) {
    if (s1.rank() != s2.rank()) throw ShapeError("rank depends on the batch size: " + s1.to_string());
    ShapeForm f(s1);
    for (std::size_t i = 0; i < s1.rank(); ++i) {
      const std::int64_t rise = s2[i] - s1[i], run = n2 - n1;
      if (rise % run != 0) throw ShapeError("dimension " + std::to_string(i) + " is not linear in the batch size");
      f.slope_[i] = rise / run;
      f.offset_[i] = s1[i] - f.slope_[i] * n1;
    }
    return f;
  }

  /// The shape at batch size n.
  Shape at(std::int64_t n) const {
    Shape s = constant_;
    for (std::size_t i = 0; i < s.rank(); ++i)
      if (slope_[i] != 0) s = s.with(i, offset_[i] + slope_[i] * n);
    return s;
  }

  bool depends_on_batch() const {
    for (auto k : slope_)
      if (k != 0) return true;
    return false;
  }

  /// True if the outermost dimension is the batch size (times a factor) and no other depends on it, so that rows can be
  /// dropped by moving memory.
  bool has_rows() const {
    if (constant_.rank() == 0 || slope_[0] < 1 || offset_[0] != 0) return false;
    for (std::size_t i = 1; i < constant_.rank(); ++i)
      if (slope_[i] != 0) return false;
    return true;
  }

  friend bool operator==(const ShapeForm& a, const ShapeForm& b) { return a.at(1) == b.at(1) && a.at(2) == b.at(2); }

 private:
  Shape constant_;
  std::array<std::int64_t, Shape::max_rank> slope_{}, offset_{};
};

/// A tensor of the network: an input, a layer's output, or a constant.
struct Value {
  std::string name;
  ShapeForm form;
  std::shared_ptr<const Tensor> constant;  ///< set for constants alone
};

/// Index into NetworkState::values; absent is an optional input that was left out.
using ValueId = std::int32_t;
inline constexpr ValueId absent = -1;

/// A layer in its place.
struct Node {
  std::string name, op;
  LayerPtr layer;
  std::vector<ValueId> inputs, outputs;
};

/// What a Network holds; filled by build_network() and never changed again (but for the cache of plans).
struct NetworkState {
  std::string source;  ///< file or builder name, for messages
  std::vector<Value> values;
  std::vector<Node> nodes;  ///< topologically sorted
  std::vector<ValueId> inputs, outputs;
  std::int64_t fixed_batch = 0;  ///< the only batch size that the file allows; 0: any
  mutable std::mutex plans_mutex;
  mutable std::map<std::string, std::weak_ptr<const Plan>> plans;
};

/// A DAG of named layers with all shapes checked. Tensors have the names of the model file.
class Network {
 public:
  explicit Network(std::shared_ptr<const NetworkState> state) : state_(std::move(state)) {
    for (std::size_t i = 0; i < state_->values.size(); ++i)
      ids_.emplace(state_->values[i].name, static_cast<ValueId>(i));
  }

  const std::string& source() const { return state_->source; }
  const NetworkState& state() const { return *state_; }
  const std::shared_ptr<const NetworkState>& shared() const { return state_; }

  /// Shape of an input at batch size 1.
  Shape input_shape(std::size_t i = 0) const { return value(state_->inputs.at(i)).form.at(1); }
  /// Shape of an output at batch size 1.
  Shape output_shape(std::size_t i = 0) const { return value(state_->outputs.at(i)).form.at(1); }
  std::vector<std::string> input_names() const { return names(state_->inputs); }
  std::vector<std::string> output_names() const { return names(state_->outputs); }

  /// Names of all tensors that layers compute, in the order of execution.
  std::vector<std::string> tensor_names() const {
    std::vector<std::string> all;
    for (const Node& n : state_->nodes)
      for (ValueId v : n.outputs)
        if (v != absent) all.push_back(value(v).name);
    return all;
  }

  /// Shape of a tensor at batch size 1. Throws ArgumentError if there is none of that name.
  Shape shape_of(std::string_view name) const { return value(id_of(name)).form.at(1); }

  ValueId id_of(std::string_view name) const {
    const auto it = ids_.find(name);
    if (it == ids_.end()) throw ArgumentError(source() + " has no tensor '" + std::string(name) + "'");
    return it->second;
  }
  const Value& value(ValueId id) const { return state_->values[static_cast<std::size_t>(id)]; }

  /// Floating-point operations of one pass at batch size n (a multiply-add counts 2).
  double flops(std::int64_t n = 1) const {
    double sum = 0;
    for (const Node& node : state_->nodes) sum += node.layer->flops(input_shapes(node, n));
    return sum;
  }

  /// Shapes of a node's inputs at batch size n; rank 0 where the input was left out.
  std::vector<Shape> input_shapes(const Node& node, std::int64_t n) const {
    std::vector<Shape> shapes;
    for (ValueId v : node.inputs) shapes.push_back(v == absent ? Shape{} : value(v).form.at(n));
    return shapes;
  }

 private:
  std::vector<std::string> names(const std::vector<ValueId>& ids) const {
    std::vector<std::string> all;
    for (ValueId v : ids) all.push_back(value(v).name);
    return all;
  }

  std::shared_ptr<const NetworkState> state_;
  std::map<std::string, ValueId, std::less<>> ids_;  // found by string_view, without allocating
};

}  // namespace weir
