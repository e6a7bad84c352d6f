/// ConvTranspose: one or two spatial dimensions, groups, dilations, any padding.
#pragma once
#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>
#include <weir/core/kernels/conv_transpose.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/window.hpp>

namespace weir::detail {

/// x [N, C, L] or [N, C, H, W]; see core/kernels/conv_transpose.hpp.
class ConvTransposeLayer final : public RunnableLayer {
 public:
  /// How long y is along an axis: given (length), else what the window makes and `more`.
  struct Target {
    std::int64_t more = 0;
    std::optional<std::int64_t> length;
  };

  /// weights [in, out / groups, kernel...], bias [out] or empty; targets: of height and width.
  ConvTransposeLayer(Window window, std::array<Target, 2> targets, std::int64_t in_channels, std::int64_t out_channels,
                     std::int64_t groups, SharedFloats weights, SharedFloats bias)
      : window_(window),
        targets_(targets),
        in_(in_channels),
        out_(out_channels),
        groups_(groups),
        weights_(std::move(weights)),
        bias_(std::move(bias)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {window_.from_image(output_image(inputs[0]), inputs[0])};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    conv_transpose(context, params(inputs[0].shape), {inputs[0].data, window_.as_image(inputs[0].shape)},
                   weights_.data(), bias_.size() == 0 ? nullptr : bias_.data(),
                   {outputs[0].data, window_.as_image(outputs[0].shape)}, workspace);
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 1); }
  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    return conv_transpose_workspace_floats(context, params(inputs[0]), output_image(inputs[0]));
  }
  double flops(std::span<const Shape> inputs) const override {
    return 2.0 * static_cast<double>(inputs[0].numel()) * static_cast<double>(out_ / groups_) *
           static_cast<double>(window_.axes[0].kernel * window_.axes[1].kernel);
  }
  double parameter_floats() const override { return static_cast<double>(weights_.size() + bias_.size()); }

 private:
  /// Length that y has with these paddings.
  static std::int64_t length(const kernels::WindowAxis& a, const Target& t, std::int64_t from) {
    return a.stride * (from - 1) + t.more + a.extent() - a.pad_begin - a.pad_end;
  }

  /// Paddings so that y has its length. What is odd of them lies behind (SAME_UPPER) or in front. SAME does
  /// not lengthen y where windows leave gaps, as in ONNX Runtime.
  kernels::ConvTransposeParams params(const Shape& x) const {
    const Shape image = window_.as_image(x);
    if (image[1] != in_) throw ShapeError(detail::message({"expects ", in_, " channels, got ", x.to_string()}));
    kernels::ConvTransposeParams p{in_, out_, groups_, window_.axes[0], window_.axes[1]};
    const bool same = window_.auto_pad == AutoPad::same_upper || window_.auto_pad == AutoPad::same_lower;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::int64_t from = image[2 + i];
      if (from < 1 || from > Window::limit)
        throw ShapeError(detail::message({"cannot be computed of ", x.to_string()}));
      kernels::WindowAxis& a = i == 0 ? p.h : p.w;
      Target t = targets_[i];
      if (!same && !t.length) continue;
      a.pad_begin = a.pad_end = 0;
      if (!t.length) t.length = std::min(from * a.stride, length(a, t, from));
      // What no window reaches may lie behind, less than a stride of it.
      if (*t.length - a.extent() >= from * a.stride)
        throw ShapeError(detail::message(
            {"output_shape asks for ", *t.length, " elements along an axis that has ", length(a, t, from)}));
      const std::int64_t all = length(a, t, from) - *t.length, pads = std::max<std::int64_t>(all, 0);
      a.pad_begin = window_.auto_pad == AutoPad::same_upper ? pads / 2 : pads - pads / 2;
      a.pad_end = all - a.pad_begin;
    }
    return p;
  }
  Shape output_image(const Shape& x) const {
    const kernels::ConvTransposeParams p = params(x);
    const Shape image = window_.as_image(x);
    const std::int64_t h = length(p.h, targets_[0], image[2]), w = length(p.w, targets_[1], image[3]);
    if (h < 1 || w < 1) throw ShapeError(detail::message({"paddings cut off more than ", x.to_string(), " gives"}));
    return {image[0], out_, h, w};
  }

  Window window_;
  std::array<Target, 2> targets_;
  std::int64_t in_, out_, groups_;
  SharedFloats weights_, bias_;
};

inline LayerPtr make_conv_transpose(const NodeArguments& node) {
  node.expect_inputs(2, 3);
  const SharedFloats& weights = node.constant_floats(1);
  const Shape& shape = node.constant(1)->shape;
  if (shape.rank() != 3 && shape.rank() != 4)
    node.fail(detail::message({"weights ", shape.to_string(), " are not supported"}));
  const Window window = Window::read(node, {shape.begin() + 2, shape.end()}, true, false);
  const std::int64_t groups = node.integer("group", 1), in = shape[0];
  if (groups < 1 || in < 1 || shape[1] < 1 || in % groups != 0)
    node.fail(detail::message({"group ", groups, " does not divide weights ", shape.to_string()}));
  if (groups > Window::limit || shape[1] > Window::limit || in > Window::limit) node.fail("too many channels");
  const std::int64_t out = shape[1] * groups;
  SharedFloats bias;
  if (node.has_input(2)) {
    bias = node.constant_floats(2);
    if (node.constant(2)->shape != Shape{out})
      node.fail(detail::message({"bias does not fit weights ", shape.to_string()}));
  }
  const std::size_t rank = shape.rank() - 2;
  std::array<ConvTransposeLayer::Target, 2> targets;
  const auto read = [&](const char* name, std::int64_t low, const auto& set) {
    const std::vector<std::int64_t> values = node.integers(name);
    if (!values.empty() && values.size() != rank)
      node.fail(detail::message({"attribute ", name, " has the wrong length"}));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] < low || values[i] > Window::limit)
        node.fail(detail::message({"attribute ", name, " may not hold ", values[i]}));
      set(targets[rank == 1 ? 1 : i], values[i]);
    }
  };
  read("output_padding", 0, [](auto& target, std::int64_t v) { target.more = v; });
  read("output_shape", 1, [](auto& target, std::int64_t v) { target.length = v; });
  for (std::size_t i = 0; i < 2; ++i)
    if (targets[i].more > 0 && targets[i].more >= std::max(window.axes[i].stride, window.axes[i].dilation))
      node.fail("attribute output_padding must be below stride or dilation");
  return make_counted<ConvTransposeLayer>(window, targets, in, out, groups, weights, std::move(bias));
}

}  // namespace weir::detail
