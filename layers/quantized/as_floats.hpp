/// AsFloatsLayer: a layer on floats that moves, compares or converts integers of a quantised network.
#pragma once
#include <memory>
#include <utility>
#include <vector>
#include <weir/core/kernels/quantized/convert.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/layer.hpp>

namespace weir::detail {

/// Converts its inputs to floats, which hold 8-bit integers exactly, lets another kernel work, and converts back what
/// it gave.
class AsFloatsKernel final : public Kernel {
 public:
  /// Elements of inputs and outputs; float32 for those that stay. A view is copied as it is.
  AsFloatsKernel(LayerPtr layer, KernelPtr kernel, std::vector<Element> inputs, std::vector<Element> outputs, bool view)
      : layer_(std::move(layer)),
        kernel_(std::move(kernel)),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        view_(view) {}

  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    std::int64_t floats = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (inputs_[i] != Element::float32 && !layer_->ignores_input(i)) floats += padded(inputs[i]);
    const auto y = layer_->output_shapes(inputs);
    for (std::size_t i = 0; i < y.size(); ++i)
      if (output(i) != Element::float32) floats += padded(y[i]);
    return static_cast<std::size_t>(floats) + kernel_->workspace_floats(context, inputs);
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    if (view_) {
      kernels::convert(context, outputs[0].shape, {inputs[0].data, Layout::plain, inputs_[0]},
                       {outputs[0].data, Layout::plain, inputs_[0]});
      return;
    }
    std::vector<ConstView> in(inputs.begin(), inputs.end());
    std::vector<View> out(outputs.begin(), outputs.end());
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (inputs_[i] == Element::float32 || in[i].data == nullptr) continue;
      kernels::convert(context, in[i].shape, {in[i].data, Layout::plain, inputs_[i]},
                       {workspace, Layout::plain, Element::float32});
      in[i].data = workspace;
      workspace += padded(in[i].shape);
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (output(i) == Element::float32 || out[i].data == nullptr) continue;
      out[i].data = workspace;
      workspace += padded(out[i].shape);
    }
    kernel_->forward(context, in, out, workspace);
    for (std::size_t i = 0; i < out.size(); ++i)
      if (out[i].data != outputs[i].data)
        kernels::convert(context, out[i].shape, {out[i].data, Layout::plain, Element::float32},
                         {outputs[i].data, Layout::plain, output(i)});
  }

 private:
  static std::int64_t padded(const Shape& s) { return round_up(s.numel(), 16); }
  Element output(std::size_t i) const { return outputs_[std::min(i, outputs_.size() - 1)]; }

  LayerPtr layer_;
  KernelPtr kernel_;
  std::vector<Element> inputs_, outputs_;
  bool view_;
};

/// A layer on floats whose inputs and outputs are integers. A view stays one.
class AsFloatsLayer final : public Layer {
 public:
  /// Elements of inputs and outputs; float32 for those that stay.
  AsFloatsLayer(LayerPtr layer, std::vector<Element> inputs, std::vector<Element> outputs)
      : layer_(std::move(layer)), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}

  std::optional<Element> output_element(std::size_t i) const override {
    return outputs_[std::min(i, outputs_.size() - 1)];
  }
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return layer_->output_shapes(inputs);
  }
  Examples examples(const ExamplesQuery& q) const override { return layer_->examples(q); }
  bool ignores_input(std::size_t i) const override { return layer_->ignores_input(i); }
  bool is_view() const override { return layer_->is_view() && inputs_[0] == output_element(0); }
  double flops(std::span<const Shape> inputs) const override { return layer_->flops(inputs); }
  KernelPtr kernel(const Context& context, std::span<const Shape> inputs) const override {
    return make_counted<AsFloatsKernel>(layer_, layer_->kernel(context, inputs), inputs_, outputs_, is_view());
  }

 private:
  LayerPtr layer_;
  std::vector<Element> inputs_, outputs_;
};

}  // namespace weir::detail
