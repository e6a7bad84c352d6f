/// Concat and Split: tensors joined and cut along an axis.
#pragma once
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/kernels/strided.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/axes.hpp>
#include <weir/layers/node_arguments.hpp>

namespace weir {

class ConcatLayer final : public Layer {
 public:
  explicit ConcatLayer(std::int64_t axis) : axis_(axis) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const std::size_t axis = checked_axis(axis_, inputs[0].rank());
    std::int64_t length = 0;
    for (const Shape& s : inputs) {
      if (s.rank() != inputs[0].rank() || s.with(axis, 0) != inputs[0].with(axis, 0))
        throw ShapeError("cannot join " + inputs[0].to_string() + " and " + s.to_string());
      (void)s.numel();
      if (__builtin_add_overflow(length, s[axis], &length)) throw ShapeError("the result is too large");
    }
    return {inputs[0].with(axis, length)};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    if (layout_ == Layout::blocked) return join_blocks(context, inputs, outputs[0]);
    const std::size_t axis = checked_axis(axis_, outputs[0].shape.rank());
    const Strides to = dense_strides(outputs[0].shape);
    float* y = outputs[0].data;
    for (const ConstView& x : inputs) {
      strided_copy(context, x.shape, x.data, dense_strides(x.shape), y, to);
      y += x.shape[axis] * to[axis];
    }
  }
  /// Channels, of which all but the last tensor have whole blocks.
  std::optional<Blocked> blocked(const Context& context, std::span<const Shape> inputs,
                                 std::span<const Layout> given) const override {
    if (inputs[0].rank() < 3 || checked_axis(axis_, inputs[0].rank()) != 1) return std::nullopt;
    for (std::size_t i = 0; i + 1 < inputs.size(); ++i)
      if (inputs[i][1] % lanes(context.isa()) != 0) return std::nullopt;
    if (std::find(given.begin(), given.end(), Layout::blocked) == given.end()) return std::nullopt;
    auto layer = std::make_shared<ConcatLayer>(*this);
    layer->layout_ = Layout::blocked;
    return Blocked{std::move(layer), std::vector<Layout>(inputs.size(), Layout::blocked), Layout::blocked};
  }

 private:
  static void join_blocks(const Context& context, std::span<const ConstView> inputs, View y) {
    const Shape all = blocked_shape(y.shape, context.isa());
    std::int64_t block = 0;
    for (const ConstView& x : inputs) {
      const Shape from = blocked_shape(x.shape, context.isa());
      detail::for_all_rows(context, x.shape, from[2], from[3],
                           [&](std::int64_t plane, std::int64_t first, std::int64_t last) {
                             const std::int64_t to = plane / from[1] * all[1] + block + plane % from[1];
                             std::copy_n(x.data + (plane * from[2] + first) * from[3], (last - first) * from[3],
                                         y.data + (to * all[2] + first) * all[3]);
                           });
      block += from[1];
    }
  }

  std::int64_t axis_;
  Layout layout_ = Layout::plain;
};

inline LayerPtr make_concat(const NodeArguments& node) {
  node.expect_inputs(node.node.inputs.size(), node.node.inputs.size());
  if (node.node.inputs.empty()) node.fail("has no inputs");
  if (!node.has_attribute("axis")) node.fail("attribute axis is missing");
  return std::make_shared<ConcatLayer>(node.integer("axis", 1));
}

class SplitLayer final : public Layer {
 public:
  /// lengths empty: `parts` equal ones, the last of which may be shorter if uneven is set.
  SplitLayer(std::int64_t axis, std::vector<std::int64_t> lengths, std::int64_t parts, bool uneven)
      : axis_(axis), lengths_(std::move(lengths)), parts_(parts), uneven_(uneven) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    const std::size_t axis = checked_axis(axis_, x.rank());
    std::vector<Shape> shapes;
    std::int64_t rest = x[axis];
    const std::int64_t each = lengths_.empty() ? (rest + parts_ - 1) / parts_ : 0;
    for (std::int64_t i = 0; i < parts_; ++i) {
      const std::int64_t length = lengths_.empty() ? std::min(each, rest) : lengths_[static_cast<std::size_t>(i)];
      if (length > rest) throw ShapeError("cannot split " + x.to_string() + " so");
      shapes.push_back(x.with(axis, length));
      rest -= length;
    }
    if (rest != 0 || (!uneven_ && lengths_.empty() && x[axis] % parts_ != 0))
      throw ShapeError("cannot split " + x.to_string() + " so");
    return shapes;
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const std::size_t axis = checked_axis(axis_, inputs[0].shape.rank());
    const Strides from = dense_strides(inputs[0].shape);
    const float* x = inputs[0].data;
    const std::int64_t length = inputs[0].shape[axis];
    const std::int64_t each = (length + parts_ - 1) / parts_;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const View& y = outputs[i];
      const std::int64_t part = y.data ? y.shape[axis] : lengths_.empty() ? each : lengths_[i];
      if (y.data != nullptr) strided_copy(context, y.shape, x, from, y.data, dense_strides(y.shape));
      x += part * from[axis];
    }
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }

 private:
  std::int64_t axis_;
  std::vector<std::int64_t> lengths_;
  std::int64_t parts_;
  bool uneven_;
};

/// Lengths are an attribute before opset 13, an input since; num_outputs came with opset 18.
inline LayerPtr make_split(const NodeArguments& node) {
  node.expect_inputs(1, node.opset < 13 ? 1 : 2);
  std::vector<std::int64_t> lengths = node.integers_or_input("split", 1);
  const auto outputs = static_cast<std::int64_t>(node.node.outputs.size());
  if (outputs == 0) node.fail("has no outputs");
  if (!lengths.empty() && static_cast<std::int64_t>(lengths.size()) != outputs)
    node.fail("has " + std::to_string(outputs) + " outputs for " + std::to_string(lengths.size()) + " lengths");
  for (std::int64_t n : lengths)
    if (n < 0) node.fail("a length is negative");
  if (node.integer("num_outputs", outputs) != outputs) node.fail("attribute num_outputs does not fit its outputs");
  return std::make_shared<SplitLayer>(node.integer("axis", 0), std::move(lengths), outputs, node.opset >= 18);
}

}  // namespace weir
