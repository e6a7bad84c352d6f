/// ScatterND with constant indices, and Trilu.
#pragma once
#include <weir/core/kernels/strided.hpp>
#include <weir/core/layer.hpp>
#include <weir/core/parallel.hpp>
#include <weir/layers/axes.hpp>
#include <weir/layers/node_arguments.hpp>

namespace weir {

/// y = x with the slices that the rows of `indices` name replaced by those of the updates; the last of equal ones wins.
class ScatterNdLayer final : public Layer {
 public:
  ScatterNdLayer(Shape shape, std::vector<std::int64_t> indices) : shape_(shape), indices_(std::move(indices)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape &x = inputs[0], &updates = inputs[2];
    const std::size_t depth = this->depth();
    if (shape_.rank() == 0 || depth > x.rank()) throw ShapeError("indices do not fit " + x.to_string());
    std::vector<std::int64_t> dims(shape_.begin(), shape_.end() - 1);
    dims.insert(dims.end(), x.begin() + depth, x.end());
    if (!(Shape(std::span<const std::int64_t>(dims)) == updates))
      throw ShapeError("updates " + updates.to_string() + " do not fit");
    for (std::size_t i = 0; i < indices_.size(); ++i)
      if (const std::int64_t n = x[i % depth]; indices_[i] < -n || indices_[i] >= n)
        throw ShapeError("index " + std::to_string(indices_[i]) + " is outside of " + x.to_string());
    return {x};
  }
  void forward(const Context&, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    const std::size_t depth = this->depth();
    const Strides dense = dense_strides(x);
    const std::int64_t run = x.product(depth, x.rank());
    std::copy_n(inputs[0].data, outputs[0].size(), outputs[0].data);
    if (inputs[2].size() == 0) return;
    const float* from = inputs[2].data;
    const std::int64_t rows = inputs[2].shape.numel() / run;
    for (std::int64_t r = 0; r < rows; ++r, from += run) {
      std::int64_t at = 0;
      for (std::size_t d = 0; d < depth; ++d) {
        const std::int64_t i = indices_[static_cast<std::size_t>(r) * depth + d];
        at += (i < 0 ? i + x[d] : i) * dense[d];
      }
      std::copy_n(from, run, outputs[0].data + at);
    }
  }
  bool ignores_input(std::size_t i) const override { return i == 1; }

 private:
  std::size_t depth() const { return static_cast<std::size_t>(shape_[shape_.rank() - 1]); }

  Shape shape_;
  std::vector<std::int64_t> indices_;
};

inline LayerPtr make_scatter_nd(const NodeArguments& node) {
  node.expect_inputs(3, 3);
  if (node.opset >= 16 && node.text("reduction", "none") != "none") node.fail("attribute reduction must be 'none'");
  const std::vector<std::int64_t>& indices = node.constant_integers(1);
  const Shape& shape = node.constant(1)->shape;
  if (shape.rank() == 0) node.fail("indices have no axes");
  return std::make_shared<ScatterNdLayer>(shape, indices);
}

/// y = x where the column is not below row + k (upper) or not above it, else 0; over the last two axes.
class TriluLayer final : public Layer {
 public:
  TriluLayer(bool upper, std::int64_t k) : upper_(upper), k_(k) {}
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() < 2) throw ShapeError("expects matrices, got " + inputs[0].to_string());
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
  return std::make_shared<TriluLayer>(node.integer_in("upper", 1, 0, 1) == 1, k);
}

}  // namespace weir
