/// QLinearConv, QLinearMatMul, QGemm, ConvInteger, MatMulInteger: sums of products of 8-bit integers.
#pragma once
#include <memory>
#include <weir/core/kernels/quantized/convert.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/window.hpp>
#include <weir/layers/quantized/numbers.hpp>

namespace weir {

/// QLinearConv packed for a context and images of one size.
class PackedQuantizedConvLayer final : public RunnableLayer {
 public:
  PackedQuantizedConvLayer(Window window, quantized::PackedConv packed, Element y, double parameters)
      : window_(window), packed_(std::move(packed)), y_(y), parameters_(parameters) {}

  std::optional<Element> output_element(std::size_t) const override { return y_; }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {window_.from_image(packed_.params().output_shape(window_.as_image(inputs[0])), inputs[0])};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    packed_.run(context, inputs[0].data, outputs[0].data, inputs[0].shape[0], workspace);
  }
  std::optional<RowWindow> row_window(std::span<const Shape>, std::size_t i) const override {
    return window_.spatial_rank == 2 && i == 0 ? std::optional(packed_.row_window()) : std::nullopt;
  }
  void forward_rows(const Context&, std::span<const Shape>, std::span<const RowsView> inputs, const RowsView& output,
                    RowRange y, bool, float* workspace) const override {
    packed_.run_rows(quantized::PackedConv::image(inputs[0]), quantized::PackedConv::image(output), y, workspace);
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape>) const override {
    return kernels::workspaces_floats(context.threads(), packed_.workspace_floats());
  }
  double flops(std::span<const Shape> inputs) const override {
    return packed_.params().flops(window_.as_image(inputs[0]));
  }
  std::string algorithm() const override { return "int8 tiles"; }
  double parameter_floats() const override { return parameters_; }

 private:
  Window window_;
  quantized::PackedConv packed_;
  Element y_;
  double parameters_;  ///< floats as many as take the packed weights' bytes
};

/// y = QLinearConv(x); see quantized::ConvNumbers. Only a description; blocked() makes it runnable.
class QuantizedConvLayer final : public RunnableLayer {
 public:
  QuantizedConvLayer(Window window, std::int64_t in_channels, std::int64_t out_channels, std::int64_t groups,
                     std::shared_ptr<const quantized::ConvNumbers> numbers)
      : window_(window), in_(in_channels), out_(out_channels), groups_(groups), numbers_(std::move(numbers)) {}

  std::optional<Element> output_element(std::size_t) const override { return numbers_->y.element; }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {window_.from_image(params(inputs[0]).output_shape(window_.as_image(inputs[0])), inputs[0])};
  }
  /// Never called on a plan's steps, which are packed; packs, and takes memory, each time.
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const quantized::PackedConv packed = pack(context, inputs[0].shape, quantized::Source::plain);
    Buffer workspace, y;
    workspace.reserve(kernels::workspaces_floats(context.threads(), packed.workspace_floats()));
    y.reserve(static_cast<std::size_t>(floats_of(outputs[0].shape, Layout::blocked, context.isa())));
    packed.run(context, inputs[0].data, y.data(), inputs[0].shape[0], workspace.data());
    convert(context, outputs[0].shape, {y.data(), Layout::blocked, numbers_->y.element},
            {outputs[0].data, Layout::plain, numbers_->y.element});
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 1); }
  double flops(std::span<const Shape> inputs) const override {
    return params(inputs[0]).flops(window_.as_image(inputs[0]));
  }
  std::optional<Blocked> blocked(const Context& context, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    const Shape x = inputs[0].at(1);
    if (inputs[0].depends_on_batch() && !(inputs[0].at(2).with(0, x[0]) == x))
      throw ShapeError("the image size of a convolution depends on the batch size");
    const bool few = given[0] == Layout::plain && in_ < lanes(context.isa());
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = few ? Layout::plain : Layout::blocked;
    const double parameters = static_cast<double>(numbers_->weights.size()) / 2;
    return Blocked{std::make_shared<PackedQuantizedConvLayer>(
                       window_, pack(context, x, few ? quantized::Source::plain : quantized::Source::blocked),
                       numbers_->y.element, parameters),
                   std::move(layouts), Layout::blocked};
  }

 private:
  Conv2dParams params(const Shape& x) const {
    const Window w = window_.padded_for(x, true);
    const WindowAxis &h = w.axes[0], &v = w.axes[1];
    for (const WindowAxis& a : w.axes)
      if (a.pad_begin < 0 || a.pad_end < 0) throw ShapeError("auto_pad would cut the image; not supported here");
    return {in_,        out_,       groups_,     h.kernel,    v.kernel,  h.stride, v.stride,
            h.dilation, v.dilation, h.pad_begin, v.pad_begin, h.pad_end, v.pad_end};
  }
  quantized::PackedConv pack(const Context& context, const Shape& x, quantized::Source source) const {
    return {params(x), *numbers_, context.isa(), window_.as_image(x), source};
  }

  Window window_;
  std::int64_t in_, out_, groups_;
  std::shared_ptr<const quantized::ConvNumbers> numbers_;
};

/// Rows of channels x [..., K] times weights [K, M], both of 8 bits. y is quantised; or, without a scale of y, float:
/// sum * (x.scale * weights_scale[m]).
class QuantizedMatMulLayer final : public RunnableLayer {
 public:
  QuantizedMatMulLayer(std::int64_t K, std::int64_t M, std::shared_ptr<const quantized::ConvNumbers> numbers,
                       bool to_float)
      : K_(K), M_(M), numbers_(std::move(numbers)), to_float_(to_float) {}

  std::optional<Element> output_element(std::size_t) const override {
    return to_float_ ? Element::float32 : numbers_->y.element;
  }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    if (x.rank() < 2 || x[x.rank() - 1] != K_)
      throw ShapeError("a product with weights of [" + std::to_string(K_) + ", " + std::to_string(M_) +
                       "] does not fit " + x.to_string());
    return {x.with(x.rank() - 1, M_)};
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, q.output.rank() - 1); }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  KernelPtr kernel(const Context& context, std::span<const Shape>) const override {
    auto layer = std::make_shared<QuantizedMatMulLayer>(*this);
    layer->pack(context);
    return layer;
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    if (!packed_) return kernel(context, {})->forward(context, inputs, outputs, workspace);
    const std::int64_t rows = inputs[0].shape.numel() / std::max<std::int64_t>(K_, 1);
    if (!to_float_) return packed_->run(context, inputs[0].data, outputs[0].data, rows, workspace);
    auto* sums = reinterpret_cast<std::int32_t*>(outputs[0].data);
    packed_->run_sums(context, inputs[0].data, rows, numbers_->x.zero, sums, workspace);
    for (std::int64_t i = 0; i < rows * M_; ++i)
      outputs[0].data[i] = static_cast<float>(sums[i]) * scale_[static_cast<std::size_t>(i % M_)];
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape>) const override {
    const quantized::PackedConv* p = packed_.get();
    return kernels::workspaces_floats(context.threads(),
                                      p ? p->workspace_floats() : pack_for(context)->workspace_floats());
  }
  double flops(std::span<const Shape> inputs) const override {
    return 2.0 * static_cast<double>(inputs[0].numel()) * static_cast<double>(M_);
  }
  std::string algorithm() const override { return "int8 tiles"; }
  double parameter_floats() const override { return static_cast<double>(K_) * static_cast<double>(M_) / 2; }

 private:
  static constexpr std::int64_t together = 24;  ///< rows that pass the weights at a time

  std::shared_ptr<const quantized::PackedConv> pack_for(const Context& context) const {
    Conv2dParams p;
    p.in_channels = K_, p.out_channels = M_;
    return std::make_shared<quantized::PackedConv>(p, *numbers_, context.isa(), Shape{1, K_, 1, together},
                                                   quantized::Source::rows);
  }
  void pack(const Context& context) {
    packed_ = pack_for(context);
    for (std::int64_t m = 0; m < M_ && to_float_; ++m) scale_.push_back(numbers_->scale(m));
  }

  std::int64_t K_, M_;
  std::shared_ptr<const quantized::ConvNumbers> numbers_;
  bool to_float_;
  std::shared_ptr<const quantized::PackedConv> packed_;
  std::vector<float> scale_;
};

namespace quantized {

/// Fails unless every sum of products fits into 32 bits.
inline void check_sums(const NodeArguments& node, const ConvNumbers& n, std::int64_t M, std::int64_t depth) {
  if (const auto m = n.overflowing(M, depth))
    node.fail("the sum of output channel " + std::to_string(*m) + " may not fit into 32 bits");
}

}  // namespace quantized

/// x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B.
inline LayerPtr make_qlinear_conv(const NodeArguments& node) {
  node.expect_inputs(8, 9);
  auto n = std::make_shared<quantized::ConvNumbers>();
  n->x = quantized::read_quantization(node, 1, quantized::byte_element(node, 0));
  n->weights = quantized::read_weights(node, 3);
  const Shape shape = node.constant(3)->shape;
  if (shape.rank() != 3 && shape.rank() != 4) node.fail("weights " + shape.to_string() + " are not supported");
  const Window window = Window::read(node, {shape.begin() + 2, shape.end()}, true, false);
  const std::int64_t groups = node.integer("group", 1), M = shape[0];
  if (groups < 1 || M < 1 || shape[1] < 1 || M % groups != 0)
    node.fail("group " + std::to_string(groups) + " does not divide weights " + shape.to_string());
  if (groups > Window::limit || shape[1] > Window::limit || M > Window::limit) node.fail("too many channels");
  n->weights_scale = quantized::read_scales(node, 4);
  n->weights_zero = quantized::read_zeros(node, 5, quantized::byte_element(node, 3));
  quantized::one_or_each(node, n->weights_scale, M, "scales");
  quantized::one_or_each(node, n->weights_zero, M, "zero points");
  n->y = quantized::read_result(node, 6);
  n->bias = quantized::read_bias(node, 8, M);
  if (node.integer_in("weir.relu", 0, 0, 1) == 1) n->low = n->y.zero;
  quantized::check_sums(node, *n, M, shape.product(1, shape.rank()));
  return std::make_shared<QuantizedConvLayer>(window, shape[1] * groups, M, groups, std::move(n));
}

namespace quantized {

/// Weights [K, M], or [M, K] where they are transposed, as a convolution's [M, K].
inline void read_matrix(const NodeArguments& node, std::size_t i, bool transposed, ConvNumbers& n, std::int64_t& K,
                        std::int64_t& M) {
  const std::vector<std::int32_t> all = read_weights(node, i);
  const Shape& shape = node.constant(i)->shape;
  if (shape.rank() != 2) node.fail("weights " + shape.to_string() + " are not supported, only matrices");
  K = shape[transposed ? 1 : 0], M = shape[transposed ? 0 : 1];
  if (K < 1 || M < 1 || K > Window::limit || M > Window::limit)
    node.fail("weights " + shape.to_string() + " are not supported");
  n.weights.resize(all.size());
  for (std::int64_t m = 0; m < M; ++m)
    for (std::int64_t k = 0; k < K; ++k)
      n.weights[static_cast<std::size_t>(m * K + k)] =
          all[static_cast<std::size_t>(transposed ? m * K + k : k * M + m)];
}

}  // namespace quantized

/// a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point; b must be a constant matrix.
inline LayerPtr make_qlinear_matmul(const NodeArguments& node) {
  node.expect_inputs(8, 8);
  auto n = std::make_shared<quantized::ConvNumbers>();
  n->x = quantized::read_quantization(node, 1, quantized::byte_element(node, 0));
  std::int64_t K = 0, M = 0;
  quantized::read_matrix(node, 3, false, *n, K, M);
  n->weights_scale = quantized::read_scales(node, 4);
  n->weights_zero = quantized::read_zeros(node, 5, quantized::byte_element(node, 3));
  quantized::one_or_each(node, n->weights_scale, M, "scales");
  quantized::one_or_each(node, n->weights_zero, M, "zero points");
  n->y = quantized::read_result(node, 6);
  quantized::check_sums(node, *n, M, K);
  return std::make_shared<QuantizedMatMulLayer>(K, M, std::move(n), false);
}

/// A, a_scale, a_zero_point, B, b_scale, b_zero_point, C, y_scale, y_zero_point; without y_scale, y is float.
inline LayerPtr make_qgemm(const NodeArguments& node) {
  node.expect_inputs(6, 9);
  if (node.integer_in("transA", 0, 0, 1) != 0) node.fail("transA is not supported");
  auto n = std::make_shared<quantized::ConvNumbers>();
  n->x = quantized::read_quantization(node, 1, quantized::byte_element(node, 0));
  std::int64_t K = 0, M = 0;
  quantized::read_matrix(node, 3, node.integer_in("transB", 0, 0, 1) == 1, *n, K, M);
  n->weights_scale = quantized::read_scales(node, 4);
  n->weights_zero = quantized::read_zeros(node, 5, quantized::byte_element(node, 3));
  quantized::one_or_each(node, n->weights_scale, M, "scales");
  quantized::one_or_each(node, n->weights_zero, M, "zero points");
  const float alpha = node.real("alpha", 1);
  if (alpha != 1) node.fail("alpha may only be 1");
  n->bias = quantized::read_bias(node, 6, M);
  const bool to_float = !node.has_input(7);
  if (!to_float) n->y = quantized::read_result(node, 7);
  quantized::check_sums(node, *n, M, K);
  return std::make_shared<QuantizedMatMulLayer>(K, M, std::move(n), to_float);
}

}  // namespace weir
