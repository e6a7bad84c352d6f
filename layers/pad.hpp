/// Pad: constant, reflected or repeated edges; negative pads cut.
#pragma once
#include <algorithm>
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/conv.hpp>

namespace weir::detail {

class PadLayer final : public RunnableLayer {
 public:
  enum class Mode { constant, reflect, edge, wrap };

  /// pads: begin of each axis, then end of each; axes: which ones, all if empty.
  PadLayer(Mode mode, std::vector<std::int64_t> pads, std::vector<std::int64_t> axes, float value)
      : mode_(mode), pads_(std::move(pads)), axes_(std::move(axes)), value_(value) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    const Pads p = pads_for(x);
    Shape y = x;
    for (std::size_t i = 0; i < x.rank(); ++i) {
      const std::int64_t kept = kept_of(p, i, x[i]).length;
      if (mode_ == Mode::reflect &&
          (p.begin[i] > std::max<std::int64_t>(kept - 1, 0) || p.end[i] > std::max<std::int64_t>(kept - 1, 0)))
        throw ShapeError(detail::message({"cannot reflect more than axis ", i, " of ", x.to_string(), " holds"}));
      if (mode_ != Mode::constant && kept == 0)
        throw ShapeError(detail::message({"cannot pad from the empty ", x.to_string()}));
      y = y.with(i, x[i] + p.begin[i] + p.end[i]);
    }
    return {y};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const ConstView x = inputs[0];
    const View y = outputs[0];
    const Pads p = pads_for(x.shape);
    if (mode_ == Mode::constant) return copy_inside(context, x, y, p);
    const kernels::Strides from = kernels::dense_strides(x.shape), to = kernels::dense_strides(y.shape);
    for (std::int64_t i = 0, n = y.shape.numel(); i < n; ++i) {
      std::int64_t at = 0;
      for (std::size_t d = 0; d < x.shape.rank(); ++d) {
        const Kept kept = kept_of(p, d, x.shape[d]);
        const std::int64_t place = i / to[d] % y.shape[d] - std::max<std::int64_t>(p.begin[d], 0);
        at += from[d] * (kept.first + source(place, kept.length));
      }
      y.data[i] = x.data[at];
    }
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override {
    const Examples& x = q.inputs[0];
    if (x.kind != Examples::Kind::apart) return x;
    const Pads p = pads_for(q.shapes[0].at(2));
    return p.begin[x.axis] == 0 && p.end[x.axis] == 0 ? examples::at(q, 0, x.axis) : Examples::mixed();
  }

  /// A convolution behind zero padding pads by itself.
  std::optional<Fused> absorb(const Layer& next, std::size_t position) const override {
    const auto* conv = dynamic_cast<const ConvLayer*>(&next);
    if (conv == nullptr || position != 0 || mode_ != Mode::constant || value_ != 0.0F) return std::nullopt;
    const std::size_t spatial = conv->spatial_rank(), rank = spatial + 2;
    if (axes_.empty() && pads_.size() != 2 * rank) return std::nullopt;
    const Pads p = pads_for_rank(rank);
    std::array<std::int64_t, 2> begin{}, end{};
    for (std::size_t i = 0; i < rank; ++i) {
      if (p.begin[i] < 0 || p.end[i] < 0 || (i < 2 && (p.begin[i] > 0 || p.end[i] > 0))) return std::nullopt;
      if (i < 2) continue;
      begin[i - spatial] = p.begin[i];
      end[i - spatial] = p.end[i];
    }
    if (auto layer = conv->padded(begin, end)) return Fused{std::move(layer), std::nullopt};
    return std::nullopt;
  }

 private:
  struct Pads {
    kernels::Strides begin{}, end{};
  };

  Pads pads_for(const Shape& x) const {
    if (axes_.empty() && pads_.size() != 2 * x.rank())
      throw ShapeError(detail::message({pads_.size(), " pads do not fit ", x.to_string()}));
    const Pads p = pads_for_rank(x.rank());
    for (std::size_t i = 0; i < x.rank(); ++i)
      if (x[i] + std::min<std::int64_t>(p.begin[i], 0) + std::min<std::int64_t>(p.end[i], 0) < 0)
        throw ShapeError(detail::message({"pads cut more than ", x.to_string(), " holds"}));
    return p;
  }
  Pads pads_for_rank(std::size_t rank) const {
    Pads p;
    const std::size_t n = pads_.size() / 2;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t axis = axes_.empty() ? i : checked_axis(axes_[i], rank);
      p.begin[axis] = pads_[i];
      p.end[axis] = pads_[n + i];
    }
    return p;
  }

  /// What negative pads leave of an axis. The other pads are made of that.
  struct Kept {
    std::int64_t first, length;
  };
  static Kept kept_of(const Pads& p, std::size_t axis, std::int64_t length) {
    const std::int64_t first = std::max<std::int64_t>(-p.begin[axis], 0);
    return {first, length - first + std::min<std::int64_t>(p.end[axis], 0)};
  }

  /// Which element of an axis stands at place i, outside of 0..length-1 too.
  std::int64_t source(std::int64_t i, std::int64_t length) const {
    if (mode_ == Mode::edge) return std::clamp<std::int64_t>(i, 0, length - 1);
    if (mode_ == Mode::wrap) return ((i % length) + length) % length;
    i = i < 0 ? -i : i;
    return i < length ? i : 2 * (length - 1) - i;
  }

  void copy_inside(const Context& context, ConstView x, View y, const Pads& p) const {
    const kernels::Strides from = kernels::dense_strides(x.shape), to = kernels::dense_strides(y.shape);
    Shape inside = x.shape;
    std::int64_t at_x = 0, at_y = 0;
    for (std::size_t i = 0; i < x.shape.rank(); ++i) {
      inside = inside.with(i, x.shape[i] + std::min<std::int64_t>(p.begin[i], 0) + std::min<std::int64_t>(p.end[i], 0));
      at_x += from[i] * std::max<std::int64_t>(-p.begin[i], 0);
      at_y += to[i] * std::max<std::int64_t>(p.begin[i], 0);
    }
    std::fill_n(y.data, y.size(), value_);
    kernels::strided_copy(context, inside, x.data + at_x, from, y.data + at_y, to);
  }

  Mode mode_;
  std::vector<std::int64_t> pads_, axes_;
  float value_;
};

/// Pads and value are attributes before opset 11, inputs since; axes came with opset 18. Mode wrap, of opset 19, is one
/// in every opset to ONNX Runtime.
inline LayerPtr make_pad(const NodeArguments& node) {
  std::vector<std::int64_t> pads, axes;
  float value = 0;
  if (node.opset < 11) {
    node.expect_inputs(1, 1);
    pads = node.integers("pads");
    value = node.real("value", 0);
  } else {
    node.expect_inputs(2, node.opset < 18 ? 3 : 4);
    pads = node.constant_list(1);
    value = node.scalar_input(2, 0);
    if (node.has_input(3)) axes = node.constant_list(3);
  }
  if (pads.size() % 2 != 0 || pads.size() > 2 * Shape::max_rank || (!axes.empty() && pads.size() != 2 * axes.size()))
    node.fail("has the wrong number of pads");
  for (std::int64_t p : pads)
    if (p < -Window::limit || p > Window::limit) node.fail(detail::message({"a pad may not be ", p}));
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (std::count(axes.begin(), axes.end(), axes[i]) > 1) node.fail("an axis occurs twice");
  const std::string mode = node.text("mode", "constant");
  using Mode = PadLayer::Mode;
  for (const auto& [name, value_of] :
       {std::pair{"constant", Mode::constant}, {"reflect", Mode::reflect}, {"edge", Mode::edge}, {"wrap", Mode::wrap}})
    if (mode == name) return make_counted<PadLayer>(value_of, std::move(pads), std::move(axes), value);
  node.fail(detail::message({"attribute mode may not be '", mode, "'"}));
}

}  // namespace weir::detail
