/// Functions of each integer of 8 bits: QLinearSigmoid, QLinearLeakyRelu; and QLinearSoftmax, QLinearConcat.
#pragma once
#include <cmath>
#include <memory>
#include <weir/core/kernels/quantized/elementwise.hpp>
#include <weir/core/kernels/quantized/join.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/quantized/pool.hpp>

namespace weir::detail {

/// y = table[x], in any layout.
class TableLayer final : public RunnableLayer {
 public:
  TableLayer(const quantized::Table& table, Element y) : table_(table), y_(y) {}

  std::optional<Element> output_element(std::size_t) const override { return y_; }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override { return {inputs[0]}; }
  Examples examples(const ExamplesQuery& q) const override {
    return examples::broadcast({q.shapes.first(1), q.inputs.first(1), q.output, q.which});
  }
  std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (given[0] == Layout::plain) return std::nullopt;
    auto layer = make_counted<TableLayer>(*this);
    layer->layout_ = Layout::blocked;
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = Layout::blocked;
    return Blocked{std::move(layer), std::move(layouts), Layout::blocked};
  }
  std::optional<std::size_t> in_place(std::size_t) const override { return 0; }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    quantized::look_up(context, table_, reinterpret_cast<const std::uint8_t*>(inputs[0].data),
                       floats_of(inputs[0].shape, layout_, context.isa()),
                       reinterpret_cast<std::uint8_t*>(outputs[0].data));
  }

 private:
  quantized::Table table_;
  Element y_;
  Layout layout_ = Layout::plain;
};

inline LayerPtr make_qlinear_sigmoid(const NodeArguments& node) {
  const auto [x, y] = read_in_and_out(node);
  return make_counted<TableLayer>(quantized::table_of(x, y, [](double v) { return 1 / (1 + std::exp(-v)); }),
                                  y.element);
}

inline LayerPtr make_qlinear_leaky_relu(const NodeArguments& node) {
  const auto [x, y] = read_in_and_out(node);
  const double alpha = double{node.real("alpha", 0.01F)};
  return make_counted<TableLayer>(quantized::table_of(x, y, [&](double v) { return v >= 0 ? v : alpha * v; }),
                                  y.element);
}

/// Softmax along an axis, or all axes from one on; input 0 of 8 bits. exp() of each of 256 differences from the largest
/// is computed once, in double precision, and sums are in double precision.
class QuantizedSoftmaxLayer final : public RunnableLayer {
 public:
  QuantizedSoftmaxLayer(std::int64_t axis, bool flat, float x_scale, quantized::Quantization y, Element x)
      : axis_(axis), flat_(flat), y_(y), x_(x) {
    for (std::size_t d = 0; d < exp_.size(); ++d)
      exp_[d] = std::exp(-static_cast<double>(d) * static_cast<double>(x_scale));
  }

  std::optional<Element> output_element(std::size_t) const override { return y_.element; }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    (void)checked_axis(axis_, inputs[0].rank());
    return {inputs[0]};
  }
  Examples examples(const ExamplesQuery& q) const override {
    const std::size_t axis = checked_axis(axis_, q.output.rank());
    return examples::all_but(q, axis, flat_ ? q.output.rank() : axis + 1);
  }
  void forward(const Context&, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& shape = inputs[0].shape;
    const std::size_t axis = checked_axis(axis_, shape.rank()), end = flat_ ? shape.rank() : axis + 1;
    const std::int64_t length = shape.product(axis, end), inner = shape.product(end, shape.rank());
    const quantized::Rounding rounding(y_);
    for (std::int64_t o = 0; o < shape.product(0, axis); ++o)
      for (std::int64_t i = 0; i < inner; ++i) {
        const std::int64_t first = o * length * inner + i;
        const auto at = [&](std::int64_t k) { return quantized::byte_at(inputs[0].data, first + k * inner, x_); };
        std::int32_t most = quantized::lowest(x_);
        for (std::int64_t k = 0; k < length; ++k) most = std::max(most, at(k));
        double sum = 0;
        for (std::int64_t k = 0; k < length; ++k) sum += exp_[static_cast<std::size_t>(most - at(k))];
        for (std::int64_t k = 0; k < length; ++k) {
          const auto p = static_cast<float>(exp_[static_cast<std::size_t>(most - at(k))] / sum);
          quantized::set_byte(outputs[0].data, first + k * inner, rounding(p / y_.scale));
        }
      }
  }

 private:
  std::int64_t axis_;
  bool flat_;
  quantized::Quantization y_;
  Element x_;
  std::array<double, 256> exp_{};
};

/// X, X_scale, X_zero_point, y_scale, y_zero_point; attributes axis and opset, of which Softmax's meaning is taken.
inline LayerPtr make_qlinear_softmax(const NodeArguments& node) {
  const auto [x, y] = read_in_and_out(node);
  const std::int64_t opset = node.integer("opset", 13);
  return make_counted<QuantizedSoftmaxLayer>(node.integer("axis", opset < 13 ? 1 : -1), opset < 13, x.scale, y,
                                             x.element);
}

/// Inputs 2, 5, 8, ... joined along an axis, each through a table to the scale and zero point of the result.
class QuantizedConcatLayer final : public RunnableLayer {
 public:
  QuantizedConcatLayer(std::int64_t axis, std::vector<quantized::Table> tables, std::vector<bool> same, Element y)
      : axis_(axis), tables_(std::move(tables)), same_(std::move(same)), y_(y) {}

  std::optional<Element> output_element(std::size_t) const override { return y_; }
  bool ignores_input(std::size_t i) const override { return i % 3 != 2; }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& first = inputs[2];
    const std::size_t axis = checked_axis(axis_, first.rank());
    std::int64_t length = 0;
    for (std::size_t i = 2; i < inputs.size(); i += 3) {
      if (inputs[i].rank() != first.rank() || inputs[i].with(axis, 0) != first.with(axis, 0))
        throw ShapeError(detail::message({"cannot join ", first.to_string(), " and ", inputs[i].to_string()}));
      (void)inputs[i].numel();
      length += inputs[i][axis];
    }
    return {first.with(axis, length)};
  }
  Examples examples(const ExamplesQuery& q) const override {
    std::vector<ShapeForm> shapes;
    std::vector<Examples> inputs;
    for (std::size_t i = 2; i < q.shapes.size(); i += 3) shapes.push_back(q.shapes[i]), inputs.push_back(q.inputs[i]);
    const Examples all = examples::broadcast({shapes, inputs, q.output, q.which});
    return all.along(checked_axis(axis_, q.output.rank())) ? Examples::mixed() : all;
  }
  /// Channels, where some input is blocked already.
  std::optional<Blocked> blocked(const Context& context, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (inputs[2].rank() < 3 || checked_axis(axis_, inputs[2].rank()) != 1) return std::nullopt;
    bool any = false, whole = true;
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    for (std::size_t i = 2; i < inputs.size(); i += 3) {
      any = any || given[i] == Layout::blocked;
      whole = whole && (i + 3 >= inputs.size() || inputs[i].at(1)[1] % lanes(context.isa()) == 0);
      layouts[i] = Layout::blocked;
    }
    if (!any) return std::nullopt;
    auto layer = make_counted<QuantizedConcatLayer>(*this);
    layer->layout_ = Layout::blocked;
    layer->whole_blocks_ = whole;
    return Blocked{std::move(layer), std::move(layouts), Layout::blocked};
  }
  /// Where all inputs have the result's scale and zero point, and no input but the last ends within a block.
  bool is_join() const override { return whole_blocks_ && std::find(same_.begin(), same_.end(), false) == same_.end(); }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& y = outputs[0].shape;
    auto* to = reinterpret_cast<std::uint8_t*>(outputs[0].data);
    if (layout_ == Layout::blocked) {
      for (std::int64_t n = 0; n < y[0]; ++n) join_blocks(context, inputs, n, to + n * of_one(context, y));
      return;
    }
    const std::size_t axis = checked_axis(axis_, y.rank());
    const std::int64_t outer = y.product(0, axis), all = y.product(axis, y.rank());
    for (std::size_t i = 2; i < inputs.size(); i += 3) {
      const std::int64_t n = inputs[i].shape.product(axis, y.rank());
      const auto* x = reinterpret_cast<const std::uint8_t*>(inputs[i].data);
      for (std::int64_t o = 0; o < outer; ++o)
        if (same_[i / 3])
          std::memcpy(to + o * all, x + o * n, static_cast<std::size_t>(n));
        else
          quantized::look_up(context, tables_[i / 3], x + o * n, n, to + o * all);
      to += n;
    }
  }

 private:
  /// Bytes of one example, blocked.
  static std::int64_t of_one(const Context& context, const Shape& s) {
    return floats_of(s.with(0, 1), Layout::blocked, context.isa());
  }
  /// Example n of the inputs to y.
  void join_blocks(const Context& context, std::span<const ConstView> inputs, std::int64_t n, std::uint8_t* y) const {
    const std::int64_t L = lanes(context.isa());
    std::int64_t channel = 0;
    for (std::size_t i = 2; i < inputs.size(); i += 3) {
      const Shape& s = inputs[i].shape;
      const std::int64_t pixels = s.product(2, s.rank());
      const auto* x = reinterpret_cast<const std::uint8_t*>(inputs[i].data) + n * of_one(context, s);
      if (!same_[i / 3] && channel % L == 0)  // what it writes behind the last channel, the next input writes over
        quantized::look_up(context, tables_[i / 3], x, of_one(context, s), y + channel * pixels);
      else
        quantized::join_channels(context, L, s[1], pixels, x, same_[i / 3] ? nullptr : &tables_[i / 3], channel, y);
      channel += s[1];
    }
  }

  std::int64_t axis_;
  std::vector<quantized::Table> tables_;
  std::vector<bool> same_;
  Element y_;
  Layout layout_ = Layout::plain;
  bool whole_blocks_ = false;
};

/// Y_scale, Y_zero_point, then tensor, scale and zero point of each input.
inline LayerPtr make_qlinear_concat(const NodeArguments& node) {
  const std::size_t n = node.node.inputs.size();
  if (n < 5 || n % 3 != 2) node.fail(detail::message({"has ", n, " inputs, not two and three for each tensor"}));
  for (std::size_t i = 0; i < n; ++i)
    if (!node.has_input(i)) node.fail(detail::message({"input ", i, " is missing"}));
  if (!node.has_attribute("axis")) node.fail("attribute axis is missing");
  const auto y = quantized::read_result(node, 0);
  std::vector<quantized::Table> tables;
  std::vector<bool> same;
  for (std::size_t i = 2; i < n; i += 3) {
    const auto x = quantized::read_quantization(node, i + 1, quantized::byte_element(node, i));
    if (x.element != y.element) node.fail("inputs and result must be of one type");
    tables.push_back(quantized::table_of(x, y, [](double v) { return v; }));
    same.push_back(x.scale == y.scale && x.zero == y.zero);
  }
  return make_counted<QuantizedConcatLayer>(node.integer("axis", 0), std::move(tables), std::move(same), y.element);
}

}  // namespace weir::detail
