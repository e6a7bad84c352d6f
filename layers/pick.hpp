/// Transpose, Slice and Expand: a tensor read by other strides.
#pragma once
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/slice_ranges.hpp>

namespace weir::detail {

/// y = the elements of x that BoxOf picks for x's shape. AxisOf: the axis of y that axis i of x becomes, none where its
/// elements are picked or exchanged.
template <class BoxOf, class AxisOf>
class PickLayer final : public RunnableLayer {
 public:
  PickLayer(BoxOf box_of, AxisOf axis_of) : box_of_(std::move(box_of)), axis_of_(std::move(axis_of)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override { return {box_of_(inputs[0]).shape}; }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const SliceBox box = box_of_(inputs[0].shape);
    kernels::strided_copy(context, box.shape, inputs[0].data + box.offset, box.strides, outputs[0].data,
                          kernels::dense_strides(box.shape));
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override {
    if (q.inputs[0].kind != Examples::Kind::apart) return q.inputs[0];
    const std::optional<std::size_t> axis = axis_of_(q.inputs[0].axis, q.shapes[0].rank());
    return axis ? examples::at(q, 0, *axis) : Examples::mixed();
  }

 private:
  BoxOf box_of_;
  AxisOf axis_of_;
};

template <class BoxOf, class AxisOf>
LayerPtr make_pick(BoxOf box_of, AxisOf axis_of) {
  return make_counted<PickLayer<BoxOf, AxisOf>>(std::move(box_of), std::move(axis_of));
}

inline LayerPtr make_transpose(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  const std::vector<std::int64_t> perm = node.integers("perm");
  return make_pick(
      [perm](const Shape& x) {
        auto [shape, strides] = permuted(x, perm);
        return SliceBox{shape, 0, strides};
      },
      [perm](std::size_t axis, std::size_t rank) -> std::optional<std::size_t> {
        if (perm.empty()) return rank - 1 - axis;
        for (std::size_t i = 0; i < rank; ++i)
          if (checked_axis(perm[i], rank) == axis) return i;
        return std::nullopt;
      });
}

inline LayerPtr make_slice(const NodeArguments& node) {
  const SliceRanges ranges = SliceRanges::read(node);
  return make_pick([ranges](const Shape& x) { return ranges.box(x); },
                   [ranges](std::size_t axis, std::size_t rank) -> std::optional<std::size_t> {
                     for (std::size_t i = 0; i < ranges.axes.size(); ++i)
                       if (checked_axis(ranges.axes[i], rank) == axis && ranges.steps[i] != 1) return std::nullopt;
                     return axis;  // a slice of step 1 that keeps the length keeps everything
                   });
}

/// Axes of length 1 stretch to the given shape.
class ExpandLayer final : public RunnableLayer {
 public:
  explicit ExpandLayer(std::vector<std::int64_t> target) : target_(std::move(target)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {broadcast_shape(inputs[0], Shape(std::span<const std::int64_t>(target_)))};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& y = outputs[0].shape;  // may be stretched to the batch size too
    kernels::strided_copy(context, y, inputs[0].data, kernels::broadcast_strides(inputs[0].shape, y), outputs[0].data,
                          kernels::dense_strides(y));
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override {
    return q.inputs[0].none() ? examples::repeated(q) : examples::broadcast(q);
  }

 private:
  std::vector<std::int64_t> target_;
};

inline LayerPtr make_expand(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  return make_counted<ExpandLayer>(node.constant_integers(1));
}

}  // namespace weir::detail
