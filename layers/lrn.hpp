/// LRN: local response normalisation across channels.
#pragma once
#include <weir/core/kernels/lrn/blocked.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

class LrnLayer final : public RunnableLayer {
 public:
  explicit LrnLayer(kernels::LrnParams params) : params_(params) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() != 4) throw ShapeError(detail::message({"expects [N, C, H, W], got ", inputs[0].to_string()}));
    return {inputs[0]};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    if (layout_ == Layout::blocked)
      blocked_lrn(context, params_, inputs[0], outputs[0].data, workspace);
    else
      lrn(context, params_, inputs[0], outputs[0]);
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::all_but(q, 1, 2); }
  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    return layout_ == Layout::blocked ? blocked_lrn_workspace_floats(context, params_, inputs[0]) : 0;
  }
  std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm>,
                                 std::span<const Layout> given) const override {
    constexpr std::int64_t longest =
        64;  // the plain kernel stops a window at the last channel, the blocked one does not
    if (given[0] == Layout::plain || params_.size > longest) return std::nullopt;
    auto layer = make_counted<LrnLayer>(*this);
    layer->layout_ = Layout::blocked;
    return Blocked{std::move(layer), {Layout::blocked}, Layout::blocked};
  }
  double flops(std::span<const Shape> inputs) const override {
    return 2.0 * static_cast<double>(params_.size + 2) * static_cast<double>(inputs[0].numel());
  }

 private:
  kernels::LrnParams params_;
  Layout layout_ = Layout::plain;
};

inline LayerPtr make_lrn(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  const std::int64_t size = node.integer_in("size", 0, 1, 1 << 20);
  if (size % 2 == 0) node.fail(detail::message({"attribute size must be odd, got ", size}));
  return make_counted<LrnLayer>(kernels::LrnParams{.size = size,
                                                   .scale = node.real("alpha", 1e-4F) / static_cast<float>(size),
                                                   .beta = node.real("beta", 0.75F),
                                                   .bias = node.real("bias", 1)});
}

}  // namespace weir::detail
