/// QLinearAdd and QLinearMul.
#pragma once
#include <array>
#include <memory>
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/kernels/quantized/elementwise.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/quantized/numbers.hpp>

namespace weir::detail {

/// y of two tensors of 8 bits, inputs 0 and 3, with broadcasting; see quantized::PairNumbers.
class QuantizedPairLayer final : public RunnableLayer {
 public:
  QuantizedPairLayer(quantized::PairNumbers numbers, Element y) : numbers_(numbers), y_(y) {}

  const quantized::PairNumbers& numbers() const { return numbers_; }

  std::optional<Element> output_element(std::size_t) const override { return y_; }
  bool ignores_input(std::size_t i) const override { return i != 0 && i != 3; }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {broadcast_shape(inputs[0], inputs[3])};
  }
  Examples examples(const ExamplesQuery& q) const override {
    const std::array<ShapeForm, 2> shapes{q.shapes[0], q.shapes[3]};
    const std::array<Examples, 2> inputs{q.inputs[0], q.inputs[3]};
    return examples::broadcast({shapes, inputs, q.output, q.which});
  }
  /// Where both have one shape at every batch size.
  std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (!(inputs[0] == inputs[3])) return std::nullopt;
    if (given[0] == Layout::plain && given[3] == Layout::plain) return std::nullopt;
    auto layer = make_counted<QuantizedPairLayer>(*this);
    layer->layout_ = Layout::blocked;
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = layouts[3] = Layout::blocked;
    return Blocked{std::move(layer), std::move(layouts), Layout::blocked};
  }
  std::optional<std::size_t> in_place(std::size_t) const override { return 0; }
  std::optional<RowWindow> row_window(std::span<const Shape> inputs, std::size_t) const override {
    return inputs[0] == inputs[3] && inputs[0].rank() == 4 ? std::optional(RowWindow{}) : std::nullopt;
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const auto* a = reinterpret_cast<const std::uint8_t*>(inputs[0].data);
    const auto* b = reinterpret_cast<const std::uint8_t*>(inputs[3].data);
    auto* y = reinterpret_cast<std::uint8_t*>(outputs[0].data);
    const Shape& shape = outputs[0].shape;
    if (inputs[0].shape == inputs[3].shape) {
      quantized::share_numbers(
          context, floats_of(shape, layout_, context.isa()), [&](std::int64_t first, std::int64_t last) {
            quantized::pairs(context.isa(), a + first, b + first, last - first, numbers_, y + first);
          });
      return;
    }
    const kernels::Strides as = kernels::broadcast_strides(inputs[0].shape, shape),
                           bs = kernels::broadcast_strides(inputs[3].shape, shape);
    const Element ae = numbers_.a_signed ? Element::int8 : Element::uint8;
    const Element be = numbers_.b_signed ? Element::int8 : Element::uint8;
    for (std::int64_t i = 0, n = shape.numel(); i < n; ++i) {
      std::int64_t rest = i, ai = 0, bi = 0;
      for (std::size_t d = shape.rank(); d-- > 0; rest /= shape[d]) {
        ai += rest % shape[d] * as[d];
        bi += rest % shape[d] * bs[d];
      }
      y[i] = static_cast<std::uint8_t>(numbers_(quantized::byte_at(a, ai, ae), quantized::byte_at(b, bi, be)));
    }
  }
  void forward_rows(const Context& context, std::span<const Shape> shapes, std::span<const RowsView> inputs,
                    const RowsView& output, RowRange y, bool, float*) const override {
    const std::int64_t L = layout_ == Layout::blocked ? lanes(context.isa()) : 1;
    for (std::int64_t plane = 0; plane < round_up(shapes[0][1], L) / L; ++plane)
      for (std::int64_t r = y.first; r < y.last; ++r)
        quantized::pairs(context.isa(), reinterpret_cast<const std::uint8_t*>(inputs[0].row(plane, r)),
                         reinterpret_cast<const std::uint8_t*>(inputs[3].row(plane, r)), shapes[0][3] * L, numbers_,
                         reinterpret_cast<std::uint8_t*>(output.row(plane, r)));
  }
  double flops(std::span<const Shape> inputs) const override {
    return 4.0 * static_cast<double>(broadcast_shape(inputs[0], inputs[3]).numel());
  }

 private:
  quantized::PairNumbers numbers_;
  Element y_;
  Layout layout_ = Layout::plain;
};

/// A, A_scale, A_zero_point, B, B_scale, B_zero_point, C_scale, C_zero_point.
template <bool product>
LayerPtr make_qlinear_pair(const NodeArguments& node) {
  node.expect_inputs(2, 8);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{4}, std::size_t{6}})
    if (!node.has_input(i)) node.fail(detail::message({"input ", i, " is missing"}));
  const auto a = quantized::read_quantization(node, 1, quantized::byte_element(node, 0));
  const auto b = quantized::read_quantization(node, 4, quantized::byte_element(node, 3));
  const auto y = quantized::read_result(node, 6);
  if (a.element != b.element || a.element != y.element) node.fail("inputs and result must be of one type");
  return make_counted<QuantizedPairLayer>(quantized::PairNumbers(product, a, b, y), y.element);
}

}  // namespace weir::detail
