/// ReduceMean, ReduceSum, ReduceMax, ReduceMin, ReduceProd, GlobalAveragePool and
/// GlobalMaxPool.
#pragma once
#include <weir/core/kernels/elementwise/reduce.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/reshape.hpp>

namespace weir::detail {

/// Which axes a reduction takes. spatial: all behind the first two; else the named ones, or all if none are named.
struct ReducedAxes {
  std::vector<std::int64_t> axes = {};
  bool keep = true, spatial = false;

  std::array<bool, Shape::max_rank> mark(const Shape& x) const {
    std::array<bool, Shape::max_rank> marked{};
    if (spatial && x.rank() < 3) throw ShapeError(detail::message({"expects [N, C, ...], got ", x.to_string()}));
    if (spatial || axes.empty()) std::fill(marked.begin() + (spatial ? 2 : 0), marked.begin() + x.rank(), true);
    for (std::int64_t axis : axes) marked[checked_axis(axis, x.rank())] = true;
    return marked;
  }

  /// The shape that is left of x.
  Shape of(const Shape& x) const {
    const auto reduced = mark(x);
    std::vector<std::int64_t> dims;
    for (std::size_t i = 0; i < x.rank(); ++i)
      if (!reduced[i] || keep) dims.push_back(reduced[i] ? 1 : x[i]);
    return Shape(std::span<const std::int64_t>(dims));
  }

  Examples examples(const ExamplesQuery& q) const {
    const Examples& x = q.inputs[0];
    if (x.kind != Examples::Kind::apart) return x;
    const auto reduced = mark(q.shapes[0].at(2));
    if (reduced[x.axis]) return Examples::mixed();
    const auto gone = keep ? 0 : std::count(reduced.begin(), reduced.begin() + x.axis, true);
    return examples::at(q, 0, x.axis - static_cast<std::size_t>(gone));
  }

  /// Axes are an attribute before opset 18 (ReduceSum: 13), an input since. nullopt: nothing is reduced
  /// (noop_with_empty_axes).
  static std::optional<ReducedAxes> read(const NodeArguments& node) {
    const int since = node.node.op == "ReduceSum" ? 13 : 18;
    node.expect_inputs(1, node.opset < since ? 1 : 2);
    ReducedAxes axes{node.integers_or_input("axes", 1, since), node.integer_in("keepdims", 1, 0, 1) == 1};
    const bool noop = node.opset >= since && node.integer_in("noop_with_empty_axes", 0, 0, 1) == 1;
    if (axes.axes.size() > Shape::max_rank) node.fail("has too many axes");
    if (axes.axes.empty() && noop) return std::nullopt;
    return axes;
  }
};

class ReduceLayer final : public RunnableLayer {
 public:
  /// reduction: a kernels::reduce_functions.
  ReduceLayer(const kernels::ReduceFunctions& reduction, ReducedAxes axes)
      : reduction_(reduction), axes_(std::move(axes)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override { return {axes_.of(inputs[0])}; }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    if (layout_ == Layout::blocked)  // [N, blocks, pixels, lanes]
      kernels::reduce(context, reduction_, {inputs[0].data, kernels::blocked_shape(inputs[0].shape, context.isa())},
                      {false, false, true}, outputs[0].data);
    else
      kernels::reduce(context, reduction_, inputs[0], axes_.mark(inputs[0].shape), outputs[0].data);
  }
  Examples examples(const ExamplesQuery& q) const override { return axes_.examples(q); }
  /// Where all axes behind the channels go.
  std::optional<Blocked> blocked(const Context& context, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    const Shape x = inputs[0].at(1);
    const auto reduced = axes_.mark(x);
    const bool spatial = x.rank() > 2 && !reduced[0] && !reduced[1] &&
                         std::all_of(reduced.begin() + 2, reduced.begin() + x.rank(), [](bool r) { return r; });
    const bool whole_blocks = x.rank() > 1 && x[1] % lanes(context.isa()) == 0;
    if (given[0] == Layout::plain || !spatial || (!axes_.keep && !whole_blocks)) return std::nullopt;
    auto layer = make_counted<ReduceLayer>(*this);
    layer->layout_ = Layout::blocked;
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = Layout::blocked;
    return Blocked{std::move(layer), std::move(layouts), axes_.keep ? Layout::blocked : Layout::plain};
  }
  double flops(std::span<const Shape> inputs) const override { return static_cast<double>(inputs[0].numel()); }
  bool ignores_input(std::size_t i) const override { return i > 0; }

 private:
  const kernels::ReduceFunctions& reduction_;
  ReducedAxes axes_;
  Layout layout_ = Layout::plain;
};

[[gnu::noinline]] inline LayerPtr reduce_layer(const NodeArguments& node, const kernels::ReduceFunctions& reduction) {
  auto axes = ReducedAxes::read(node);
  if (!axes) return make_view([](const Shape& x) { return x; });
  return make_counted<ReduceLayer>(reduction, std::move(*axes));
}
template <class Reduction>
LayerPtr make_reduce(const NodeArguments& node) {
  return reduce_layer(node, kernels::reduce_functions<Reduction>);
}

template <class Reduction>
LayerPtr make_global_pool(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return make_counted<ReduceLayer>(kernels::reduce_functions<Reduction>, ReducedAxes{.spatial = true});
}

}  // namespace weir::detail
