/// Concat and Split: tensors joined and cut along an axis.
#pragma once
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/attributes/slice_ranges.hpp>

namespace weir::detail {

class ConcatLayer final : public RunnableLayer {
 public:
  explicit ConcatLayer(std::int64_t axis) : axis_(axis) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const std::size_t axis = checked_axis(axis_, inputs[0].rank());
    std::int64_t length = 0;
    for (const Shape& s : inputs) {
      if (s.rank() != inputs[0].rank() || s.with(axis, 0) != inputs[0].with(axis, 0))
        throw ShapeError(detail::message({"cannot join ", inputs[0].to_string(), " and ", s.to_string()}));
      (void)s.numel();
      if (__builtin_add_overflow(length, s[axis], &length)) throw ShapeError("the result is too large");
    }
    return {inputs[0].with(axis, length)};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    if (layout_ == Layout::blocked) return join_blocks(context, inputs, outputs[0]);
    const std::size_t axis = checked_axis(axis_, outputs[0].shape.rank());
    const kernels::Strides to = kernels::dense_strides(outputs[0].shape);
    float* y = outputs[0].data;
    for (const ConstView& x : inputs) {
      kernels::strided_copy(context, x.shape, x.data, kernels::dense_strides(x.shape), y, to);
      y += x.shape[axis] * to[axis];
    }
  }
  Examples examples(const ExamplesQuery& q) const override {
    const Examples all = examples::broadcast(q);  // all have one rank
    return all.along(checked_axis(axis_, q.output.rank())) ? Examples::mixed() : all;
  }
  /// Channels, where some input is blocked already.
  std::optional<Blocked> blocked(const Context& context, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (inputs[0].rank() < 3 || checked_axis(axis_, inputs[0].rank()) != 1) return std::nullopt;
    if (std::find(given.begin(), given.end(), Layout::blocked) == given.end()) return std::nullopt;
    auto layer = make_counted<ConcatLayer>(*this);
    layer->layout_ = Layout::blocked;
    layer->whole_blocks_ = std::all_of(inputs.begin(), inputs.end() - 1,
                                       [&](const ShapeForm& s) { return s.at(1)[1] % lanes(context.isa()) == 0; });
    return Blocked{std::move(layer), std::vector<Layout>(inputs.size(), Layout::blocked), Layout::blocked};
  }
  bool is_join() const override { return whole_blocks_; }

 private:
  /// An input that begins within a block of y has each of its blocks cut in two.
  static void join_blocks(const Context& context, std::span<const ConstView> inputs, View y) {
    const Shape all = kernels::blocked_shape(y.shape, context.isa());
    const std::int64_t L = lanes(context.isa()), block = all[2] * all[3];
    std::int64_t channel = 0;
    for (const ConstView& x : inputs) {
      const Shape from = kernels::blocked_shape(x.shape, context.isa());
      if (x.data == y.data + channel * from[2] && channel % L == 0 && y.shape[0] == 1) {  // there already
        channel += x.shape[1];
        continue;
      }
      kernels::for_all_rows(
          context, x.shape, from[2], from[3], [&](std::int64_t plane, std::int64_t first, std::int64_t last) {
            const std::int64_t inside = plane % from[1] * L, at = channel + inside, lane = at % L;
            const std::int64_t channels = std::min(L, x.shape[1] - inside), head = std::min(channels, L - lane);
            const float* in = x.data + (plane * from[2] + first) * from[3];
            const float* end = x.data + (plane * from[2] + last) * from[3];
            float* out = y.data + (plane / from[1] * all[1] + at / L) * block + first * all[3] + lane;
            if (channels == L && lane == 0) {
              std::copy(in, end, out);
              return;
            }
            for (; in != end; in += L, out += L) {
              copy_channels(in, head, out);
              copy_channels(in + head, channels - head, out - lane + block);
            }
          });
      channel += x.shape[1];
    }
  }

  /// A few floats: less than a call of memcpy takes.
  static void copy_channels(const float* from, std::int64_t n, float* to) {
    using Four = kernels::Vec<4>::loose;
    std::int64_t k = 0;
    for (; k + 4 <= n; k += 4) *reinterpret_cast<Four*>(to + k) = *reinterpret_cast<const Four*>(from + k);
    for (; k < n; ++k) to[k] = from[k];
  }

  std::int64_t axis_;
  Layout layout_ = Layout::plain;
  bool whole_blocks_ = false;  ///< no input but the last ends within a block
};

inline LayerPtr make_concat(const NodeArguments& node) {
  node.expect_inputs(node.node.inputs.size(), node.node.inputs.size());
  if (node.node.inputs.empty()) node.fail("has no inputs");
  if (!node.has_attribute("axis")) node.fail("attribute axis is missing");
  return make_counted<ConcatLayer>(node.integer("axis", 1));
}

class SplitLayer final : public RunnableLayer {
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
      const std::int64_t left = i + 1 == parts_ ? rest : each;  // of equal parts; only the last may be shorter
      const std::int64_t length = lengths_.empty() ? left : lengths_[static_cast<std::size_t>(i)];
      if (length > rest) throw ShapeError(detail::message({"cannot split ", x.to_string(), " so"}));
      shapes.push_back(x.with(axis, length));
      rest -= length;
    }
    if (rest != 0 || (!uneven_ && lengths_.empty() && x[axis] % parts_ != 0))
      throw ShapeError(detail::message({"cannot split ", x.to_string(), " so"}));
    return shapes;
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const std::size_t axis = checked_axis(axis_, inputs[0].shape.rank());
    const kernels::Strides from = kernels::dense_strides(inputs[0].shape);
    const float* x = inputs[0].data;
    const std::int64_t length = inputs[0].shape[axis];
    const std::int64_t each = (length + parts_ - 1) / parts_;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const View& y = outputs[i];
      const std::int64_t part = y.data ? y.shape[axis] : lengths_.empty() ? each : lengths_[i];
      if (y.data != nullptr) kernels::strided_copy(context, y.shape, x, from, y.data, kernels::dense_strides(y.shape));
      x += part * from[axis];
    }
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override {
    const std::size_t axis = checked_axis(axis_, q.output.rank());
    return examples::all_but(q, axis, axis + 1);
  }

 private:
  std::int64_t axis_;
  std::vector<std::int64_t> lengths_;
  std::int64_t parts_;
  bool uneven_;
};

/// Lengths are an attribute before opset 13, an input since; num_outputs came with opset 18.
inline LayerPtr make_split(const NodeArguments& node) {
  node.expect_inputs(1, node.opset < 13 ? 1 : 2);
  std::vector<std::int64_t> lengths = node.integers_or_input("split", 1, 13);
  const auto outputs = static_cast<std::int64_t>(node.node.outputs.size());
  if (outputs == 0) node.fail("has no outputs");
  if (!lengths.empty() && static_cast<std::int64_t>(lengths.size()) != outputs)
    node.fail(detail::message({"has ", outputs, " outputs for ", lengths.size(), " lengths"}));
  for (std::int64_t n : lengths)
    if (n < 0) node.fail("a length is negative");
  check_number_of_parts(node, node.node.outputs.size(), !lengths.empty());
  return make_counted<SplitLayer>(node.integer("axis", 0), std::move(lengths), outputs, node.opset >= 18);
}

}  // namespace weir::detail
