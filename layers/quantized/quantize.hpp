/// QuantizeLinear and DequantizeLinear.
#pragma once
#include <memory>
#include <weir/core/kernels/quantized/elementwise.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/quantized/numbers.hpp>

namespace weir::detail {

/// Scales and zero points: one of each, or one for each position along an axis.
struct QuantizedAxis {
  std::vector<float> scale;
  std::vector<std::int32_t> zero;
  std::int64_t axis = 1;

  bool each() const { return scale.size() > 1 || zero.size() > 1; }
  float scale_at(std::size_t i) const { return scale[scale.size() == 1 ? 0 : i]; }
  std::int32_t zero_at(std::size_t i) const { return zero[zero.size() == 1 ? 0 : i]; }

  void check(const Shape& x) const {
    if (!each()) return;
    const auto length = static_cast<std::size_t>(x[checked_axis(axis, x.rank())]);
    if ((scale.size() != 1 && scale.size() != length) || (zero.size() != 1 && zero.size() != length))
      throw ShapeError(detail::message({scale.size(), " scales along axis ", axis, " of ", x.to_string()}));
  }
  /// f(first number, how many, scale, zero) for each stretch that has one scale, of a tensor of n numbers.
  template <class F>
  void for_each(const Context& context, const Shape& x, std::int64_t n, const F& f) const {
    if (!each())
      return quantized::share_numbers(
          context, n, [&](std::int64_t first, std::int64_t last) { f(first, last - first, scale[0], zero[0]); });
    const std::size_t at = checked_axis(axis, x.rank());
    const std::int64_t inner = x.product(at + 1, x.rank()), pieces = x.product(0, at + 1);
    for (std::int64_t p = 0; p < pieces; ++p) {
      const auto i = static_cast<std::size_t>(p % x[at]);
      f(p * inner, inner, scale_at(i), zero_at(i));
    }
  }
};

/// y = saturate(round(x / scale) + zero), or x = (y - zero) * scale: reads and writes one layout.
template <bool to_integers>
class QuantizeLayer final : public RunnableLayer {
 public:
  QuantizeLayer(QuantizedAxis numbers, Element element) : numbers_(std::move(numbers)), element_(element) {}

  std::optional<Element> output_element(std::size_t) const override {
    return to_integers ? element_ : Element::float32;
  }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    numbers_.check(inputs[0]);
    return {inputs[0]};
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override {
    const ExamplesQuery first{q.shapes.first(1), q.inputs.first(1), q.output, q.which};
    return examples::broadcast(first);
  }
  std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (given[0] == Layout::plain || numbers_.each()) return std::nullopt;
    auto layer = make_counted<QuantizeLayer>(*this);
    layer->layout_ = Layout::blocked;
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = Layout::blocked;
    return Blocked{std::move(layer), std::move(layouts), Layout::blocked};
  }
  std::optional<RowWindow> row_window(std::span<const Shape> inputs, std::size_t i) const override {
    return i == 0 && inputs[0].rank() == 4 && !numbers_.each() ? std::optional(RowWindow{}) : std::nullopt;
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    numbers_.for_each(context, x, floats_of(x, layout_, context.isa()),
                      [&](std::int64_t first, std::int64_t n, float scale, std::int32_t zero) {
                        part(context.isa(), inputs[0].data, first, n, scale, zero, outputs[0].data);
                      });
  }
  void forward_rows(const Context& context, std::span<const Shape> shapes, std::span<const RowsView> inputs,
                    const RowsView& output, RowRange y, bool, float*) const override {
    const std::int64_t L = layout_ == Layout::blocked ? lanes(context.isa()) : 1;
    for (std::int64_t plane = 0; plane < round_up(shapes[0][1], L) / L; ++plane)
      for (std::int64_t r = y.first; r < y.last; ++r)
        part(context.isa(), inputs[0].row(plane, r), 0, shapes[0][3] * L, numbers_.scale[0], numbers_.zero[0],
             output.row(plane, r));
  }

 private:
  void part(Isa isa, const float* x, std::int64_t first, std::int64_t n, float scale, std::int32_t zero,
            float* y) const {
    const bool is_signed = element_ == Element::int8;
    if constexpr (to_integers) {
      quantized::quantize(isa, x + first, n, scale, quantized::Rounding({scale, zero, element_}), is_signed,
                          reinterpret_cast<std::uint8_t*>(y) + first);
    } else if (element_ == Element::int32) {
      const auto* in = reinterpret_cast<const std::int32_t*>(x);
      for (std::int64_t i = first; i < first + n; ++i) y[i] = static_cast<float>(std::int64_t{in[i]} - zero) * scale;
    } else {
      quantized::dequantize(isa, reinterpret_cast<const std::uint8_t*>(x) + first, n, scale, static_cast<float>(zero),
                            is_signed, y + first);
    }
  }

  QuantizedAxis numbers_;
  Element element_;
  Layout layout_ = Layout::plain;
};

inline QuantizedAxis read_axis(const NodeArguments& node, Element element) {
  QuantizedAxis q;
  q.scale = quantized::read_scales(node, 1);
  q.zero = quantized::read_zeros(node, 2, element);
  if (node.opset >= 13) q.axis = node.integer("axis", 1);
  if (node.opset >= 21 && node.integer("block_size", 0) != 0) node.fail("blocks of scales are not supported");
  if (q.scale.empty() || q.zero.empty() || (node.has_input(2) && q.zero.size() != q.scale.size()))
    node.fail(detail::message({q.zero.size(), " zero points for ", q.scale.size(), " scales"}));
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}})
    if (node.has_input(i) && node.constant(i)->shape.rank() > 1) node.fail("scales must be one, or a list");
  return q;
}

inline LayerPtr make_quantize_linear(const NodeArguments& node) {
  node.expect_inputs(2, 3);
  if (node.type(0) != ElementType::real) node.fail("input 0 must hold floats");
  Element element = node.has_input(2) ? quantized::byte_element(node, 2) : Element::uint8;
  if (node.opset >= 19) (void)node.integer_in("saturate", 1, 0, 1);  // of floats of 8 bits
  if (node.opset >= 21) {
    const std::int64_t type = node.integer("output_dtype", 0);
    if (type != 0 && type != 2 && type != 3) node.fail(detail::message({"attribute output_dtype may not be ", type}));
    if (type != 0 && node.has_input(2) && element != (type == 3 ? Element::int8 : Element::uint8))
      node.fail("attribute output_dtype is of another type than its zero point");
    if (type != 0 && !node.has_input(2)) element = type == 3 ? Element::int8 : Element::uint8;
  }
  return make_counted<QuantizeLayer<true>>(read_axis(node, element), element);
}

inline LayerPtr make_dequantize_linear(const NodeArguments& node) {
  node.expect_inputs(2, 3);
  const Element element = quantized::element_of(node, 0);
  if (element == Element::float32) node.fail("input 0 must hold uint8, int8 or int32");
  QuantizedAxis q = read_axis(node, element);
  if (element == Element::int32)
    for (const std::int32_t z : q.zero)
      if (z != 0) node.fail("the zero point of int32 may only be 0");
  return make_counted<QuantizeLayer<false>>(std::move(q), element);
}

}  // namespace weir::detail
