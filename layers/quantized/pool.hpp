/// MaxPool of 8-bit tensors, QLinearAveragePool and QLinearGlobalAveragePool.
#pragma once
#include <memory>
#include <weir/core/kernels/quantized/pool.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/window.hpp>
#include <weir/layers/pool.hpp>
#include <weir/layers/quantized/numbers.hpp>

namespace weir::detail {

/// The largest, or the mean, of each window; the mean may have another scale and zero point.
class QuantizedPoolLayer final : public RunnableLayer {
 public:
  QuantizedPoolLayer(Window window, bool average, bool count_include_pad, quantized::Quantization x,
                     quantized::Quantization y)
      : window_(window), average_(average), count_include_pad_(count_include_pad), x_(x), y_(y) {}

  std::optional<Element> output_element(std::size_t) const override { return y_.element; }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 2); }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {window_.from_image(params(inputs[0]).output_shape(window_.as_image(inputs[0])), inputs[0])};
  }
  std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (given[0] == Layout::plain) return std::nullopt;
    auto layer = make_counted<QuantizedPoolLayer>(*this);
    layer->layout_ = Layout::blocked;
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = Layout::blocked;
    return Blocked{std::move(layer), std::move(layouts), Layout::blocked};
  }
  std::optional<RowWindow> row_window(std::span<const Shape> inputs, std::size_t i) const override {
    if (i != 0 || layout_ != Layout::blocked || window_.spatial_rank != 2) return std::nullopt;
    const kernels::WindowAxis h = params(inputs[0]).h;
    return RowWindow{h.stride, h.extent(), h.pad_begin};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape x = window_.as_image(inputs[0].shape), y = window_.as_image(outputs[0].shape);
    const kernels::PoolParams p = params(inputs[0].shape);
    const std::int64_t L = layout_ == Layout::blocked ? lanes(context.isa()) : 1;
    const std::int64_t planes = x[0] * (round_up(x[1], L) / L);
    const auto* from = reinterpret_cast<const std::uint8_t*>(inputs[0].data);
    auto* to = reinterpret_cast<std::uint8_t*>(outputs[0].data);
    const double operations = flops(std::span(&inputs[0].shape, 1));
    kernels::share(context.pool(), planes, operations, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      for (std::int64_t plane = first; plane < last; ++plane)
        rows(
            p, L, x, y, {0, y[2]}, [&](std::int64_t r) { return from + (plane * x[2] + r) * x[3] * L; },
            [&](std::int64_t r) { return to + (plane * y[2] + r) * y[3] * L; });
    });
  }
  void forward_rows(const Context& context, std::span<const Shape> shapes, std::span<const RowsView> inputs,
                    const RowsView& output, RowRange some, bool, float*) const override {
    const Shape x = shapes[0], y = params(x).output_shape(x);
    const std::int64_t L = lanes(context.isa());
    for (std::int64_t plane = 0; plane < round_up(x[1], L) / L; ++plane)
      rows(
          params(x), L, x, y, some,
          [&](std::int64_t r) { return reinterpret_cast<const std::uint8_t*>(inputs[0].row(plane, r)); },
          [&](std::int64_t r) { return reinterpret_cast<std::uint8_t*>(output.row(plane, r)); });
  }
  double flops(std::span<const Shape> inputs) const override {
    const kernels::PoolParams p = params(inputs[0]);
    return static_cast<double>(output_shapes(inputs)[0].numel()) * static_cast<double>(p.h.kernel) *
           static_cast<double>(p.w.kernel);
  }

 private:
  kernels::PoolParams params(const Shape& x) const {
    const Window w = window_.padded_for(x);
    return {w.axes[0], w.axes[1], w.ceil_mode, count_include_pad_};
  }

  template <class X, class Y>
  void rows(const kernels::PoolParams& p, std::int64_t L, const Shape& x, const Shape& y, RowRange some, const X& from,
            const Y& to) const {
    if (!average_) return quantized::pool_max_rows(L, p, x[2], x[3], y[3], some, x_.element == Element::int8, from, to);
    const auto begin = [](const kernels::WindowAxis& a, std::int64_t i) { return i * a.stride - a.pad_begin; };
    // Positions that count: within the image, or within it and its padding.
    const auto counted = [&](const kernels::WindowAxis& a, std::int64_t first, std::int64_t length) {
      std::int64_t n = 0;
      for (std::int64_t k = 0; k < a.kernel; ++k) {
        const std::int64_t at = first + k * a.dilation;
        n += p.count_include_pad ? at < length + a.pad_end : at >= 0 && at < length;
      }
      return n;
    };
    for (std::int64_t i = some.first; i < some.last; ++i)
      for (std::int64_t j = 0; j < y[3]; ++j) {
        const std::int64_t top = begin(p.h, i), left = begin(p.w, j);
        const std::int64_t count = counted(p.h, top, x[2]) * counted(p.w, left, x[3]);
        quantized::average(
            x_, y_, L, std::max<std::int64_t>(count, 1),
            [&](const auto& add) {
              for (std::int64_t h = top; h < top + p.h.extent(); h += p.h.dilation)
                for (std::int64_t w = left; w < left + p.w.extent(); w += p.w.dilation)
                  if (h >= 0 && h < x[2] && w >= 0 && w < x[3]) add(from(h) + w * L);
            },
            to(i) + j * L);
      }
  }

  Window window_;
  bool average_, count_include_pad_;
  quantized::Quantization x_, y_;
  Layout layout_ = Layout::plain;
};

/// The mean of all pixels of each channel: [N, C, ...] -> [N, C, 1, ...].
class QuantizedGlobalPoolLayer final : public RunnableLayer {
 public:
  QuantizedGlobalPoolLayer(quantized::Quantization x, quantized::Quantization y) : x_(x), y_(y) {}

  std::optional<Element> output_element(std::size_t) const override { return y_.element; }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 2); }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    Shape y = inputs[0];
    if (y.rank() < 3) throw ShapeError(detail::message({"expects [N, C, ...], got ", y.to_string()}));
    if (y.product(2, y.rank()) < 1) throw ShapeError("an image without pixels has no mean");
    if (y.product(2, y.rank()) > max_pixels)
      throw ShapeError(detail::message({"the sum of ", y.to_string(), " may not fit into 32 bits"}));
    for (std::size_t i = 2; i < y.rank(); ++i) y = y.with(i, 1);
    return {y};
  }
  std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (given[0] == Layout::plain) return std::nullopt;
    auto layer = make_counted<QuantizedGlobalPoolLayer>(*this);
    layer->layout_ = Layout::blocked;
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = Layout::blocked;
    return Blocked{std::move(layer), std::move(layouts), Layout::blocked};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    const std::int64_t L = layout_ == Layout::blocked ? lanes(context.isa()) : 1;
    const std::int64_t planes = x[0] * (round_up(x[1], L) / L), pixels = x.product(2, x.rank());
    const auto* from = reinterpret_cast<const std::uint8_t*>(inputs[0].data);
    auto* to = reinterpret_cast<std::uint8_t*>(outputs[0].data);
    kernels::share(context.pool(), planes, static_cast<double>(planes * pixels * L),
                   [&](std::int64_t, std::int64_t first, std::int64_t last) {
                     for (std::int64_t p = first; p < last; ++p)
                       quantized::average(
                           x_, y_, L, pixels,
                           [&](const auto& add) {
                             for (std::int64_t k = 0; k < pixels; ++k) add(from + (p * pixels + k) * L);
                           },
                           to + p * L);
                   });
  }

 private:
  static constexpr std::int64_t max_pixels = 1 << 23;

  quantized::Quantization x_, y_;
  Layout layout_ = Layout::plain;
};

/// Of floats, or of uint8 and int8.
inline LayerPtr make_any_max_pool(const NodeArguments& node) {
  if (node.type(0) != ElementType::uint8 && node.type(0) != ElementType::int8) return make_max_pool(node);
  node.expect_inputs(1, 1);
  if (node.opset < 12) node.fail("of 8-bit integers, the operator came with opset 12");
  if (!node.has_attribute("kernel_shape")) node.fail("attribute kernel_shape is missing");
  (void)node.integer_in("storage_order", 0, 0, 1);  // of indices
  const quantized::Quantization same{1, 0, quantized::byte_element(node, 0)};
  return make_counted<QuantizedPoolLayer>(Window::read(node, {}, true, true), false, false, same, same);
}

/// X, x_scale, x_zero_point, y_scale, y_zero_point; channels in front only.
inline std::pair<quantized::Quantization, quantized::Quantization> read_in_and_out(const NodeArguments& node) {
  node.expect_inputs(2, 5);
  if (!node.has_input(3)) node.fail("input 3 is missing");
  const auto x = quantized::read_quantization(node, 1, quantized::byte_element(node, 0));
  const quantized::Quantization y{quantized::read_scale(node, 3), quantized::read_zero(node, 4, x.element), x.element};
  return {x, y};
}

inline LayerPtr make_qlinear_average_pool(const NodeArguments& node) {
  const auto [x, y] = read_in_and_out(node);
  if (node.integer("channels_last", 0) != 0) node.fail("channels_last is not supported");
  if (!node.has_attribute("kernel_shape")) node.fail("attribute kernel_shape is missing");
  const Window window = Window::read(node, {}, node.opset >= 19, true);
  if (window.axes[0].kernel * window.axes[1].kernel > (1 << 23))
    node.fail("the sum of a window may not fit into 32 bits");
  return make_counted<QuantizedPoolLayer>(window, true, node.integer_in("count_include_pad", 0, 0, 1) == 1, x, y);
}

inline LayerPtr make_qlinear_global_average_pool(const NodeArguments& node) {
  const auto [x, y] = read_in_and_out(node);
  if (node.integer("channels_last", 0) != 0) node.fail("channels_last is not supported");
  return make_counted<QuantizedGlobalPoolLayer>(x, y);
}

}  // namespace weir::detail
