/// What quantize_dynamic writes: DynamicQuantizeLinear, ConvInteger, MatMulInteger.
#pragma once
#include <memory>
#include <variant>
#include <weir/layers/quantized/products.hpp>
#include <weir/layers/quantized/quantize.hpp>

namespace weir::detail {

/// y = uint8 of x with the scale and zero point of all of x: scale = (max(x, 0) - min(x, 0)) / 255,
/// zero = round(-min / scale). One scale for the batch, so its examples depend on each other.
class DynamicQuantizeLayer final : public RunnableLayer {
 public:
  std::optional<Element> output_element(std::size_t i) const override {
    return i == 1 ? Element::float32 : Element::uint8;
  }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {inputs[0], Shape{}, Shape{}};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    float low = 0, high = 0;
    for (const float v : inputs[0].span()) low = std::min(low, v), high = std::max(high, v);
    const float range = high - low, scale = range == 0 ? 1.0F : range / 255;
    const float zero = std::clamp(-low / scale, 0.0F, 255.0F);
    const std::int32_t zero_point = quantized::Rounding({1, 0, Element::uint8})(zero);
    const quantized::Rounding rounding({scale, zero_point, Element::uint8});
    if (outputs[0].data != nullptr) {
      auto* y = reinterpret_cast<std::uint8_t*>(outputs[0].data);
      quantized::share_numbers(context, inputs[0].shape.numel(), [&](std::int64_t first, std::int64_t last) {
        quantized::quantize(context.isa(), inputs[0].data + first, last - first, scale, rounding, false, y + first);
      });
    }
    if (outputs[1].data != nullptr) *outputs[1].data = scale;
    if (outputs[2].data != nullptr) quantized::set_byte(outputs[2].data, 0, zero_point);
  }
};

inline LayerPtr make_dynamic_quantize_linear(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  if (node.type(0) != ElementType::real) node.fail("input 0 must hold floats");
  return make_counted<DynamicQuantizeLayer>();
}

/// Sizes of a convolution, or of a product of rows of channels with a matrix.
using SumSizes = std::variant<quantized::ConvSizes, quantized::MatrixSizes>;

/// Sums packed for a context. Input 2, if there is one, is the zero point of x.
class IntegerSumsKernel final : public Kernel {
 public:
  IntegerSumsKernel(const SumSizes& sizes, std::shared_ptr<const quantized::PackedConv> packed, Element x)
      : sizes_(sizes), packed_(std::move(packed)), x_(x) {}

  std::size_t workspace_floats(const Context& context, std::span<const Shape>) const override {
    return kernels::workspaces_floats(context.threads(), packed_->workspace_floats());
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const bool has_zero = inputs.size() > 2 && inputs[2].data != nullptr;
    const std::int32_t zero = has_zero ? quantized::byte_at(inputs[2].data, 0, x_) : 0;
    const auto* matrix = std::get_if<quantized::MatrixSizes>(&sizes_);
    const std::int64_t N = matrix == nullptr ? inputs[0].shape[0] : matrix->rows(inputs[0].shape);
    packed_->run_sums(context, inputs[0].data, N, zero, reinterpret_cast<std::int32_t*>(outputs[0].data), workspace);
  }
  std::string algorithm() const override { return packed_->name(); }
  double parameter_floats() const override { return packed_->weights_floats(); }

 private:
  SumSizes sizes_;
  std::shared_ptr<const quantized::PackedConv> packed_;
  Element x_;
};

/// int32 sums of a convolution of x, or of a product of rows of channels with a matrix; input 2, if there is one, is
/// the zero point of x, known when the network runs.
class IntegerSumsLayer final : public Layer {
 public:
  IntegerSumsLayer(const SumSizes& sizes, std::shared_ptr<const quantized::ConvNumbers> numbers)
      : sizes_(sizes), numbers_(std::move(numbers)) {}

  std::optional<Element> output_element(std::size_t) const override { return Element::int32; }
  bool ignores_input(std::size_t i) const override { return i == 1 || i == 3; }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    if (inputs.size() > 2 && inputs[2].numel() != 1) throw ShapeError("one zero point is expected for x");
    return {std::visit([&](const auto& sizes) { return sizes.output_shape(x); }, sizes_)};
  }
  Examples examples(const ExamplesQuery& q) const override {
    for (std::size_t i = 1; i < q.inputs.size(); ++i)
      if (!q.inputs[i].none()) return Examples::mixed();
    return examples::outermost({q.shapes.first(1), q.inputs.first(1), q.output, q.which},
                               conv() != nullptr ? 1 : q.output.rank() - 1);
  }
  double flops(std::span<const Shape> inputs) const override {
    return std::visit([&](const auto& sizes) { return sizes.flops(inputs[0]); }, sizes_);
  }
  KernelPtr kernel(const Context& context, std::span<const Shape> inputs) const override {
    return make_counted<IntegerSumsKernel>(sizes_, pack(context, inputs[0]), numbers_->x.element);
  }

 private:
  const quantized::ConvSizes* conv() const { return std::get_if<quantized::ConvSizes>(&sizes_); }

  std::shared_ptr<const quantized::PackedConv> pack(const Context& context, const Shape& x) const {
    if (const quantized::ConvSizes* c = conv())
      return std::make_shared<quantized::PackedConv>(c->pack(context, x, *numbers_, quantized::Source::plain, true));
    return std::get<quantized::MatrixSizes>(sizes_).pack(context, *numbers_, true);
  }

  SumSizes sizes_;
  std::shared_ptr<const quantized::ConvNumbers> numbers_;
};

/// x, w, x_zero_point, w_zero_point: the numbers of it, for M channels of `depth` terms.
inline void read_sums(const NodeArguments& node, quantized::ConvNumbers& n, std::int64_t M, std::int64_t depth) {
  n.x.element = quantized::byte_element(node, 0);
  if (node.has_input(2) && quantized::byte_element(node, 2) != n.x.element)
    node.fail("input 2: the zero point is not of x's type");
  n.weights_zero = quantized::read_zeros(node, 3, quantized::byte_element(node, 1));
  quantized::one_or_each(node, n.weights_zero, M, "zero points");
  n.weights_scale = {1};
  for (const std::int32_t zero :
       {quantized::lowest(n.x.element), quantized::highest(n.x.element)}) {  // x - zero is the largest then
    n.x.zero = zero;
    quantized::check_sums(node, n, M, depth);
  }
  n.x.zero = 0;
}

inline LayerPtr make_conv_integer(const NodeArguments& node) {
  node.expect_inputs(2, 4);
  auto n = std::make_shared<quantized::ConvNumbers>();
  std::int64_t depth = 0;
  const quantized::ConvSizes sizes = quantized::read_conv(node, 1, *n, depth);
  read_sums(node, *n, sizes.out_channels, depth);
  return make_counted<IntegerSumsLayer>(sizes, std::move(n));
}

/// The second matrix must be constant.
inline LayerPtr make_matmul_integer(const NodeArguments& node) {
  node.expect_inputs(2, 4);
  auto n = std::make_shared<quantized::ConvNumbers>();
  const quantized::MatrixSizes sizes = quantized::read_matrix(node, 1, false, *n);
  read_sums(node, *n, sizes.M, sizes.K);
  return make_counted<IntegerSumsLayer>(sizes, std::move(n));
}

}  // namespace weir::detail
