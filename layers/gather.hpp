/// Gather: slices of a tensor by constant indices.
#pragma once
#include <weir/core/kernels/strided.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/axes.hpp>
#include <weir/layers/node_arguments.hpp>

namespace weir {

/// y[before..., i..., behind...] = x[before..., indices[i...], behind...].
class GatherLayer final : public Layer {
 public:
  GatherLayer(std::int64_t axis, Shape shape, std::vector<std::int64_t> indices)
      : axis_(axis), shape_(shape), indices_(std::move(indices)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    const std::size_t axis = checked_axis(axis_, x.rank());
    for (std::int64_t i : indices_)
      if (i < -x[axis] || i >= x[axis])
        throw ShapeError("index " + std::to_string(i) + " is outside of axis " + std::to_string(axis) + " of " +
                         x.to_string());
    std::vector<std::int64_t> dims(x.begin(), x.begin() + axis);
    dims.insert(dims.end(), shape_.begin(), shape_.end());
    dims.insert(dims.end(), x.begin() + axis + 1, x.end());
    return {Shape(std::span<const std::int64_t>(dims))};
  }
  void forward(const Context&, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    const std::size_t axis = checked_axis(axis_, x.rank());
    const std::int64_t outer = x.product(0, axis), length = x[axis], inner = x.product(axis + 1, x.rank());
    float* y = outputs[0].data;
    if (outputs[0].size() == 0) return;  // with any number of empty slices
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t i : indices_) {
        const float* from = inputs[0].data + (o * length + (i < 0 ? i + length : i)) * inner;
        y = std::copy_n(from, inner, y);
      }
  }
  bool ignores_input(std::size_t i) const override { return i == 1; }
  Examples examples(const ExamplesQuery& q) const override {
    const Examples& x = q.inputs[0];
    if (x.kind != Examples::Kind::apart) return x;
    const std::size_t axis = checked_axis(axis_, q.shapes[0].rank());
    if (x.axis == axis) return Examples::mixed();
    return examples::at(q, 0, x.axis < axis ? x.axis : x.axis + shape_.rank() - 1);
  }

 private:
  std::int64_t axis_;
  Shape shape_;
  std::vector<std::int64_t> indices_;
};

inline LayerPtr make_gather(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  const std::vector<std::int64_t>& indices = node.constant_integers(1);
  return std::make_shared<GatherLayer>(node.integer("axis", 0), node.constant(1)->shape, indices);
}

}  // namespace weir
