/// QLinearMatMul and QGemm: matrix products of 8-bit integers.
#pragma once
#include <memory>
#include <weir/core/layer.hpp>
#include <weir/layers/quantized/products.hpp>

namespace weir::detail {

/// A product packed for a context. `scale`, one for each column, where the result is float; else none.
class QuantizedMatMulKernel final : public Kernel {
 public:
  QuantizedMatMulKernel(const quantized::MatrixSizes& sizes, std::shared_ptr<const quantized::PackedConv> packed,
                        std::int32_t x_zero, std::vector<float> scale)
      : sizes_(sizes), packed_(std::move(packed)), x_zero_(x_zero), scale_(std::move(scale)) {}

  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const std::int64_t rows = sizes_.rows(inputs[0].shape);
    if (scale_.empty()) return packed_->run(context, inputs[0].data, nullptr, outputs[0].data, rows, workspace);
    auto* sums = reinterpret_cast<std::int32_t*>(outputs[0].data);
    packed_->run_sums(context, inputs[0].data, rows, x_zero_, sums, workspace);
    for (std::int64_t i = 0; i < rows * sizes_.M; ++i)
      outputs[0].data[i] = static_cast<float>(sums[i]) * scale_[static_cast<std::size_t>(i % sizes_.M)];
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape>) const override {
    return kernels::workspaces_floats(context.threads(), packed_->workspace_floats());
  }
  std::string algorithm() const override { return packed_->name(); }
  double parameter_floats() const override { return packed_->weights_floats(); }

 private:
  quantized::MatrixSizes sizes_;
  std::shared_ptr<const quantized::PackedConv> packed_;
  std::int32_t x_zero_;
  std::vector<float> scale_;
};

/// Rows of channels x [..., K] times weights [K, M], both of 8 bits. y is quantised; or, without a scale of y, float:
/// sum * (x.scale * weights_scale[m]).
class QuantizedMatMulLayer final : public Layer {
 public:
  QuantizedMatMulLayer(const quantized::MatrixSizes& sizes, std::shared_ptr<const quantized::ConvNumbers> numbers,
                       bool to_float)
      : sizes_(sizes), numbers_(std::move(numbers)), to_float_(to_float) {}

  std::optional<Element> output_element(std::size_t) const override {
    return to_float_ ? Element::float32 : numbers_->y.element;
  }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {sizes_.output_shape(inputs[0])};
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, q.output.rank() - 1); }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  double flops(std::span<const Shape> inputs) const override { return sizes_.flops(inputs[0]); }
  KernelPtr kernel(const Context& context, std::span<const Shape>) const override {
    std::vector<float> scale;
    for (std::int64_t m = 0; m < sizes_.M && to_float_; ++m) scale.push_back(numbers_->scale(m));
    return make_counted<QuantizedMatMulKernel>(sizes_, sizes_.pack(context, *numbers_, false), numbers_->x.zero,
                                               std::move(scale));
  }

 private:
  quantized::MatrixSizes sizes_;
  std::shared_ptr<const quantized::ConvNumbers> numbers_;
  bool to_float_;
};

/// a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point; b must be a constant matrix.
inline LayerPtr make_qlinear_matmul(const NodeArguments& node) {
  node.expect_inputs(8, 8);
  auto n = std::make_shared<quantized::ConvNumbers>();
  n->x = quantized::read_quantization(node, 1, quantized::byte_element(node, 0));
  const quantized::MatrixSizes sizes = quantized::read_matrix(node, 3, false, *n);
  quantized::read_weights_quantization(node, 4, sizes.M, *n);
  n->y = quantized::read_result(node, 6);
  quantized::check_sums(node, *n, sizes.M, sizes.K);
  return make_counted<QuantizedMatMulLayer>(sizes, std::move(n), false);
}

/// A, a_scale, a_zero_point, B, b_scale, b_zero_point, C, y_scale, y_zero_point; without y_scale, y is float.
inline LayerPtr make_qgemm(const NodeArguments& node) {
  node.expect_inputs(6, 9);
  if (node.integer_in("transA", 0, 0, 1) != 0) node.fail("transA is not supported");
  auto n = std::make_shared<quantized::ConvNumbers>();
  n->x = quantized::read_quantization(node, 1, quantized::byte_element(node, 0));
  const bool transposed = node.integer_in("transB", 0, 0, 1) == 1;
  const quantized::MatrixSizes sizes = quantized::read_matrix(node, 3, transposed, *n);
  quantized::read_weights_quantization(node, 4, sizes.M, *n);
  const float alpha = node.real("alpha", 1);
  if (alpha != 1) node.fail("alpha may only be 1");
  n->bias = quantized::read_bias(node, 6, sizes.M);
  const bool to_float = !node.has_input(7);
  if (!to_float) n->y = quantized::read_result(node, 7);
  quantized::check_sums(node, *n, sizes.M, sizes.K);
  return make_counted<QuantizedMatMulLayer>(sizes, std::move(n), to_float);
}

}  // namespace weir::detail
