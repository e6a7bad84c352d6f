/// BatchNormalization at inference.
#pragma once
#include <cmath>
#include <tuple>
#include <utility>
#include <weir/core/kernels/elementwise/affine.hpp>
#include <weir/core/kernels/elementwise/blocked_planes.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/activation.hpp>

namespace weir::detail {

/// y[n, c, ...] = scale[c] * x[n, c, ...] + shift[c], clamped; scale = gamma / sqrt(variance + epsilon), shift = beta -
/// mean * scale. A convolution or matrix product before it takes it in; it takes in a Relu behind it. Ioffe and
/// Szegedy, "Batch normalization", ICML 2015.
class BatchNormalizationLayer final : public RunnableLayer {
 public:
  BatchNormalizationLayer(std::shared_ptr<const std::vector<float>> scale,
                          std::shared_ptr<const std::vector<float>> shift, kernels::Clamp clamp = {},
                          bool clamped = false)
      : scale_(std::move(scale)), shift_(std::move(shift)), clamp_(clamp), clamped_(clamped) {}

  const std::vector<float>& scale() const { return *scale_; }
  const std::vector<float>& shift() const { return *shift_; }
  bool clamped() const { return clamped_; }

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    if (x.rank() < 2 || x[1] != static_cast<std::int64_t>(scale_->size()))
      throw ShapeError(detail::message({"expects [N, ", scale_->size(), ", ...], got ", x.to_string()}));
    return {x};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    if (layout_ == Layout::blocked)
      affine_planes(context, inputs[0], scale_->data(), shift_->data(), clamp_, outputs[0].data);
    else
      affine(context, inputs[0], scale_->data(), shift_->data(), clamp_, outputs[0]);
  }
  std::optional<Blocked> blocked(const Context& context, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (given[0] == Layout::plain) return std::nullopt;
    auto layer = make_counted<BatchNormalizationLayer>(*this);
    layer->layout_ = Layout::blocked;
    for (auto* parameter : {&layer->scale_, &layer->shift_}) {
      auto whole = std::make_shared<std::vector<float>>(**parameter);
      whole->resize(static_cast<std::size_t>(round_up(inputs[0].at(1)[1], lanes(context.isa()))));
      *parameter = std::move(whole);
    }
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = Layout::blocked;
    return Blocked{std::move(layer), std::move(layouts), Layout::blocked};
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, Shape::max_rank); }
  double flops(std::span<const Shape> inputs) const override { return 2 * static_cast<double>(inputs[0].numel()); }
  double parameter_floats() const override { return 2 * static_cast<double>(scale_->size()); }
  std::optional<std::size_t> in_place(std::size_t) const override { return 0; }
  bool ignores_input(std::size_t i) const override { return i > 0; }

  std::optional<Fused> absorb(const Layer& next, std::size_t) const override {
    const auto* clip = dynamic_cast<const ClipLayer*>(&next);
    if (clip == nullptr) return std::nullopt;
    const kernels::Clamp& c = clip->clamp();
    return Fused{
        make_counted<BatchNormalizationLayer>(scale_, shift_, kernels::Clamp{c(clamp_.lo), c(clamp_.hi)}, true),
        std::nullopt};
  }

 private:
  std::shared_ptr<const std::vector<float>> scale_, shift_;
  kernels::Clamp clamp_;
  bool clamped_;
  Layout layout_ = Layout::plain;
};

/// As BatchNormalizationLayer, with parameters that the network computes: x, gamma, beta, mean, variance.
class ComputedBatchNormalizationLayer final : public RunnableLayer {
 public:
  explicit ComputedBatchNormalizationLayer(float epsilon) : epsilon_(epsilon) {}

  /// scale and shift of channel c.
  static std::pair<float, float> affine_of(float gamma, float beta, float mean, float variance, float epsilon) {
    const double scale = gamma / std::sqrt(double{variance} + double{epsilon});
    return {static_cast<float>(scale), static_cast<float>(beta - mean * scale)};
  }

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    if (x.rank() < 2) throw ShapeError(detail::message({"expects [N, C, ...], got ", x.to_string()}));
    for (std::size_t i = 1; i < 5; ++i)
      if (!(inputs[i] == Shape{x[1]}))
        throw ShapeError(
            detail::message({"parameters ", inputs[i].to_string(), " do not fit the channels of ", x.to_string()}));
    return {x};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const std::int64_t channels = inputs[0].shape[1];
    float *scale = workspace, *shift = workspace + channels;
    for (std::int64_t c = 0; c < channels; ++c)
      std::tie(scale[c], shift[c]) =
          affine_of(inputs[1].data[c], inputs[2].data[c], inputs[3].data[c], inputs[4].data[c], epsilon_);
    kernels::affine(context, inputs[0], scale, shift, {}, outputs[0]);
  }
  std::size_t workspace_floats(const Context&, std::span<const Shape> inputs) const override {
    return 2 * static_cast<std::size_t>(inputs[0][1]);
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 1); }
  double flops(std::span<const Shape> inputs) const override { return 2 * static_cast<double>(inputs[0].numel()); }

 private:
  float epsilon_;
};

inline LayerPtr make_batch_normalization(const NodeArguments& node) {
  node.expect_inputs(5, 5);
  node.ignore("momentum");
  if (node.opset >= 14 && node.integer("training_mode", 0) != 0) node.fail("training_mode 1 is not supported");
  if (node.opset < 9 && node.integer("spatial", 1) != 1) node.fail("attribute spatial = 0 is not supported");
  for (std::size_t i = 1; i < node.node.outputs.size(); ++i)
    if (!node.node.outputs[i].empty())
      node.fail(detail::message({"has ", node.node.outputs.size(),
                                 " outputs: training mode, which is not supported; export the network for inference"}));
  const float epsilon = node.real("epsilon", 1e-5F);
  for (std::size_t i = 1; i < 5; ++i)
    if (node.constant(i) == nullptr) return make_counted<ComputedBatchNormalizationLayer>(epsilon);
  const auto &gamma = node.constant_floats(1), &beta = node.constant_floats(2), &mean = node.constant_floats(3),
             &variance = node.constant_floats(4);
  const std::size_t C = gamma.size();
  if (C == 0 || beta.size() != C || mean.size() != C || variance.size() != C)
    node.fail("its parameters have different lengths");
  auto scale = std::make_shared<std::vector<float>>(C), shift = std::make_shared<std::vector<float>>(C);
  for (std::size_t c = 0; c < C; ++c)
    std::tie((*scale)[c], (*shift)[c]) =
        ComputedBatchNormalizationLayer::affine_of(gamma[c], beta[c], mean[c], variance[c], epsilon);
  return make_counted<BatchNormalizationLayer>(std::move(scale), std::move(shift));
}

}  // namespace weir::detail
