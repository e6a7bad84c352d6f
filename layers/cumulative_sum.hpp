/// CumSum: sums up to each place along an axis.
#pragma once
#include <weir/core/layer.hpp>
#include <weir/layers/ranking.hpp>

namespace weir::detail {

/// y[.., i, ..] = sum of x[.., j, ..] over j <= i; exclusive: j < i; reverse: from the last place down, j >= i or j >
/// i.
class CumulativeSumLayer final : public RunnableLayer {
 public:
  CumulativeSumLayer(std::int64_t axis, bool exclusive, bool reverse)
      : axis_(axis), exclusive_(exclusive), reverse_(reverse) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    (void)checked_axis(axis_, inputs[0].rank());
    return {inputs[0]};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    if (outputs[0].size() == 0) return;
    const std::size_t axis = checked_axis(axis_, x.rank());
    for_lines(context, x, axis, [&](std::int64_t from, std::int64_t step, std::int64_t) {
      const float* v = inputs[0].data + from;
      float* y = outputs[0].data + from;
      float sum = 0;
      for (std::int64_t i = 0; i < x[axis]; ++i) {
        const std::int64_t at = (reverse_ ? x[axis] - 1 - i : i) * step;
        const float term = v[at];
        if (exclusive_) y[at] = sum;
        sum = i == 0 && !exclusive_ ? term : sum + term;  // a first zero keeps its sign
        if (!exclusive_) y[at] = sum;
      }
    });
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override {
    const std::size_t axis = checked_axis(axis_, q.shapes[0].rank());
    return examples::all_but(q, axis, axis + 1);
  }
  double flops(std::span<const Shape> inputs) const override { return static_cast<double>(inputs[0].numel()); }

 private:
  std::int64_t axis_;
  bool exclusive_, reverse_;
};

inline LayerPtr make_cumulative_sum(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  const std::vector<std::int64_t>& axis = node.constant_integers(1);
  if (axis.size() != 1) node.fail("axis must be one value");
  return make_counted<CumulativeSumLayer>(axis[0], node.integer_in("exclusive", 0, 0, 1) == 1,
                                          node.integer_in("reverse", 0, 0, 1) == 1);
}

}  // namespace weir::detail
