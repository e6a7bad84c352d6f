/// Transpose, Slice and Expand: a tensor read by other strides.
#pragma once
#include <weir/core/kernels/strided.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/slice_ranges.hpp>

namespace weir {

/// y = the elements of x that BoxOf picks for x's shape.
template <class BoxOf>
class PickLayer final : public Layer {
 public:
  explicit PickLayer(BoxOf box_of) : box_of_(std::move(box_of)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override { return {box_of_(inputs[0]).shape}; }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const SliceBox box = box_of_(inputs[0].shape);
    const Shape& y = outputs[0].shape;  // not box.shape: the end may be another at another batch size
    strided_copy(context, y, inputs[0].data + box.offset, box.strides, outputs[0].data, dense_strides(y));
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }

 private:
  BoxOf box_of_;
};

template <class BoxOf>
LayerPtr make_pick(BoxOf box_of) {
  return std::make_shared<PickLayer<BoxOf>>(std::move(box_of));
}

inline LayerPtr make_transpose(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return make_pick([perm = node.integers("perm")](const Shape& x) {
    auto [shape, strides] = permuted(x, perm);
    return SliceBox{shape, 0, strides};
  });
}

inline LayerPtr make_slice(const NodeArguments& node) {
  return make_pick([ranges = SliceRanges::read(node)](const Shape& x) { return ranges.box(x); });
}

/// Axes of length 1 stretch to the given shape.
class ExpandLayer final : public Layer {
 public:
  explicit ExpandLayer(std::vector<std::int64_t> target) : target_(std::move(target)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {broadcast_shape(inputs[0], Shape(std::span<const std::int64_t>(target_)))};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& y = outputs[0].shape;  // the target may be another at another batch size
    strided_copy(context, y, inputs[0].data, broadcast_strides(inputs[0].shape, y), outputs[0].data, dense_strides(y));
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }

 private:
  std::vector<std::int64_t> target_;
};

inline LayerPtr make_expand(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  return std::make_shared<ExpandLayer>(node.probe_integers(1));
}

}  // namespace weir
