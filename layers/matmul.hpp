/// MatMul: matrix products, stacked and broadcast as in numpy.
#pragma once
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/kernels/gemm/gemm.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/shared/linear.hpp>

namespace weir::detail {

/// y[..., M, N] = a[..., M, K] * b[..., K, N]; a vector a is a row, a vector b a column, and that axis is dropped.
class MatMulLayer final : public RunnableLayer {
 public:
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {Sizes(inputs[0], inputs[1]).y};
  }
  /// Stacked matrices stay apart, rows of a too where b is the same for all, and columns of b where a is.
  Examples examples(const ExamplesQuery& q) const override {
    const auto stacked = [&](std::size_t i) { return q.inputs[i].none() || q.inputs[i].axis + 2 < q.shapes[i].rank(); };
    const auto apart = [&](std::size_t i) { return q.inputs[i].kind == Examples::Kind::apart; };
    const bool vectors = q.shapes[0].rank() < 2 || q.shapes[1].rank() < 2;
    if (q.inputs[0].is_mixed() || q.inputs[1].is_mixed()) return Examples::mixed();
    if (!vectors && stacked(0) && stacked(1)) return examples::broadcast(q);
    if (apart(0) && q.inputs[1].none() && q.shapes[0].rank() >= 2 && q.inputs[0].axis + 1 < q.shapes[0].rank()) {
      const std::size_t behind = q.shapes[0].rank() - q.inputs[0].axis - (q.shapes[1].rank() < 2 ? 1 : 0);
      return examples::at(q, 0, q.output.rank() - behind);
    }
    if (apart(1) && q.inputs[0].none() && q.shapes[1].rank() >= 2 && q.inputs[1].axis + 1 == q.shapes[1].rank())
      return examples::at(q, 1, q.output.rank() - 1);
    return Examples::mixed();
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const Sizes s(inputs[0].shape, inputs[1].shape);
    const View y = outputs[0];
    if (s.K == 0 || y.size() == 0) {
      std::fill_n(y.data, y.size(), 0.0F);
      return;
    }
    const kernels::Strides a = kernels::broadcast_strides(s.stack_a, s.stack),
                           b = kernels::broadcast_strides(s.stack_b, s.stack);
    std::array<std::int64_t, Shape::max_rank> index{};
    for (std::int64_t i = 0, n = s.stack.numel(); i < n; ++i) {
      std::int64_t at_a = 0, at_b = 0;
      for (std::size_t d = 0; d < s.stack.rank(); ++d) {
        at_a += index[d] * a[d];
        at_b += index[d] * b[d];
      }
      kernels::gemm(context, s.M, s.N, s.K, inputs[0].data + at_a * s.M * s.K, s.K, inputs[1].data + at_b * s.K * s.N,
                    s.N, y.data + i * s.M * s.N, s.N, workspace);
      for (std::size_t d = s.stack.rank(); d-- > 0 && ++index[d] == s.stack[d];) index[d] = 0;
    }
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    const Sizes s(inputs[0], inputs[1]);
    return kernels::gemm_workspace_floats(context, s.M, s.N, s.K);
  }
  double flops(std::span<const Shape> inputs) const override {
    const Sizes s(inputs[0], inputs[1]);
    return 2 * static_cast<double>(s.y.numel()) * static_cast<double>(s.K);
  }

 private:
  struct Sizes {
    std::int64_t M = 1, N = 1, K;
    Shape stack_a, stack_b, stack, y;

    Sizes(const Shape& a, const Shape& b) {
      if (a.rank() == 0 || b.rank() == 0) throw ShapeError("cannot multiply a single number");
      K = a[a.rank() - 1];
      const std::int64_t rows_b = b.rank() == 1 ? b[0] : b[b.rank() - 2];
      if (rows_b != K) throw ShapeError(detail::message({"cannot multiply ", a.to_string(), " with ", b.to_string()}));
      if (a.rank() > 1) M = a[a.rank() - 2];
      if (b.rank() > 1) N = b[b.rank() - 1];
      stack_a = Shape(std::span(a.begin(), a.rank() > 1 ? a.rank() - 2 : 0));
      stack_b = Shape(std::span(b.begin(), b.rank() > 1 ? b.rank() - 2 : 0));
      stack = broadcast_shape(stack_a, stack_b);
      std::vector<std::int64_t> dims(stack.begin(), stack.end());
      if (a.rank() > 1) dims.push_back(M);
      if (b.rank() > 1) dims.push_back(N);
      y = Shape(std::span<const std::int64_t>(dims));
    }
  };
};

inline LayerPtr make_matmul(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  const Constant* b = node.constant(1);
  if (b && !b->is_int && !node.constant_other_batch(1) && b->shape.rank() == 2 && b->shape.numel() > 0 &&
      node.constant(0) == nullptr) {
    const std::int64_t in = b->shape[0], out = b->shape[1];
    return make_counted<LinearLayer>(in, out, node.rank(0), transposed(b->floats, in, out), SharedFloats());
  }
  return make_counted<MatMulLayer>();
}

}  // namespace weir::detail
