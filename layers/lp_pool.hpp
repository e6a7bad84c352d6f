/// LpPool and GlobalLpPool: norms over windows, or over whole images.
#pragma once
#include <weir/core/kernels/pool/lp.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/window.hpp>

namespace weir::detail {

/// x [N, C, L] or [N, C, H, W]; see core/kernels/pool/lp.hpp.
class LpPoolLayer final : public RunnableLayer {
 public:
  LpPoolLayer(Window window, std::int64_t p) : window_(window), p_(p) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {window_.from_image(params(inputs[0]).output_shape(window_.as_image(inputs[0])), inputs[0])};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    pool_lp(context, params(inputs[0].shape), p_, {inputs[0].data, window_.as_image(inputs[0].shape)},
            {outputs[0].data, window_.as_image(outputs[0].shape)});
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 2); }
  double flops(std::span<const Shape> inputs) const override {
    return 2.0 * static_cast<double>(output_shapes(inputs)[0].numel()) *
           static_cast<double>(window_.axes[0].kernel * window_.axes[1].kernel);
  }

 private:
  kernels::PoolParams params(const Shape& x) const {
    const Window w = window_.padded_for(x);
    return {w.axes[0], w.axes[1], w.ceil_mode, true};
  }

  Window window_;
  std::int64_t p_;
};

/// x [N, C, ...], y [N, C, 1, ...].
class GlobalLpPoolLayer final : public RunnableLayer {
 public:
  explicit GlobalLpPoolLayer(std::int64_t p) : p_(p) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() < 3) throw ShapeError(detail::message({"expects [N, C, ...], got ", inputs[0].to_string()}));
    Shape y = inputs[0];
    for (std::size_t i = 2; i < y.rank(); ++i) y = y.with(i, 1);
    if (inputs[0].product(2, y.rank()) == 0)
      throw ShapeError(detail::message({"cannot pool the empty ", inputs[0].to_string()}));
    return {y};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    const std::int64_t pixels = x.product(2, x.rank());
    kernels::PoolParams params;
    params.w.kernel = pixels;
    pool_lp(context, params, p_, {inputs[0].data, {x[0], x[1], 1, pixels}}, {outputs[0].data, {x[0], x[1], 1, 1}});
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 2); }
  double flops(std::span<const Shape> inputs) const override { return 2.0 * static_cast<double>(inputs[0].numel()); }

 private:
  std::int64_t p_;
};

/// The attribute p, an integer since opset 2.
inline std::int64_t lp_order(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  if (node.opset < 2) node.fail("the operator is supported from opset 2 on");
  return node.integer_in("p", 2, 1, 1 << 20);
}

/// Dilations and ceil_mode came with opset 18.
inline LayerPtr make_lp_pool(const NodeArguments& node) {
  const std::int64_t p = lp_order(node);
  return make_counted<LpPoolLayer>(Window::read_pooling(node, node.opset >= 18, node.opset >= 18), p);
}

inline LayerPtr make_global_lp_pool(const NodeArguments& node) {
  return make_counted<GlobalLpPoolLayer>(lp_order(node));
}

}  // namespace weir::detail
