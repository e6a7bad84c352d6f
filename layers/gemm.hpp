/// Gemm: y = alpha * A * B + beta * C, either matrix transposed first where it says so.
#pragma once
#include <optional>
#include <weir/core/kernels/elementwise/combine.hpp>
#include <weir/core/kernels/gemm/gemm.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/shared/linear.hpp>

namespace weir::detail {

/// Of matrices that are only known at run time.
class GemmLayer final : public RunnableLayer {
 public:
  GemmLayer(bool transpose_a, bool transpose_b, float alpha, float beta)
      : transpose_a_(transpose_a), transpose_b_(transpose_b), alpha_(alpha), beta_(beta) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    expect_rank(inputs[0], 2, "A");
    expect_rank(inputs[1], 2, "B");
    const Sizes s(*this, inputs[0], inputs[1]);
    if (inputs[1][transpose_b_ ? 1 : 0] != s.K)
      throw ShapeError(detail::message({"cannot multiply ", inputs[0].to_string(), " with ", inputs[1].to_string()}));
    const Shape y{s.M, s.N};
    if (inputs.size() > 2 && !(broadcast_shape(y, inputs[2]) == y))
      throw ShapeError(detail::message({"C ", inputs[2].to_string(), " does not fit ", y.to_string()}));
    return {y};
  }
  /// Rows of A become rows of y, columns of B its columns.
  Examples examples(const ExamplesQuery& q) const override {
    const Examples &a = q.inputs[0], &b = q.inputs[1];
    Examples y;
    if (a.along(transpose_a_ ? 1 : 0) && b.none())
      y = examples::at(q, 0, 0);
    else if (a.none() && b.along(transpose_b_ ? 0 : 1))
      y = examples::at(q, 1, 1);
    else if (!a.none() || !b.none())
      return Examples::mixed();
    if (q.inputs.size() < 3 || q.inputs[2].none()) return y;
    const Examples& c = q.inputs[2];
    const bool fits = c.kind == Examples::Kind::apart && y.along(c.axis + 2 - q.shapes[2].rank());
    return fits ? y : Examples::mixed();
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const View y = outputs[0];
    const Sizes s(*this, inputs[0].shape, inputs[1].shape);
    float* rest = workspace;
    const float* a = dense(context, inputs[0], transpose_a_, rest);
    const float* b = dense(context, inputs[1], transpose_b_, rest);
    if (s.K == 0)
      std::fill_n(y.data, y.size(), 0.0F);
    else
      kernels::gemm(context, s.M, s.N, s.K, a, s.K, b, s.N, y.data, s.N, rest);
    if (alpha_ != 1.0F) kernels::combine<kernels::combines::Mul>(context, y, {&alpha_, Shape{}}, y);
    if (inputs.size() < 3 || inputs[2].data == nullptr || beta_ == 0.0F) return;
    ConstView c = inputs[2];
    if (beta_ != 1.0F) {
      kernels::combine<kernels::combines::Mul>(context, c, {&beta_, Shape{}}, {rest, c.shape});
      c.data = rest;
    }
    kernels::combine<kernels::combines::Add>(context, y, c, y);
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    const Sizes s(*this, inputs[0], inputs[1]);
    const auto numel = [](const Shape& shape) { return rounded(static_cast<std::size_t>(shape.numel())); };
    return (transpose_a_ ? numel(inputs[0]) : 0) + (transpose_b_ ? numel(inputs[1]) : 0) +
           std::max(kernels::gemm_workspace_floats(context, s.M, s.N, s.K), inputs.size() > 2 ? numel(inputs[2]) : 0);
  }
  double flops(std::span<const Shape> inputs) const override {
    const Sizes s(*this, inputs[0], inputs[1]);
    return 2 * static_cast<double>(s.M) * static_cast<double>(s.N) * static_cast<double>(s.K);
  }

 private:
  struct Sizes {
    std::int64_t M, N, K;
    Sizes(const GemmLayer& g, const Shape& a, const Shape& b)
        : M(a[g.transpose_a_ ? 1 : 0]), N(b[g.transpose_b_ ? 0 : 1]), K(a[g.transpose_a_ ? 0 : 1]) {}
  };

  static std::size_t rounded(std::size_t floats) { return (floats + 15) / 16 * 16; }

  static const float* dense(const Context& context, ConstView m, bool transpose, float*& workspace) {
    if (!transpose) return m.data;
    const std::int64_t rows = m.shape[0], columns = m.shape[1];
    float* to = workspace;
    workspace += rounded(m.size());
    kernels::strided_copy(context, Shape{columns, rows}, m.data, kernels::Strides{1, columns}, to,
                          kernels::Strides{rows, 1});
    return to;
  }

  bool transpose_a_, transpose_b_;
  float alpha_, beta_;
};

/// The bias of a linear layer if C is constant and one value for each column, else nothing.
inline std::optional<SharedFloats> gemm_bias(const NodeArguments& node, std::int64_t columns, float beta) {
  std::vector<float> bias;
  if (!node.has_input(2)) return SharedFloats();
  const Constant* c = node.constant(2);
  if (c == nullptr || c->is_int || node.constant_other_batch(2) != nullptr || c->shape.rank() > 2) return std::nullopt;
  const std::size_t n = c->floats.size(), M = static_cast<std::size_t>(columns);
  if (c->shape.rank() == 2 && c->shape[0] != 1) return std::nullopt;
  if (n != 1 && n != M) return std::nullopt;
  // With beta 0, C is not looked at: 0 times infinity would be NaN.
  for (std::size_t i = 0; i < M; ++i) bias.push_back(beta == 0.0F ? 0.0F : beta * c->floats[n == 1 ? 0 : i]);
  return SharedFloats(std::move(bias));
}

inline LayerPtr make_gemm(const NodeArguments& node) {
  node.expect_inputs(2, 3);
  if (node.rank(0) != 2 && node.rank(0) != 0) node.fail("A must have rank 2");
  const bool transpose_a = node.integer("transA", 0) != 0, transpose_b = node.integer("transB", 0) != 0;
  const float alpha = node.real("alpha", 1), beta = node.real("beta", 1);
  const Constant* b = node.constant(1);
  if (b && !b->is_int && !transpose_a && b->shape.rank() == 2 && b->shape.numel() > 0) {
    const std::int64_t in = b->shape[transpose_b ? 1 : 0], out = b->shape[transpose_b ? 0 : 1];
    if (const auto bias = gemm_bias(node, out, beta)) {
      SharedFloats weights = transpose_b ? b->floats : transposed(b->floats, b->shape[0], b->shape[1]);
      if (alpha != 1.0F) {
        std::vector<float> scaled(weights.begin(), weights.end());
        for (float& w : scaled) w *= alpha;
        weights = std::move(scaled);
      }
      return make_counted<LinearLayer>(in, out, std::size_t{2}, std::move(weights), *bias);
    }
  }
  return make_counted<GemmLayer>(transpose_a, transpose_b, alpha, beta);
}

}  // namespace weir::detail
