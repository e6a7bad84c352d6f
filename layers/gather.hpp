/// Gather: slices of a tensor.
#pragma once
#include <algorithm>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/indices.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// y[before..., i..., behind...] = x[before..., indices[i...], behind...].
class GatherLayer final : public RunnableLayer {
 public:
  GatherLayer(std::int64_t axis, Indices indices) : axis_(axis), indices_(std::move(indices)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape &x = inputs[0], indices = indices_.shape(inputs[1]);
    const std::size_t axis = checked_axis(axis_, x.rank());
    indices_.expect_inside(x, axis);
    std::vector<std::int64_t> dims(x.begin(), x.begin() + axis);
    dims.insert(dims.end(), indices.begin(), indices.end());
    dims.insert(dims.end(), x.begin() + axis + 1, x.end());
    return {Shape(std::span<const std::int64_t>(dims))};
  }
  void forward(const Context&, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    if (outputs[0].size() == 0) return;  // with any number of empty slices
    const Shape& x = inputs[0].shape;
    const std::size_t axis = checked_axis(axis_, x.rank());
    const std::int64_t outer = x.product(0, axis), length = x[axis], inner = x.product(axis + 1, x.rank());
    const std::int64_t count = indices_.shape(inputs[1].shape).numel();
    float* y = outputs[0].data;
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t at = indices_.place(inputs[1].data, i, length);
        y = at == Indices::outside ? std::fill_n(y, inner, Indices::nothing)
                                   : std::copy_n(inputs[0].data + (o * length + at) * inner, inner, y);
      }
  }
  bool ignores_input(std::size_t i) const override { return i == 1 && indices_.known(); }
  Examples examples(const ExamplesQuery& q) const override {
    const Examples &x = q.inputs[0], &indices = q.inputs[1];
    const std::size_t axis = checked_axis(axis_, q.shapes[0].rank());
    if (!indices.none()) {  // each example takes slices of what is the same for all
      if (!x.none() || indices.is_mixed()) return Examples::mixed();
      return examples::at(q, 1, axis + indices.axis);
    }
    if (x.kind != Examples::Kind::apart) return x;
    if (x.axis == axis) return Examples::mixed();
    return examples::at(q, 0, x.axis < axis ? x.axis : x.axis + q.output.rank() - q.shapes[0].rank());
  }

 private:
  std::int64_t axis_;
  Indices indices_;
};

inline LayerPtr make_gather(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  return make_counted<GatherLayer>(node.integer("axis", 0), Indices::read(node, 1));
}

}  // namespace weir::detail
