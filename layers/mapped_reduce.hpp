/// ReduceL1, ReduceL2, ReduceSumSquare, ReduceLogSum and ReduceLogSumExp.
#pragma once
#include <weir/core/kernels/elementwise/combine.hpp>
#include <weir/layers/activation.hpp>
#include <weir/layers/reduce.hpp>

namespace weir::detail {

/// y = after(sum of before(x)). exponents: takes the largest x off before, and adds it behind, so that no exponential
/// overflows.
class MappedReduceLayer final : public RunnableLayer {
 public:
  /// before, after: kernels::map_function.
  MappedReduceLayer(kernels::MapFunction (*before)(Isa), kernels::MapFunction (*after)(Isa), bool exponents,
                    ReducedAxes axes)
      : before_(before), after_(after), exponents_(exponents), axes_(std::move(axes)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override { return {axes_.of(inputs[0])}; }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const ConstView x = inputs[0];
    const auto reduced = axes_.mark(x.shape);
    const std::int64_t n = x.shape.numel(), kept = outputs[0].shape.numel();
    const View mapped{workspace, x.shape};
    Shape ones = x.shape;
    for (std::size_t i = 0; i < ones.rank(); ++i)
      if (reduced[i]) ones = ones.with(i, 1);
    const View largest{workspace + n, ones};
    if (exponents_) {
      kernels::reduce<kernels::reductions::Max>(context, x, reduced, largest.data);
      for (std::int64_t i = 0; i < kept; ++i)
        if (std::isinf(largest.data[i])) largest.data[i] = 0;
      kernels::combine<kernels::combines::Sub>(context, x, largest, mapped);
    }
    kernels::map(context, before_, exponents_ ? mapped.data : x.data, mapped.data, n, {});
    kernels::reduce<kernels::reductions::Sum>(context, mapped, reduced, outputs[0].data);
    kernels::map(context, after_, outputs[0].data, outputs[0].data, kept, {});
    if (exponents_)
      kernels::combine<kernels::combines::Add>(context, {outputs[0].data, ones}, largest, {outputs[0].data, ones});
  }
  std::size_t workspace_floats(const Context&, std::span<const Shape> inputs) const override {
    return static_cast<std::size_t>(inputs[0].numel() + axes_.of(inputs[0]).numel());
  }
  Examples examples(const ExamplesQuery& q) const override { return axes_.examples(q); }
  double flops(std::span<const Shape> inputs) const override { return 2 * static_cast<double>(inputs[0].numel()); }
  bool ignores_input(std::size_t i) const override { return i > 0; }

 private:
  kernels::MapFunction (*before_)(Isa);
  kernels::MapFunction (*after_)(Isa);
  bool exponents_;
  ReducedAxes axes_;
};

[[gnu::noinline]] inline LayerPtr mapped_reduce_layer(const NodeArguments& node, kernels::MapFunction (*before)(Isa),
                                                      kernels::MapFunction (*after)(Isa), bool exponents) {
  auto axes = ReducedAxes::read(node);
  if (!axes) node.fail("noop_with_empty_axes without axes is not supported: what it yields is not settled");
  return make_counted<MappedReduceLayer>(before, after, exponents, std::move(*axes));
}
template <class Before, class After, bool exponents = false>
LayerPtr make_mapped_reduce(const NodeArguments& node) {
  return mapped_reduce_layer(node, &kernels::map_function<Before>, &kernels::map_function<After>, exponents);
}

namespace scalars {
inline float itself(float x) { return x; }
}  // namespace scalars
using SameMap = kernels::maps::Scalar<scalars::itself>;
using SqrtMap = kernels::maps::Scalar<scalars::sqrt>;
using LogMap = kernels::maps::Scalar<scalars::log>;

}  // namespace weir::detail
