/// ScatterND, ScatterElements and Trilu: a tensor with some of its elements written over.
#pragma once
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/layer.hpp>
#include <weir/core/parallel.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/indices.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/gather_elements.hpp>

namespace weir::detail {

/// What becomes of an element v and an update u. As in ONNX Runtime, the larger of the two is v only if v > u, so that
/// NaN in x gives way and NaN in an update stays.
enum class ScatterReduction { none, add, mul, max, min };

/// The attribute came with opset 16, max and min with 18. Truth values are only moved.
inline ScatterReduction read_reduction(const NodeArguments& node) {
  const std::string name = node.opset < 16 ? "none" : node.text("reduction", "none");
  if (name == "none") return ScatterReduction::none;
  if (node.type(0) == ElementType::boolean) node.fail("attribute reduction is not supported for truth values");
  if (name == "add") return ScatterReduction::add;
  if (name == "mul") return ScatterReduction::mul;
  if (node.opset >= 18 && name == "max") return ScatterReduction::max;
  if (node.opset >= 18 && name == "min") return ScatterReduction::min;
  node.fail(detail::message({"attribute reduction may not be '", name, "'"}));
}

inline void scatter(ScatterReduction reduction, const float* updates, std::int64_t n, float* y) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float v = y[i], u = updates[i];
    switch (reduction) {
      case ScatterReduction::none:
        y[i] = u;
        break;
      case ScatterReduction::add:
        y[i] = v + u;
        break;
      case ScatterReduction::mul:
        y[i] = v * u;
        break;
      case ScatterReduction::max:
        y[i] = v > u ? v : u;
        break;
      case ScatterReduction::min:
        y[i] = v < u ? v : u;
        break;
    }
  }
}

/// y = x with the slices that the rows of constant `indices` name reduced with those of the updates, in order: without
/// a reduction the last of equal ones wins.
class ScatterNdLayer final : public RunnableLayer {
 public:
  ScatterNdLayer(Indices indices, ScatterReduction reduction) : indices_(std::move(indices)), reduction_(reduction) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape &x = inputs[0], &updates = inputs[2], shape = indices_.shape();
    const std::size_t depth = this->depth();
    if (depth > x.rank()) throw ShapeError(detail::message({"indices do not fit ", x.to_string()}));
    std::vector<std::int64_t> dims(shape.begin(), shape.end() - 1);
    dims.insert(dims.end(), x.begin() + depth, x.end());
    if (!(Shape(std::span<const std::int64_t>(dims)) == updates))
      throw ShapeError(detail::message({"updates ", updates.to_string(), " do not fit"}));
    for (std::size_t d = 0; d < depth; ++d) indices_.expect_inside(x, d, d, depth);
    return {x};
  }
  void forward(const Context&, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    std::copy_n(inputs[0].data, outputs[0].size(), outputs[0].data);
    if (inputs[2].size() == 0) return;
    const std::size_t depth = this->depth();
    const kernels::Strides dense = kernels::dense_strides(x);
    const std::int64_t run = x.product(depth, x.rank());
    const float* from = inputs[2].data;
    const std::int64_t rows = inputs[2].shape.numel() / run;
    for (std::int64_t r = 0; r < rows; ++r, from += run) {
      std::int64_t at = 0;
      for (std::size_t d = 0; d < depth; ++d)
        at += indices_.place(nullptr, r * static_cast<std::int64_t>(depth) + static_cast<std::int64_t>(d), x[d]) *
              dense[d];
      scatter(reduction_, from, run, outputs[0].data + at);
    }
  }
  bool ignores_input(std::size_t i) const override { return i == 1; }

 private:
  std::size_t depth() const {
    const Shape shape = indices_.shape();
    return static_cast<std::size_t>(shape[shape.rank() - 1]);
  }

  Indices indices_;
  ScatterReduction reduction_;
};

inline LayerPtr make_scatter_nd(const NodeArguments& node) {
  node.expect_inputs(3, 3);
  (void)node.constant_integers(1);
  if (node.constant(1)->shape.rank() == 0) node.fail("indices have no axes");
  return make_counted<ScatterNdLayer>(Indices::read(node, 1), read_reduction(node));
}

/// y = x but for y[i, indices[i, j, ...], ...], the index standing at `axis`, which are reduced with updates[i, j,
/// ...], in order: without a reduction the last of equal ones wins.
class ScatterElementsLayer final : public RunnableLayer {
 public:
  ScatterElementsLayer(std::int64_t axis, Indices indices, ScatterReduction reduction)
      : axis_(axis), indices_(std::move(indices)), reduction_(reduction) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape &x = inputs[0], indices = indices_.shape(inputs[1]);
    const std::size_t axis = checked_axis(axis_, x.rank());
    expect_elements_of(x, indices, axis);
    if (!(inputs[2] == indices))
      throw ShapeError(
          detail::message({"updates ", inputs[2].to_string(), " do not fit indices ", indices.to_string()}));
    indices_.expect_inside(x, axis);
    return {x};
  }
  void forward(const Context&, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape &x = inputs[0].shape, &updates = inputs[2].shape;
    float* y = outputs[0].data;
    std::copy_n(inputs[0].data, outputs[0].size(), y);
    if (inputs[2].size() == 0) return;
    const std::size_t axis = checked_axis(axis_, x.rank());
    kernels::Strides lines = kernels::dense_strides(x);
    const std::int64_t step = lines[axis];
    lines[axis] = 0;
    const kernels::LoopNest<2> nest(updates, {kernels::dense_strides(updates), lines});
    const auto each = [&](const auto& write) {
      nest.for_rows(0, nest.rows(), [&](const std::array<std::int64_t, 2>& row) {
        for (std::int64_t i = 0; i < nest.row_length(); ++i)
          write(y + row[1] + i * nest.row_stride(1), row[0] + i, indices_.place(inputs[1].data, row[0] + i, x[axis]));
      });
    };
    each([&](float* line, std::int64_t i, std::int64_t at) {
      if (at != Indices::outside) scatter(reduction_, inputs[2].data + i, 1, line + at * step);
    });
    if (indices_.known()) return;
    each([&](float* line, std::int64_t, std::int64_t at) {
      for (std::int64_t k = 0; at == Indices::outside && k < x[axis]; ++k) line[k * step] = Indices::nothing;
    });
  }
  bool ignores_input(std::size_t i) const override { return i == 1 && indices_.known(); }
  Examples examples(const ExamplesQuery& q) const override {
    return examples_in_step(q, 3, checked_axis(axis_, q.shapes[0].rank()));
  }

 private:
  std::int64_t axis_;
  Indices indices_;
  ScatterReduction reduction_;
};

inline LayerPtr make_scatter_elements(const NodeArguments& node) {
  node.expect_inputs(3, 3);
  return make_counted<ScatterElementsLayer>(node.integer("axis", 0), Indices::read(node, 1), read_reduction(node));
}

/// y = x where the column is not below row + k (upper) or not above it, else 0; over the last two axes.
class TriluLayer final : public RunnableLayer {
 public:
  TriluLayer(bool upper, std::int64_t k) : upper_(upper), k_(k) {}
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() < 2) throw ShapeError(detail::message({"expects matrices, got ", inputs[0].to_string()}));
    return {inputs[0]};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    const std::int64_t rows = x[x.rank() - 2], columns = x[x.rank() - 1];
    if (x.numel() == 0) return;
    context.pool().split(x.numel() / columns, (1 << 15) / columns + 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t r = first; r < last; ++r) {
        const float* from = inputs[0].data + r * columns;
        float* to = outputs[0].data + r * columns;
        const std::int64_t edge = r % rows + k_;
        for (std::int64_t c = 0; c < columns; ++c) to[c] = (upper_ ? c >= edge : c <= edge) ? from[c] : 0.0F;
      }
    });
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, q.shapes[0].rank() - 2); }

 private:
  bool upper_;
  std::int64_t k_;
};

inline LayerPtr make_trilu(const NodeArguments& node) {
  node.expect_inputs(1, 2);
  std::int64_t k = 0;
  if (node.has_input(1)) {
    const auto& values = node.constant_integers(1);
    if (values.size() != 1) node.fail("k must be one value");
    k = std::clamp<std::int64_t>(values[0], -(std::int64_t{1} << 41), std::int64_t{1} << 41);
  }
  return make_counted<TriluLayer>(node.integer_in("upper", 1, 0, 1) == 1, k);
}

}  // namespace weir::detail
