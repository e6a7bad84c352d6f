/// Softmax and LogSoftmax.
#pragma once
#include <weir/core/kernels/elementwise/softmax.hpp>
#include <weir/layers/activation.hpp>
#include <weir/layers/attributes/axes.hpp>

namespace weir::detail {

/// Along one axis; flatten: over all axes from it on, as one (ONNX before opset 13).
class SoftmaxLayer final : public ElementwiseLayer {
 public:
  SoftmaxLayer(std::int64_t axis, bool flatten, bool logarithm)
      : axis_(axis), flatten_(flatten), logarithm_(logarithm) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    (void)axis(inputs[0]);
    return {inputs[0]};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& s = inputs[0].shape;
    const std::size_t first = axis(s), last = flatten_ ? s.rank() : first + 1;
    kernels::softmax(context, inputs[0].data, outputs[0].data, s.product(0, first), s.product(first, last),
                     s.product(last, s.rank()), logarithm_);
  }
  Examples examples(const ExamplesQuery& q) const override {
    const std::size_t first = axis(q.shapes[0].at(2));
    return examples::all_but(q, first, flatten_ ? Shape::max_rank : first + 1);
  }
  double flops(std::span<const Shape> inputs) const override { return 5 * static_cast<double>(inputs[0].numel()); }

 private:
  std::size_t axis(const Shape& x) const { return checked_axis(axis_, x.rank()); }

  std::int64_t axis_;
  bool flatten_, logarithm_;
};

template <bool logarithm>
LayerPtr make_softmax(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  const bool flatten = node.opset < 13;
  return make_counted<SoftmaxLayer>(node.integer("axis", flatten ? 1 : -1), flatten, logarithm);
}

}  // namespace weir::detail
