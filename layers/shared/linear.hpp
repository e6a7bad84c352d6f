/// Products with a constant matrix: what Gemm and MatMul become when their weights are known.
#pragma once
#include <memory>
#include <weir/core/kernels/fully_connected.hpp>
#include <weir/layers/shared/epilogue.hpp>

namespace weir::detail {

/// Ready to run in a context. Inputs: x, those that it ignores, and the residual if there is one.
class LinearKernel final : public Kernel {
 public:
  LinearKernel(kernels::FullyConnected product, std::int64_t in, std::int64_t out, kernels::Clamp clamp, bool residual)
      : product_(std::move(product)), in_(in), out_(out), clamp_(clamp), residual_(residual) {}

  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    product_.run(context, inputs[0].data, inputs[0].shape.numel() / in_, residual_ ? inputs.back().data : nullptr,
                 outputs[0].data, clamp_, workspace);
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape>) const override {
    return product_.workspace_floats(context);
  }
  /// Weights and biases.
  double parameter_floats() const override { return static_cast<double>(in_ + 1) * static_cast<double>(out_); }

 private:
  kernels::FullyConnected product_;
  std::int64_t in_, out_;
  kernels::Clamp clamp_;
  bool residual_;
};

/// y[..., m] = epilogue(sum over k of weights[m, k] * x[..., k] + bias[m]).
class LinearLayer final : public Layer {
 public:
  /// weights [out, in]; bias [out] or empty; rank: of x.
  LinearLayer(std::int64_t in, std::int64_t out, std::size_t rank, SharedFloats weights, SharedFloats bias)
      : in_(in),
        out_(out),
        weights_(std::move(weights)),
        bias_(std::move(bias)),
        epilogue_(out, rank == 0 ? 0 : rank - 1, rank) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    if (x.rank() < 1 || x[x.rank() - 1] != in_)
      throw ShapeError(detail::message({"expects [..., ", in_, "], got ", x.to_string()}));
    return {x.with(x.rank() - 1, out_)};
  }
  double flops(std::span<const Shape> inputs) const override {
    return 2 * static_cast<double>(inputs[0].numel()) * static_cast<double>(out_);
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, q.output.rank() - 1); }

  std::optional<Fused> absorb(const Layer& next, std::size_t position) const override {
    auto grown = epilogue_.then(next, position);
    if (!grown || !grown->epilogue.bears(weights_, bias_)) return std::nullopt;
    auto layer = make_counted<LinearLayer>(*this);
    layer->epilogue_ = std::move(grown->epilogue);
    return Fused{std::move(layer), grown->extra_input};
  }
  KernelPtr kernel(const Context& context, std::span<const Shape>) const override {
    kernels::FullyConnected product(in_, out_, epilogue_.scaled(weights_), epilogue_.shifted(bias_), context);
    return make_counted<LinearKernel>(std::move(product), in_, out_, epilogue_.clamp(), epilogue_.residual());
  }

 private:
  std::int64_t in_, out_;
  SharedFloats weights_, bias_;
  Epilogue epilogue_;
};

/// [rows, columns] -> [columns, rows].
inline std::vector<float> transposed(const SharedFloats& a, std::int64_t rows, std::int64_t columns) {
  std::vector<float> result(a.size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      result[static_cast<std::size_t>(j * rows + i)] = a[static_cast<std::size_t>(i * columns + j)];
  return result;
}

}  // namespace weir::detail
