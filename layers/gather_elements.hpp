/// GatherElements and GatherND: elements, and slices named by several indices.
#pragma once
#include <algorithm>
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/layer.hpp>
#include <weir/core/parallel.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/indices.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// Throws ShapeError unless indices have as many axes as x, and none longer than that of x but `axis`.
inline void expect_elements_of(const Shape& x, const Shape& indices, std::size_t axis) {
  bool fits = indices.rank() == x.rank();
  for (std::size_t i = 0; fits && i < x.rank(); ++i) fits = i == axis || indices[i] <= x[i];
  if (!fits) throw ShapeError(detail::message({"indices ", indices.to_string(), " do not fit ", x.to_string()}));
}

/// All of the first n inputs have their examples along one axis, not `axis`, and the output has them there too.
inline Examples examples_in_step(const ExamplesQuery& q, std::size_t n, std::size_t axis) {
  if (std::all_of(q.inputs.begin(), q.inputs.end(), [](const Examples& x) { return x.none(); })) return {};
  for (std::size_t i = 0; i < n; ++i)
    if (q.inputs[i].kind != Examples::Kind::apart || q.inputs[i].axis != q.inputs[0].axis || q.inputs[i].axis == axis ||
        examples::at(q, i, q.inputs[i].axis).is_mixed())
      return Examples::mixed();
  return q.inputs[0];
}

/// y[i, j, ...] = x[i, indices[i, j, ...], ...], the index standing at `axis`.
class GatherElementsLayer final : public RunnableLayer {
 public:
  GatherElementsLayer(std::int64_t axis, Indices indices) : axis_(axis), indices_(std::move(indices)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape &x = inputs[0], indices = indices_.shape(inputs[1]);
    const std::size_t axis = checked_axis(axis_, x.rank());
    expect_elements_of(x, indices, axis);
    indices_.expect_inside(x, axis);
    return {indices};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    if (outputs[0].size() == 0) return;
    const Shape& x = inputs[0].shape;
    const std::size_t axis = checked_axis(axis_, x.rank());
    kernels::Strides lines = kernels::dense_strides(x);
    const std::int64_t step = lines[axis];
    lines[axis] = 0;
    const kernels::LoopNest<2> nest(outputs[0].shape, {kernels::dense_strides(outputs[0].shape), lines});
    nest.for_all_rows(context, [&](const std::array<std::int64_t, 2>& row) {
      for (std::int64_t i = 0; i < nest.row_length(); ++i) {
        const std::int64_t to = row[0] + i, at = indices_.place(inputs[1].data, to, x[axis]);
        const float* line = inputs[0].data + row[1] + i * nest.row_stride(1);
        outputs[0].data[to] = at == Indices::outside ? Indices::nothing : line[at * step];
      }
    });
  }
  bool ignores_input(std::size_t i) const override { return i == 1 && indices_.known(); }
  Examples examples(const ExamplesQuery& q) const override {
    const std::size_t axis = checked_axis(axis_, q.shapes[0].rank());
    if (q.inputs[0].none() && q.inputs[1].along(axis)) return examples::at(q, 1, axis);
    return examples_in_step(q, 2, axis);
  }

 private:
  std::int64_t axis_;
  Indices indices_;
};

inline LayerPtr make_gather_elements(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  return make_counted<GatherElementsLayer>(node.integer("axis", 0), Indices::read(node, 1));
}

/// y[b..., i..., behind...] = x[b..., indices[b..., i..., 0], indices[b..., i..., 1], ..., behind...], b... being
/// batch_dims axes that x and the indices have in common.
class GatherNdLayer final : public RunnableLayer {
 public:
  GatherNdLayer(std::size_t common, Indices indices) : common_(common), indices_(std::move(indices)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape &x = inputs[0], indices = indices_.shape(inputs[1]);
    const std::size_t r = indices.rank();
    bool fits = r > 0 && common_ < r && common_ < x.rank() && indices[r - 1] > 0 &&
                static_cast<std::size_t>(indices[r - 1]) <= x.rank() - common_;
    for (std::size_t i = 0; fits && i < common_; ++i) fits = indices[i] == x[i];
    if (!fits)
      throw ShapeError(detail::message(
          {"indices ", indices.to_string(), " with batch_dims ", common_, " do not fit ", x.to_string()}));
    const auto depth = static_cast<std::size_t>(indices[r - 1]);
    for (std::size_t d = 0; d < depth; ++d) indices_.expect_inside(x, common_ + d, d, depth);
    std::vector<std::int64_t> dims(indices.begin(), indices.end() - 1);
    dims.insert(dims.end(), x.begin() + common_ + depth, x.end());
    return {Shape(std::span<const std::int64_t>(dims))};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    if (outputs[0].size() == 0) return;
    const Shape &x = inputs[0].shape, indices = indices_.shape(inputs[1].shape);
    const std::int64_t depth = indices[indices.rank() - 1], rows = indices.product(0, indices.rank() - 1);
    const std::size_t behind = common_ + static_cast<std::size_t>(depth);
    const std::int64_t run = x.product(behind, x.rank()), block = x.product(common_, x.rank());
    const std::int64_t per_block = indices.product(common_, indices.rank() - 1);
    const kernels::Strides dense = kernels::dense_strides(x);
    context.pool().split(rows, (1 << 13) / run + 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t r = first; r < last; ++r) {
        std::int64_t from = r / per_block * block;
        bool inside = true;
        for (std::int64_t d = 0; d < depth; ++d) {
          const std::size_t axis = common_ + static_cast<std::size_t>(d);
          const std::int64_t at = indices_.place(inputs[1].data, r * depth + d, x[axis]);
          inside = inside && at != Indices::outside;
          from += at * dense[axis];
        }
        float* y = outputs[0].data + r * run;
        if (inside)
          std::copy_n(inputs[0].data + from, run, y);
        else
          std::fill_n(y, run, Indices::nothing);
      }
    });
  }
  bool ignores_input(std::size_t i) const override { return i == 1 && indices_.known(); }
  Examples examples(const ExamplesQuery& q) const override {
    const Examples &x = q.inputs[0], &indices = q.inputs[1];
    if (x.none() && indices.none()) return {};
    const Shape shape = indices_.shape(q.shapes[1].at(2));
    const std::size_t last = shape.rank() - 1;  // the axis of `depth` indices
    const auto depth = static_cast<std::size_t>(shape[last]);
    if (x.none() && indices.kind == Examples::Kind::apart && indices.axis >= common_ && indices.axis < last)
      return examples::at(q, 1, indices.axis);
    if (indices.none() && x.kind == Examples::Kind::apart && x.axis >= common_ + depth)
      return examples::at(q, 0, x.axis - common_ - depth + last);
    return x.axis < common_ ? examples_in_step(q, 2, Shape::max_rank) : Examples::mixed();
  }

 private:
  std::size_t common_;
  Indices indices_;
};

inline LayerPtr make_gather_nd(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  const std::int64_t common = node.opset < 12 ? 0 : node.integer_in("batch_dims", 0, 0, Shape::max_rank);
  return make_counted<GatherNdLayer>(static_cast<std::size_t>(common), Indices::read(node, 1));
}

}  // namespace weir::detail
