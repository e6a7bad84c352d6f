/// Conv: one or two spatial dimensions, groups, dilation, any padding.
#pragma once
#include <memory>
#include <weir/core/kernels/conv2d.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/layers/attributes/window.hpp>
#include <weir/layers/shared/epilogue.hpp>

namespace weir::detail {

/// A convolution packed for a context. Inputs: x, two that it ignores, and the residual if there is one; they lie as
/// PackedConv2d says.
class PackedConvKernel final : public Kernel {
 public:
  PackedConvKernel(Window window, kernels::PackedConv2d packed, kernels::Conv2dParams params, const Shape& x,
                   kernels::Clamp clamp, bool residual)
      : window_(window), packed_(std::move(packed)), params_(params), x_(x), clamp_(clamp), residual_(residual) {}

  const kernels::PackedConv2d& packed() const { return packed_; }

  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const Shape x = window_.as_image(inputs[0].shape);
    packed_.run(context, {inputs[0].data, x}, residual_ ? inputs.back().data : nullptr,
                {outputs[0].data, window_.as_image(outputs[0].shape)}, clamp_, workspace);
  }
  /// Of the image, and of the residual, which lies as the output does.
  std::optional<RowWindow> row_window(std::span<const Shape> inputs, std::size_t i) const override {
    if (window_.spatial_rank != 2) return std::nullopt;
    const auto window = packed_.row_window();
    return !window || i == 0 ? window : residual_ && i + 1 == inputs.size() ? std::optional(RowWindow{}) : std::nullopt;
  }
  void forward_rows(const Context&, std::span<const Shape>, std::span<const RowsView> inputs, const RowsView& output,
                    RowRange y, bool goes_on, float* workspace) const override {
    packed_.run_rows({inputs[0], residual_ ? inputs.back() : RowsView{}, output, y, clamp_, goes_on}, workspace);
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    const Shape x = window_.as_image(inputs[0]);
    if (x.with(0, x_[0]) != x_) throw ShapeError("the image size of a convolution depends on the batch size");
    return packed_.workspace_floats(context, x);
  }
  Shape output_shape(const Shape& x) const { return window_.from_image(params_.output_shape(window_.as_image(x)), x); }
  std::string algorithm() const override {
    const std::string tile = packed_.tile();
    return std::string(packed_.algorithm()) + (tile.empty() ? "" : " " + tile);
  }
  std::optional<std::size_t> in_place(std::size_t inputs) const override {
    return residual_ ? std::optional(inputs - 1) : std::nullopt;
  }
  /// Weights and biases, as the model file has them.
  double parameter_floats() const override {
    return static_cast<double>(params_.out_channels) * static_cast<double>(params_.depth() + 1);
  }

 private:
  Window window_;
  kernels::PackedConv2d packed_;
  kernels::Conv2dParams params_;
  Shape x_;
  kernels::Clamp clamp_;
  bool residual_;
};

/// A packed convolution whose residual and output are blocked, for plain ones: what is folded when a network is built.
class PlainConvKernel final : public Kernel {
 public:
  PlainConvKernel(std::shared_ptr<const PackedConvKernel> packed, bool residual)
      : packed_(std::move(packed)), residual_(residual) {}

  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    float* y = workspace;
    workspace += blocked_floats(context, outputs[0].shape);
    if (residual_)
      kernels::to_blocked(context, outputs[0].shape, inputs.back().data, y);  // which the packed one writes over
    std::vector<ConstView> blocked(inputs.begin(), inputs.end());
    if (residual_) blocked.back().data = y;
    const View out{y, outputs[0].shape};
    packed_->forward(context, blocked, {&out, 1}, workspace);
    kernels::to_plain(context, outputs[0].shape, y, outputs[0].data);
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    return static_cast<std::size_t>(blocked_floats(context, packed_->output_shape(inputs[0]))) +
           packed_->workspace_floats(context, inputs);
  }

 private:
  static std::int64_t blocked_floats(const Context& context, const Shape& y) {
    return round_up(floats_of(y, Layout::blocked, context.isa()), 16);
  }

  std::shared_ptr<const PackedConvKernel> packed_;
  bool residual_;
};

/// y = epilogue(conv(x)).
class ConvLayer final : public Layer {
 public:
  /// weights [out, in / groups, kernel...], bias [out] or empty.
  ConvLayer(Window window, std::int64_t in_channels, std::int64_t out_channels, std::int64_t groups,
            SharedFloats weights, SharedFloats bias)
      : window_(window),
        in_(in_channels),
        out_(out_channels),
        groups_(groups),
        weights_(std::move(weights)),
        bias_(std::move(bias)),
        epilogue_(out_channels, 1, window.spatial_rank + 2) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {window_.from_image(params(inputs[0]).output_shape(window_.as_image(inputs[0])), inputs[0])};
  }
  double flops(std::span<const Shape> inputs) const override {
    return params(inputs[0]).flops(window_.as_image(inputs[0]));
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 1); }

  std::optional<Fused> absorb(const Layer& next, std::size_t position) const override {
    auto grown = epilogue_.then(next, position);
    if (!grown || !grown->epilogue.bears(weights_, bias_)) return std::nullopt;
    auto layer = make_counted<ConvLayer>(*this);
    layer->epilogue_ = std::move(grown->epilogue);
    return Fused{std::move(layer), grown->extra_input};
  }
  /// OpenBLAS has plain tensors.
  KernelPtr kernel(const Context& context, std::span<const Shape> inputs) const override {
    auto packed = pack(context, inputs[0], Layout::plain);
    if (context.openblas()) return packed;
    return make_counted<PlainConvKernel>(std::move(packed), epilogue_.residual());
  }
  /// An image of few channels is read as it is: blocks of them would be mostly empty.
  std::optional<Blocked> blocked(const Context& context, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (context.openblas()) return std::nullopt;
    const bool few = given[0] == Layout::plain && in_ < lanes(context.isa());
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = few ? Layout::plain : Layout::blocked;
    if (epilogue_.residual()) layouts.back() = Layout::blocked;
    return Blocked{pack(context, inputs[0].at(1), layouts[0]), std::move(layouts), Layout::blocked};
  }

  /// The same convolution of an image that is padded with zeros first; nullptr if that is more padding than it can
  /// have.
  std::shared_ptr<const ConvLayer> padded(const std::array<std::int64_t, 2>& begin,
                                          const std::array<std::int64_t, 2>& end) const {
    if (window_.auto_pad == AutoPad::same_upper || window_.auto_pad == AutoPad::same_lower) return nullptr;
    auto layer = make_counted<ConvLayer>(*this);
    for (std::size_t i = 0; i < 2; ++i) {
      layer->window_.axes[i].pad_begin += begin[i];
      layer->window_.axes[i].pad_end += end[i];
      if (layer->window_.axes[i].pad_begin > Window::limit || layer->window_.axes[i].pad_end > Window::limit)
        return nullptr;
    }
    return layer;
  }
  std::size_t spatial_rank() const { return window_.spatial_rank; }

 private:
  kernels::Conv2dParams params(const Shape& x) const {
    const Window w = window_.grown_for(x);
    const kernels::WindowAxis &h = w.axes[0], &v = w.axes[1];
    return {.in_channels = in_,
            .out_channels = out_,
            .groups = groups_,
            .kernel_h = h.kernel,
            .kernel_w = v.kernel,
            .stride_h = h.stride,
            .stride_w = v.stride,
            .dilation_h = h.dilation,
            .dilation_w = v.dilation,
            .pad_top = h.pad_begin,
            .pad_left = v.pad_begin,
            .pad_bottom = h.pad_end,
            .pad_right = v.pad_end};
  }

  std::shared_ptr<const PackedConvKernel> pack(const Context& context, const Shape& x, Layout layout) const {
    const kernels::Conv2dParams p = params(x);
    const Shape image = window_.as_image(x);
    const auto cut = window_.cut_off(x);
    SharedFloats weights = epilogue_.scaled(weights_);
    if (cut[0] > 0 || cut[1] > 0)
      weights = SharedFloats(behind_zeros(weights.data(), out_ * (in_ / groups_), window_.grown_for(x), cut,
                                          [](std::int64_t) { return 0.0F; }));
    kernels::PackedConv2d packed(p, std::move(weights), epilogue_.shifted(bias_), context, image, layout);
    return make_counted<PackedConvKernel>(window_, std::move(packed), p, image, epilogue_.clamp(),
                                          epilogue_.residual());
  }

  Window window_;
  std::int64_t in_, out_, groups_;
  SharedFloats weights_, bias_;
  Epilogue epilogue_;
};

inline LayerPtr make_conv(const NodeArguments& node) {
  node.expect_inputs(2, 3);
  const SharedFloats& weights = node.constant_floats(1);
  const Shape& shape = node.constant(1)->shape;
  if (shape.rank() != 3 && shape.rank() != 4)
    node.fail(detail::message({"weights ", shape.to_string(), " are not supported"}));
  const Window window = Window::read(node, {shape.begin() + 2, shape.end()}, true, false);
  const std::int64_t groups = node.integer("group", 1), out = shape[0];
  if (groups < 1 || out < 1 || shape[1] < 1 || out % groups != 0)
    node.fail(detail::message({"group ", groups, " does not divide weights ", shape.to_string()}));
  if (groups > Window::limit || shape[1] > Window::limit || out > Window::limit) node.fail("too many channels");
  SharedFloats bias;
  if (node.has_input(2)) {
    bias = node.constant_floats(2);
    if (node.constant(2)->shape != Shape{out})
      node.fail(detail::message({"bias does not fit weights ", shape.to_string()}));
  }
  return make_counted<ConvLayer>(window, shape[1] * groups, out, groups, weights, std::move(bias));
}

}  // namespace weir::detail
