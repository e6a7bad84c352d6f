/// QLinearConv: convolutions of 8-bit integers.
#pragma once
#include <memory>
#include <weir/core/kernels/quantized/convert.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/quantized/arithmetic.hpp>
#include <weir/layers/quantized/products.hpp>

namespace weir::detail {

/// QLinearConv, and perhaps QLinearAdd behind it, packed for a context and images of one size. Inputs: x, others that
/// it ignores, and the second summand if there is one.
class QuantizedConvKernel final : public Kernel {
 public:
  QuantizedConvKernel(std::size_t spatial_rank, quantized::PackedConv packed, bool residual)
      : spatial_rank_(spatial_rank), packed_(std::move(packed)), residual_(residual) {}

  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    packed_.run(context, inputs[0].data, residual_ ? inputs.back().data : nullptr, outputs[0].data, inputs[0].shape[0],
                workspace);
  }
  std::optional<RowWindow> row_window(std::span<const Shape> inputs, std::size_t i) const override {
    if (spatial_rank_ != 2) return std::nullopt;
    if (i == 0) return packed_.row_window();
    return residual_ && i + 1 == inputs.size() ? std::optional(RowWindow{}) : std::nullopt;
  }
  std::optional<std::size_t> in_place(std::size_t inputs) const override {
    return residual_ ? std::optional(inputs - 1) : std::nullopt;
  }
  void forward_rows(const Context&, std::span<const Shape>, std::span<const RowsView> inputs, const RowsView& output,
                    RowRange y, bool, float* workspace) const override {
    packed_.run_rows(quantized::Image::of(inputs[0]),
                     residual_ ? quantized::Image::of(inputs.back()) : quantized::Image{}, quantized::Image::of(output),
                     y, workspace);
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape>) const override {
    return kernels::workspaces_floats(context.threads(), packed_.workspace_floats());
  }
  std::string algorithm() const override { return packed_.name(); }
  double parameter_floats() const override { return packed_.weights_floats(); }

 private:
  std::size_t spatial_rank_;
  quantized::PackedConv packed_;
  bool residual_;
};

/// The same for plain tensors: what is folded when a network is built.
class PlainQuantizedConvKernel final : public Kernel {
 public:
  PlainQuantizedConvKernel(const quantized::ConvSizes& sizes, quantized::PackedConv packed, Element y, bool residual)
      : sizes_(sizes), packed_(std::move(packed)), y_(y), residual_(residual) {}

  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const Shape& shape = outputs[0].shape;
    float* y = workspace;
    float* other = residual_ ? y + blocked_floats(context, shape) : nullptr;
    workspace += (residual_ ? 2 : 1) * blocked_floats(context, shape);
    if (residual_)
      kernels::convert(context, shape, {inputs.back().data, Layout::plain, y_}, {other, Layout::blocked, y_});
    packed_.run(context, inputs[0].data, other, y, inputs[0].shape[0], workspace);
    kernels::convert(context, shape, {y, Layout::blocked, y_}, {outputs[0].data, Layout::plain, y_});
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    const std::int64_t images = (residual_ ? 2 : 1) * blocked_floats(context, sizes_.output_shape(inputs[0]));
    return static_cast<std::size_t>(images) + kernels::workspaces_floats(context.threads(), packed_.workspace_floats());
  }

 private:
  static std::int64_t blocked_floats(const Context& context, const Shape& y) {
    return round_up(floats_of(y, Layout::blocked, context.isa()), 16);
  }

  quantized::ConvSizes sizes_;
  quantized::PackedConv packed_;
  Element y_;
  bool residual_;
};

/// y = QLinearConv(x); see quantized::ConvNumbers.
class QuantizedConvLayer final : public Layer {
 public:
  QuantizedConvLayer(const quantized::ConvSizes& sizes, std::shared_ptr<const quantized::ConvNumbers> numbers)
      : sizes_(sizes), numbers_(std::move(numbers)) {}

  std::optional<Element> output_element(std::size_t) const override { return numbers_->y.element; }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {sizes_.output_shape(inputs[0])};
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 1); }
  double flops(std::span<const Shape> inputs) const override { return sizes_.flops(inputs[0]); }
  /// A sum of what this gives and another image of its shape; all are of one type.
  std::optional<Fused> absorb(const Layer& next, std::size_t position) const override {
    const auto* pair = dynamic_cast<const QuantizedPairLayer*>(&next);
    if (pair == nullptr || pair->numbers().product || sum_ || sizes_.groups != 1 || (position != 0 && position != 3))
      return std::nullopt;
    auto layer = make_counted<QuantizedConvLayer>(*this);
    layer->sum_ = position == 0 ? pair->numbers() : pair->numbers().exchanged();
    return Fused{std::move(layer), 3 - position};
  }
  KernelPtr kernel(const Context& context, std::span<const Shape> inputs) const override {
    return make_counted<PlainQuantizedConvKernel>(sizes_, pack(context, inputs[0], quantized::Source::plain),
                                                  numbers_->y.element, sum_.has_value());
  }
  std::optional<Blocked> blocked(const Context& context, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    const Shape x = inputs[0].at(1);
    if (inputs[0].depends_on_batch() && !(inputs[0].at(2).with(0, x[0]) == x))
      throw ShapeError("the image size of a convolution depends on the batch size");
    const bool few = given[0] == Layout::plain && sizes_.in_channels < lanes(context.isa());
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = few ? Layout::plain : Layout::blocked;
    if (sum_) layouts.back() = Layout::blocked;
    const auto source = few ? quantized::Source::plain : quantized::Source::blocked;
    return Blocked{
        make_counted<QuantizedConvKernel>(sizes_.window.spatial_rank, pack(context, x, source), sum_.has_value()),
        std::move(layouts), Layout::blocked};
  }

 private:
  quantized::PackedConv pack(const Context& context, const Shape& x, quantized::Source source) const {
    return sizes_.pack(context, x, *numbers_, source, false, sum_);
  }

  quantized::ConvSizes sizes_;
  std::shared_ptr<const quantized::ConvNumbers> numbers_;
  std::optional<quantized::PairNumbers> sum_;
};

/// x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B.
inline LayerPtr make_qlinear_conv(const NodeArguments& node) {
  node.expect_inputs(8, 9);
  auto n = std::make_shared<quantized::ConvNumbers>();
  n->x = quantized::read_quantization(node, 1, quantized::byte_element(node, 0));
  std::int64_t depth = 0;
  const quantized::ConvSizes sizes = quantized::read_conv(node, 3, *n, depth);
  quantized::read_weights_quantization(node, 4, sizes.out_channels, *n);
  n->y = quantized::read_result(node, 6);
  n->bias = quantized::read_bias(node, 8, sizes.out_channels);
  if (node.integer_in("weir.relu", 0, 0, 1) == 1) n->low = n->y.zero;
  quantized::check_sums(node, *n, sizes.out_channels, depth);
  return make_counted<QuantizedConvLayer>(sizes, std::move(n));
}

}  // namespace weir::detail
