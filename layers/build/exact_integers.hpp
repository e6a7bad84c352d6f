/// ExactIntegersLayer: arithmetic on integers that a network computes while it runs.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/build/element_types.hpp>

namespace weir::detail {

/// From this number on, float32 does not represent every integer.
inline constexpr float first_inexact_integer = 0x1p24F;

/// True of operators whose results may be larger than what they are computed from.
inline bool may_leave_exact_integers(std::string_view op) {
  return std::any_of(typed_operators.begin(), typed_operators.end(), [&](const TypedOperator& o) {
    return o.name == op && (o.rule == TypeRule::arithmetic || o.rule == TypeRule::sums);
  });
}

/// True of a constant that holds integers, all of which floats hold for sure; and of one of floats.
inline bool is_exact(const Constant& c) {
  return std::all_of(c.ints.begin(), c.ints.end(),
                     [](std::int64_t v) { return std::abs(static_cast<float>(v)) < first_inexact_integer; });
}

class ExactIntegersKernel final : public Kernel {
 public:
  explicit ExactIntegersKernel(KernelPtr kernel) : kernel_(std::move(kernel)) {}

  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    return kernel_->workspace_floats(context, inputs);
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    kernel_->forward(context, inputs, outputs, workspace);
    for (float& v : outputs[0].span())
      if (!(std::abs(v) < first_inexact_integer)) v = std::numeric_limits<float>::quiet_NaN();
  }

 private:
  KernelPtr kernel_;
};

/// Wraps a layer; integer results that float32 may not represent exactly become NaN, so a wrong answer is an error.
class ExactIntegersLayer final : public Layer {
 public:
  explicit ExactIntegersLayer(LayerPtr layer) : layer_(std::move(layer)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return layer_->output_shapes(inputs);
  }
  Examples examples(const ExamplesQuery& q) const override { return layer_->examples(q); }
  bool ignores_input(std::size_t i) const override { return layer_->ignores_input(i); }
  double flops(std::span<const Shape> inputs) const override { return layer_->flops(inputs); }
  KernelPtr kernel(const Context& context, std::span<const Shape> inputs) const override {
    return make_counted<ExactIntegersKernel>(layer_->kernel(context, inputs));
  }

 private:
  LayerPtr layer_;
};

}  // namespace weir::detail
