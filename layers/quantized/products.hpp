/// What convolutions and matrix products of 8-bit integers share: their sizes, reading their weights, packing them.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/kernels/quantized/conv.hpp>
#include <weir/layers/attributes/window.hpp>
#include <weir/layers/quantized/numbers.hpp>

namespace weir::quantized {

/// A convolution of in_channels to out_channels.
struct ConvSizes {
  detail::Window window;
  std::int64_t in_channels, out_channels, groups;

  /// For images of x's size.
  kernels::Conv2dParams params(const Shape& x) const {
    const detail::Window w = window.grown_for(x);
    const kernels::WindowAxis &h = w.axes[0], &v = w.axes[1];
    return {in_channels, out_channels, groups,      h.kernel,    v.kernel,  h.stride, v.stride,
            h.dilation,  v.dilation,   h.pad_begin, v.pad_begin, h.pad_end, v.pad_end};
  }
  Shape output_shape(const Shape& x) const { return window.from_image(params(x).output_shape(window.as_image(x)), x); }
  double flops(const Shape& x) const { return params(x).flops(window.as_image(x)); }

  /// zero_later: as PackedConv's.
  PackedConv pack(const Context& context, const Shape& x, const ConvNumbers& numbers, Source source, bool zero_later,
                  const std::optional<PairNumbers>& sum = std::nullopt) const {
    const auto cut = window.cut_off(x);
    if (cut[0] == 0 && cut[1] == 0)
      return {params(x), numbers, context.isa(), window.as_image(x), source, zero_later, sum};
    ConvNumbers grown = numbers;
    const std::int64_t each = in_channels / groups;
    const std::vector<std::int32_t>& zeros = numbers.weights_zero;
    grown.weights = detail::behind_zeros(
        numbers.weights.data(), out_channels * each, window.grown_for(x), cut, [&](std::int64_t k) {
          return zeros.empty() ? 0 : zeros[zeros.size() == 1 ? 0 : static_cast<std::size_t>(k / each)];
        });
    return {params(x), grown, context.isa(), window.as_image(x), source, zero_later, sum};
  }
};

/// Rows of K channels times a matrix [K, M].
struct MatrixSizes {
  std::int64_t K, M;

  /// Rows of channels that pass the weights at a time.
  static constexpr std::int64_t rows_at_once = 24;

  Shape output_shape(const Shape& x) const {
    if (x.rank() < 2 || x[x.rank() - 1] != K)
      throw ShapeError(detail::message({"a product with weights of [", K, ", ", M, "] does not fit ", x.to_string()}));
    return x.with(x.rank() - 1, M);
  }
  /// Of x.
  std::int64_t rows(const Shape& x) const { return x.numel() / K; }
  double flops(const Shape& x) const { return 2.0 * static_cast<double>(x.numel()) * static_cast<double>(M); }
  /// zero_later: as PackedConv's.
  std::shared_ptr<const PackedConv> pack(const Context& context, const ConvNumbers& numbers, bool zero_later) const {
    kernels::Conv2dParams p;
    p.in_channels = K, p.out_channels = M;
    return std::make_shared<PackedConv>(p, numbers, context.isa(), Shape{1, K, 1, rows_at_once}, Source::rows,
                                        zero_later);
  }
};

/// Fails unless every sum of products fits into 32 bits.
inline void check_sums(const NodeArguments& node, const ConvNumbers& n, std::int64_t M, std::int64_t depth) {
  if (const auto m = n.overflowing(M, depth))
    node.fail(detail::message({"the sum of output channel ", *m, " may not fit into 32 bits"}));
}

/// Weights of a convolution, input i, and its attributes. depth: terms of a sum.
inline ConvSizes read_conv(const NodeArguments& node, std::size_t i, ConvNumbers& n, std::int64_t& depth) {
  n.weights = read_weights(node, i);
  const Shape shape = node.constant(i)->shape;
  if (shape.rank() != 3 && shape.rank() != 4)
    node.fail(detail::message({"weights ", shape.to_string(), " are not supported"}));
  const detail::Window window = detail::Window::read(node, {shape.begin() + 2, shape.end()}, true, false);
  const std::int64_t groups = node.integer("group", 1), M = shape[0];
  if (groups < 1 || M < 1 || shape[1] < 1 || M % groups != 0)
    node.fail(detail::message({"group ", groups, " does not divide weights ", shape.to_string()}));
  if (groups > detail::Window::limit || shape[1] > detail::Window::limit || M > detail::Window::limit)
    node.fail("too many channels");
  depth = shape.product(1, shape.rank());
  return {window, shape[1] * groups, M, groups};
}

/// Weights [K, M], or [M, K] where they are transposed, as a convolution's [M, K].
inline MatrixSizes read_matrix(const NodeArguments& node, std::size_t i, bool transposed, ConvNumbers& n) {
  const std::vector<std::int32_t> all = read_weights(node, i);
  const Shape& shape = node.constant(i)->shape;
  if (shape.rank() != 2)
    node.fail(detail::message({"weights ", shape.to_string(), " are not supported, only matrices"}));
  const std::int64_t K = shape[transposed ? 1 : 0], M = shape[transposed ? 0 : 1];
  if (K < 1 || M < 1 || K > detail::Window::limit || M > detail::Window::limit)
    node.fail(detail::message({"weights ", shape.to_string(), " are not supported"}));
  n.weights.resize(all.size());
  for (std::int64_t m = 0; m < M; ++m)
    for (std::int64_t k = 0; k < K; ++k)
      n.weights[static_cast<std::size_t>(m * K + k)] =
          all[static_cast<std::size_t>(transposed ? m * K + k : k * M + m)];
  return {K, M};
}

/// Scales, input i, and zero points, input i + 1, of the weights, input i - 1: one, or one for each of M channels.
inline void read_weights_quantization(const NodeArguments& node, std::size_t i, std::int64_t M, ConvNumbers& n) {
  n.weights_scale = read_scales(node, i);
  n.weights_zero = read_zeros(node, i + 1, byte_element(node, i - 1));
  one_or_each(node, n.weights_scale, M, "scales");
  one_or_each(node, n.weights_zero, M, "zero points");
}

}  // namespace weir::quantized
