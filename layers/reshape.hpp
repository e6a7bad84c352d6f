/// Operators that show the same numbers under another shape: Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout.
#pragma once
#include <cstring>
#include <functional>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// y = x under the shape that shape_of makes of x's; costs nothing, as y shares the memory of x.
class ViewLayer final : public RunnableLayer {
 public:
  explicit ViewLayer(std::function<Shape(const Shape&)> shape_of) : shape_of_(std::move(shape_of)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override { return {shape_of_(inputs[0])}; }
  /// Where y has memory of its own after all.
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const auto floats = static_cast<std::size_t>(floats_of(outputs[0].shape, layout_, context.isa()));
    std::memcpy(outputs[0].data, inputs[0].data, floats * sizeof(float));
  }
  /// Where the shape stays.
  std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    const auto keeps = [&](std::int64_t batch) { return shape_of_(inputs[0].at(batch)) == inputs[0].at(batch); };
    if (given[0] == Layout::plain || !keeps(1) || (inputs[0].depends_on_batch() && !keeps(2))) return std::nullopt;
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = Layout::blocked;
    auto layer = make_counted<ViewLayer>(*this);
    layer->layout_ = Layout::blocked;
    return Blocked{std::move(layer), std::move(layouts), Layout::blocked};
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::reshaped(q); }
  bool is_view() const override { return true; }
  bool ignores_input(std::size_t i) const override { return i > 0; }

 private:
  std::function<Shape(const Shape&)> shape_of_;
  Layout layout_ = Layout::plain;
};

inline LayerPtr make_view(std::function<Shape(const Shape&)> shape_of) {
  return make_counted<ViewLayer>(std::move(shape_of));
}

inline LayerPtr make_reshape(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  const bool allow_zero = node.opset >= 14 && node.integer_in("allowzero", 0, 0, 1) == 1;
  return make_view(
      [target = node.constant_list(1), allow_zero](const Shape& x) { return reshaped(x, target, allow_zero); });
}

/// [N, C, H, W] -> [N, C*H*W] with the default axis 1. A rank of 0 counts as [1].
inline LayerPtr make_flatten(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  const std::int64_t axis = node.integer("axis", 1);
  if (axis < 0 && node.opset < 11) node.fail("attribute axis may be negative from opset 11 on");
  return make_view([axis](const Shape& x) {
    const auto rank = static_cast<std::int64_t>(x.rank());
    if (axis < -rank || axis > rank)
      throw ShapeError(detail::message({"axis ", axis, " is outside of ", x.to_string()}));
    const auto cut = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
    return Shape{x.product(0, cut), x.product(cut, x.rank())};
  });
}

inline LayerPtr make_squeeze(const NodeArguments& node) {
  node.expect_inputs(1, node.opset < 13 ? 1 : 2);
  return make_view([axes = node.integers_or_input("axes", 1, 13)](const Shape& x) { return squeezed(x, axes); });
}

inline LayerPtr make_unsqueeze(const NodeArguments& node) {
  node.expect_inputs(node.opset < 13 ? 1 : 2, node.opset < 13 ? 1 : 2);
  return make_view([axes = node.integers_or_input("axes", 1, 13)](const Shape& x) { return unsqueezed(x, axes); });
}

inline LayerPtr make_identity(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return make_view([](const Shape& x) { return x; });
}

/// At inference nothing is dropped, nor in training with a ratio of 0. The mask, a second output, is not computed.
inline LayerPtr make_dropout(const NodeArguments& node) {
  node.expect_inputs(1, node.opset < 12 ? 1 : 3);
  if (node.opset < 12) {
    (void)node.real("ratio", 0.5F);
  } else {
    (void)node.integer("seed", 0);  // of what is not drawn
    const bool trains =
        node.has_input(2) && (node.constant(2) == nullptr || node.constant_integers(2) != std::vector<std::int64_t>{0});
    if (trains && (!node.has_input(1) || node.constant(1) == nullptr || node.scalar_input(1, 0.5F) != 0.0F))
      node.fail("drops values: training_mode is on and ratio is not 0; export the network for inference");
  }
  return make_view([](const Shape& x) { return x; });
}

}  // namespace weir::detail
