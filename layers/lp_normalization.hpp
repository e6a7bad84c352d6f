/// LpNormalization and MeanVarianceNormalization: values over norms, without parameters.
#pragma once
#include <cmath>
#include <weir/core/kernels/elementwise/combine.hpp>
#include <weir/layers/activation.hpp>
#include <weir/layers/ranking.hpp>
#include <weir/layers/reduce.hpp>

namespace weir::detail {

/// y = x / norm along an axis, the norm being the sum of |x| (p = 1) or the root of the sum of squares (p = 2); 0 where
/// the norm is 0, as in ONNX Runtime.
class LpNormalizationLayer final : public RunnableLayer {
 public:
  LpNormalizationLayer(std::int64_t axis, std::int64_t p) : axis_(axis), p_(p) {}

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
      double sum = 0;
      for (std::int64_t i = 0; i < x[axis]; ++i) {
        const double a = v[i * step];
        sum += p_ == 1 ? std::abs(a) : a * a;
      }
      const auto whole = static_cast<float>(sum);
      const float norm = p_ == 1 ? whole : std::sqrt(whole);
      for (std::int64_t i = 0; i < x[axis]; ++i) outputs[0].data[from + i * step] = norm == 0 ? 0 : v[i * step] / norm;
    });
  }
  Examples examples(const ExamplesQuery& q) const override {
    const std::size_t axis = checked_axis(axis_, q.shapes[0].rank());
    return examples::all_but(q, axis, axis + 1);
  }
  double flops(std::span<const Shape> inputs) const override { return 3 * static_cast<double>(inputs[0].numel()); }

 private:
  std::int64_t axis_, p_;
};

inline LayerPtr make_lp_normalization(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return make_counted<LpNormalizationLayer>(node.integer("axis", -1), node.integer_in("p", 2, 1, 2));
}

/// y = (x - mean) / sqrt(variance), both over some axes. As in ONNX Runtime nothing is added to the variance, so that
/// values that are all the same become NaN.
class MeanVarianceLayer final : public RunnableLayer {
 public:
  explicit MeanVarianceLayer(ReducedAxes axes) : axes_(std::move(axes)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    (void)axes_.of(inputs[0]);
    return {inputs[0]};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const ConstView x = inputs[0];
    const std::int64_t n = x.shape.numel();
    if (n == 0) return;
    const auto marked = axes_.mark(x.shape);
    const View y = outputs[0], squares{workspace, x.shape}, moment{workspace + n, axes_.of(x.shape)};
    kernels::reduce<kernels::reductions::Mean>(context, x, marked, moment.data);
    kernels::combine<kernels::combines::Sub>(context, x, moment, y);
    kernels::map<kernels::maps::Square>(context, y.data, squares.data, n, {});
    kernels::reduce<kernels::reductions::Mean>(context, squares, marked, moment.data);
    kernels::map<kernels::maps::Scalar<scalars::sqrt>>(context, moment.data, moment.data, moment.shape.numel(), {});
    kernels::combine<kernels::combines::Div>(context, y, moment, y);
  }
  std::size_t workspace_floats(const Context&, std::span<const Shape> inputs) const override {
    return static_cast<std::size_t>(inputs[0].numel() + axes_.of(inputs[0]).numel());
  }
  Examples examples(const ExamplesQuery& q) const override { return axes_.examples(q); }
  double flops(std::span<const Shape> inputs) const override { return 6 * static_cast<double>(inputs[0].numel()); }

 private:
  ReducedAxes axes_;
};

/// The default axes are those of images: the batch is one of them.
inline LayerPtr make_mean_variance(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  ReducedAxes axes{.axes = node.integers("axes", {0, 2, 3})};
  if (axes.axes.empty() || axes.axes.size() > Shape::max_rank) node.fail("attribute axes names none or too many");
  return make_counted<MeanVarianceLayer>(std::move(axes));
}

}  // namespace weir::detail
