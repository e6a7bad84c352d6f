/// Add, Sub, Mul, Div, Pow, PRelu, and Sum, Max, Min of any number of tensors; all broadcast as in numpy.
#pragma once
#include <memory>
#include <weir/core/kernels/elementwise/blocked_planes.hpp>
#include <weir/core/kernels/elementwise/combine.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// The value of a constant operand.
struct ConstantOperand {
  Shape shape;
  SharedFloats values;
};

/// Base of operations on two tensors; knows its constant input so that a layer before it can take it in.
class ArithmeticLayer : public RunnableLayer {
 public:
  enum class Kind { add, sub, mul, div, other };

  /// constants[i] is input i if that is constant.
  using Constants = std::array<std::optional<ConstantOperand>, 2>;

  ArithmeticLayer(Kind kind, Constants constants) : kind_(kind), constants_(std::move(constants)) {}

  Kind kind() const { return kind_; }
  const ConstantOperand* constant(std::size_t i) const { return constants_[i] ? &*constants_[i] : nullptr; }

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {broadcast_shape(inputs[0], inputs[1])};
  }
  double flops(std::span<const Shape> inputs) const override {
    return static_cast<double>(broadcast_shape(inputs[0], inputs[1]).numel());
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::broadcast(q); }
  std::optional<std::size_t> in_place(std::size_t) const override { return 0; }

 private:
  Kind kind_;
  Constants constants_;
};

/// An operation on rows of plain tensors and on planes of blocked ones.
struct Combination {
  kernels::CombineFunction (*rows)(Isa);
  kernels::PlaneFunction (*planes)(Isa);
};

class CombineLayer final : public ArithmeticLayer {
 public:
  CombineLayer(Kind kind, Constants constants, Combination operation)
      : ArithmeticLayer(kind, std::move(constants)), operation_(operation) {}
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    if (layout_ == Layout::plain)
      kernels::combine(context, operation_.rows, inputs[0], inputs[1], outputs[0]);
    else if (!per_channel_)
      kernels::combine(context, operation_.rows, flat(context, inputs[0]), flat(context, inputs[1]),
                       {outputs[0].data, flat(context, outputs[0]).shape});
    else
      forward_planes(context, inputs[1 - *per_channel_], inputs[*per_channel_], outputs[0].data);
  }
  /// Two tensors of equal shape of which one is blocked, or a blocked one and a value for each channel.
  std::optional<Blocked> blocked(const Context& context, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (inputs.size() != 2) return std::nullopt;
    auto layer = make_counted<CombineLayer>(*this);
    layer->layout_ = Layout::blocked;
    const bool any = given[0] == Layout::blocked || given[1] == Layout::blocked;
    if (any && inputs[0] == inputs[1])
      return Blocked{std::move(layer), {Layout::blocked, Layout::blocked}, Layout::blocked};
    for (std::size_t i = 0; i < 2; ++i) {
      const ShapeForm &x = inputs[1 - i], &b = inputs[i];
      if (given[1 - i] == Layout::plain || constant(1 - i) != nullptr || x.rank() < 3) continue;
      const ConstantOperand* c = constant(i);
      if (c != nullptr ? !layer->take_channels(*c, x.at(1), lanes(context.isa())) : !one_for_each_channel(b, x))
        continue;
      layer->per_channel_ = i;
      return Blocked{std::move(layer), {Layout::blocked, Layout::blocked}, Layout::blocked};
    }
    return std::nullopt;
  }

 private:
  static ConstView flat(const Context& context, ConstView v) {
    return {v.data, Shape{floats_of(v.shape, Layout::blocked, context.isa())}};
  }

  void forward_planes(const Context& context, ConstView x, ConstView b, float* y) const {
    const bool constant = !channels_.empty(), first = *per_channel_ == 0;
    kernels::combine_planes(context, operation_.planes, x, constant ? channels_.data() : b.data,
                            constant || b.shape[0] != x.shape[0], first, y);
  }

  /// True if b is [N, C, 1, ...] or [1, C, 1, ...] to x [N, C, ...], at every batch size.
  static bool one_for_each_channel(const ShapeForm& b, const ShapeForm& x) {
    if (b.rank() != x.rank()) return false;
    const auto channels = [](std::int64_t n, const ShapeForm& f) {
      Shape s = f.at(n);
      for (std::size_t i = 2; i < s.rank(); ++i) s = s.with(i, 1);
      return s;
    };
    for (const std::int64_t n : {1, 2}) {
      const Shape of_b = b.at(n), of_x = channels(n, x);
      if (!(of_b == of_x) && !(of_b == of_x.with(0, 1))) return false;
    }
    return true;
  }

  /// True if c is one value, or one for each channel of x; then channels_ has them.
  bool take_channels(const ConstantOperand& c, const Shape& x, std::int64_t lanes) {
    const Shape& s = c.shape;
    if (s.rank() > x.rank() || c.values.empty()) return false;
    for (std::size_t i = 0; i < s.rank(); ++i)
      if (s[i] != 1 && (x.rank() - s.rank() + i != 1 || s[i] != x[1])) return false;
    channels_.assign(static_cast<std::size_t>(round_up(x[1], lanes)), 0.0F);
    for (std::size_t k = 0; k < static_cast<std::size_t>(x[1]); ++k)
      channels_[k] = c.values[c.values.size() == 1 ? 0 : k];
    return true;
  }

  Combination operation_;
  Layout layout_ = Layout::plain;
  std::optional<std::size_t> per_channel_;  ///< the input that has one value for each channel
  std::vector<float> channels_;             ///< its values, if it is constant
};

/// Two inputs, either of which may be constant.
[[gnu::noinline]] inline LayerPtr combine_layer(const NodeArguments& node, ArithmeticLayer::Kind kind,
                                                Combination operation) {
  node.expect_inputs(2, 2);
  ArithmeticLayer::Constants constants;
  for (std::size_t i = 0; i < 2; ++i)
    if (const Constant* c = node.constant(i); c && !node.constant_other_batch(i))
      constants[i] = {c->shape, c->is_int ? std::vector<float>(c->ints.begin(), c->ints.end()) : c->floats};
  return make_counted<CombineLayer>(kind, std::move(constants), operation);
}
template <class Operation>
inline constexpr Combination combination{&kernels::combine_function<Operation>, &kernels::plane_function<Operation>};
template <class Operation, ArithmeticLayer::Kind kind = ArithmeticLayer::Kind::other>
LayerPtr make_combine(const NodeArguments& node) {
  return combine_layer(node, kind, combination<Operation>);
}

/// The slope stretches to the data, never the other way.
inline LayerPtr make_prelu(const NodeArguments& node) {
  struct PReluLayer final : RunnableLayer {
    std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
      if (!(broadcast_shape(inputs[0], inputs[1]) == inputs[0]))
        throw ShapeError(detail::message({"slope ", inputs[1].to_string(), " does not fit ", inputs[0].to_string()}));
      return {inputs[0]};
    }
    void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
                 float*) const override {
      kernels::combine<kernels::combines::PRelu>(context, inputs[0], inputs[1], outputs[0]);
    }
    double flops(std::span<const Shape> inputs) const override { return static_cast<double>(inputs[0].numel()); }
    Examples examples(const ExamplesQuery& q) const override { return examples::broadcast(q); }
    std::optional<std::size_t> in_place(std::size_t) const override { return 0; }
  };
  node.expect_inputs(2, 2);
  return make_counted<PReluLayer>();
}

/// An operation folded over one or more inputs, divided by their number if mean.
class FoldLayer final : public RunnableLayer {
 public:
  /// one_shape: all inputs must have the same shape, as before opset 8.
  FoldLayer(kernels::CombineFunction (*operation)(Isa), bool mean, bool one_shape = false)
      : operation_(operation), mean_(mean), one_shape_(one_shape) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    Shape y = inputs[0];
    for (const Shape& s : inputs.subspan(1)) {
      if (one_shape_ && !(s == y))
        throw ShapeError(
            detail::message({"before opset 8 inputs have one shape, not ", y.to_string(), " and ", s.to_string()}));
      y = broadcast_shape(y, s);
    }
    return {y};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const auto seen = [&](const Shape& s) {
      return layout_ == Layout::blocked ? kernels::blocked_shape(s, context.isa()) : s;
    };
    const auto input = [&](std::size_t i) { return ConstView{inputs[i].data, seen(inputs[i].shape)}; };
    const View y{outputs[0].data, seen(outputs[0].shape)};
    const std::size_t n = inputs.size();
    if (n == 1)
      std::copy_n(inputs[0].data, y.size(), y.data);
    else
      kernels::combine(context, operation_, input(0), input(1), y);
    for (std::size_t i = 2; i < n; ++i) kernels::combine(context, operation_, y, input(i), y);
    const float count = static_cast<float>(n);
    if (mean_) kernels::combine<kernels::combines::Div>(context, y, {&count, Shape{}}, y);
  }
  double flops(std::span<const Shape> inputs) const override {
    return static_cast<double>(inputs.size()) * static_cast<double>(output_shapes(inputs)[0].numel());
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::broadcast(q); }
  /// Where all are blocked and of equal shape.
  std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (given[i] == Layout::plain || !(inputs[i] == inputs[0])) return std::nullopt;
    auto layer = make_counted<FoldLayer>(*this);
    layer->layout_ = Layout::blocked;
    return Blocked{std::move(layer), std::vector<Layout>(inputs.size(), Layout::blocked), Layout::blocked};
  }

 private:
  kernels::CombineFunction (*operation_)(Isa);
  bool mean_, one_shape_;
  Layout layout_ = Layout::plain;
};

[[gnu::noinline]] inline LayerPtr fold_layer(const NodeArguments& node, ArithmeticLayer::Kind kind,
                                             Combination operation, bool mean) {
  node.expect_inputs(node.node.inputs.size(), node.node.inputs.size());
  if (node.node.inputs.empty()) node.fail("has no inputs");
  const bool one_shape = node.opset < 8;
  if (node.node.inputs.size() == 2 && !mean && !one_shape) return combine_layer(node, kind, operation);
  return make_counted<FoldLayer>(operation.rows, mean, one_shape);
}
template <class Operation, ArithmeticLayer::Kind kind = ArithmeticLayer::Kind::other, bool mean = false>
LayerPtr make_fold(const NodeArguments& node) {
  return fold_layer(node, kind, combination<Operation>, mean);
}

}  // namespace weir::detail
