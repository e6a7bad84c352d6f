/// Add, Sub, Mul, Div, Pow, PRelu, and Sum, Max, Min of any number of tensors; all broadcast as in numpy.
#pragma once
#include <memory>
#include <weir/core/kernels/combine.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/axes.hpp>
#include <weir/layers/node_arguments.hpp>

namespace weir {

/// Base of operations on two tensors; knows its constant input so that a layer before it can take it in.
class ArithmeticLayer : public Layer {
 public:
  enum class Kind { add, sub, mul, div, other };

  /// constants[i] is input i if that is constant, else an empty pointer.
  using Constants = std::array<std::shared_ptr<const Tensor>, 2>;

  ArithmeticLayer(Kind kind, Constants constants) : kind_(kind), constants_(std::move(constants)) {}

  Kind kind() const { return kind_; }
  const Tensor* constant(std::size_t i) const { return constants_[i].get(); }

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {broadcast_shape(inputs[0], inputs[1])};
  }
  double flops(std::span<const Shape> inputs) const override {
    return static_cast<double>(broadcast_shape(inputs[0], inputs[1]).numel());
  }
  bool in_place() const override { return true; }

 private:
  Kind kind_;
  Constants constants_;
};

template <class Operation, ArithmeticLayer::Kind layer_kind = ArithmeticLayer::Kind::other>
class CombineLayer final : public ArithmeticLayer {
 public:
  explicit CombineLayer(Constants constants) : ArithmeticLayer(layer_kind, std::move(constants)) {}
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    combine<Operation>(context, inputs[0], inputs[1], outputs[0]);
  }
};

/// Two inputs, either of which may be constant.
template <class Operation, ArithmeticLayer::Kind kind = ArithmeticLayer::Kind::other>
LayerPtr make_combine(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  constexpr std::size_t largest = 1 << 16;  // what can be a value for each channel; larger ones need not be kept twice
  ArithmeticLayer::Constants constants;
  for (std::size_t i = 0; i < 2; ++i)
    if (const Constant* c = node.constant(i);
        c && !c->is_int && !node.constant_other_batch(i) && c->floats.size() <= largest)
      constants[i] = std::make_shared<const Tensor>(c->shape, c->floats);
  return std::make_shared<CombineLayer<Operation, kind>>(std::move(constants));
}

/// The slope stretches to the data, never the other way.
inline LayerPtr make_prelu(const NodeArguments& node) {
  struct PReluLayer final : Layer {
    std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
      if (!(broadcast_shape(inputs[0], inputs[1]) == inputs[0]))
        throw ShapeError("slope " + inputs[1].to_string() + " does not fit " + inputs[0].to_string());
      return {inputs[0]};
    }
    void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
                 float*) const override {
      combine<combines::PRelu>(context, inputs[0], inputs[1], outputs[0]);
    }
    double flops(std::span<const Shape> inputs) const override { return static_cast<double>(inputs[0].numel()); }
    bool in_place() const override { return true; }
  };
  node.expect_inputs(2, 2);
  return std::make_shared<PReluLayer>();
}

/// Operation folded over one or more inputs, divided by their number if mean.
template <class Operation>
class FoldLayer final : public Layer {
 public:
  explicit FoldLayer(bool mean) : mean_(mean) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    Shape y = inputs[0];
    for (const Shape& s : inputs.subspan(1)) y = broadcast_shape(y, s);
    return {y};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const View y = outputs[0];
    const std::size_t n = inputs.size();
    if (n == 1)
      std::copy_n(inputs[0].data, y.size(), y.data);
    else
      combine<Operation>(context, inputs[0], inputs[1], y);
    for (std::size_t i = 2; i < n; ++i) combine<Operation>(context, y, inputs[i], y);
    const float count = static_cast<float>(n);
    if (mean_) combine<combines::Div>(context, y, {&count, Shape{}}, y);
  }
  double flops(std::span<const Shape> inputs) const override {
    return static_cast<double>(inputs.size()) * static_cast<double>(output_shapes(inputs)[0].numel());
  }

 private:
  bool mean_;
};

template <class Operation, ArithmeticLayer::Kind kind = ArithmeticLayer::Kind::other, bool mean = false>
LayerPtr make_fold(const NodeArguments& node) {
  node.expect_inputs(node.node.inputs.size(), node.node.inputs.size());
  if (node.node.inputs.empty()) node.fail("has no inputs");
  if (node.node.inputs.size() == 2 && !mean) return make_combine<Operation, kind>(node);
  return std::make_shared<FoldLayer<Operation>>(mean);
}

}  // namespace weir
