/// MaxPool and AveragePool.
#pragma once
#include <weir/core/kernels/pool/blocked.hpp>
#include <weir/core/kernels/pool/plain.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/window.hpp>

namespace weir::detail {

/// x [N, C, L] or [N, C, H, W]; see core/kernels/pool/plain.hpp.
class PoolLayer final : public RunnableLayer {
 public:
  PoolLayer(Window window, bool average, bool count_include_pad)
      : window_(window), average_(average), count_include_pad_(count_include_pad) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {window_.from_image(params(inputs[0]).output_shape(window_.as_image(inputs[0])), inputs[0])};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const ConstView x{inputs[0].data, window_.as_image(inputs[0].shape)};
    const View y{outputs[0].data, window_.as_image(outputs[0].shape)};
    if (layout_ == Layout::blocked) {
      (average_ ? kernels::blocked_pool_average : kernels::blocked_pool_max)(context, params(inputs[0].shape), x, y);
      return;
    }
    if (average_)
      pool_average(context, params(inputs[0].shape), x, y, workspace);
    else
      pool_max(context, params(inputs[0].shape), x, y, workspace);
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 2); }
  std::optional<RowWindow> row_window(std::span<const Shape> inputs, std::size_t) const override {
    if (layout_ != Layout::blocked || window_.spatial_rank != 2) return std::nullopt;
    const kernels::WindowAxis h = params(inputs[0]).h;
    return RowWindow{h.stride, h.extent(), h.pad_begin};
  }
  void forward_rows(const Context& context, std::span<const Shape> shapes, std::span<const RowsView> inputs,
                    const RowsView& output, RowRange y, bool, float*) const override {
    (average_ ? kernels::blocked_pool_average_rows : kernels::blocked_pool_max_rows)(context.isa(), params(shapes[0]),
                                                                                     shapes[0], inputs[0], output, y);
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    if (layout_ == Layout::blocked) return 0;
    return pool_workspace_floats(context, params(inputs[0]), window_.as_image(inputs[0]));
  }
  std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm>,
                                 std::span<const Layout> given) const override {
    if (given[0] == Layout::plain) return std::nullopt;
    auto layer = make_counted<PoolLayer>(*this);
    layer->layout_ = Layout::blocked;
    return Blocked{std::move(layer), {Layout::blocked}, Layout::blocked};
  }
  double flops(std::span<const Shape> inputs) const override {
    return static_cast<double>(output_shapes(inputs)[0].numel()) * static_cast<double>(window_.axes[0].kernel) *
           static_cast<double>(window_.axes[1].kernel);
  }

 private:
  kernels::PoolParams params(const Shape& x) const {
    const Window w = window_.padded_for(x);
    return {w.axes[0], w.axes[1], w.ceil_mode, count_include_pad_};
  }

  Window window_;
  bool average_, count_include_pad_;
  Layout layout_ = Layout::plain;
};

/// The indices of the maxima, a second output, are not computed.
inline LayerPtr make_max_pool(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  if (node.opset >= 8) (void)node.integer_in("storage_order", 0, 0, 1);  // of indices
  return make_counted<PoolLayer>(Window::read_pooling(node, node.opset >= 10, node.opset >= 10), false, false);
}

inline LayerPtr make_average_pool(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return make_counted<PoolLayer>(Window::read_pooling(node, node.opset >= 19, node.opset >= 10), true,
                                 node.integer_in("count_include_pad", 0, 0, 1) == 1);
}

}  // namespace weir::detail
