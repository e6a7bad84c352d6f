/// FillLayer: a constant whose shape depends on the batch size (torch.zeros(x.shape[0], ...)).
#pragma once
#include <algorithm>
#include <weir/core/layer.hpp>

namespace weir::detail {

/// One output full of one value, and no inputs; only build_network makes it, which knows the output's shape.
class FillLayer final : public RunnableLayer {
 public:
  explicit FillLayer(float value) : value_(value) {}
  std::vector<Shape> output_shapes(std::span<const Shape>) const override { return {}; }
  Examples examples(const ExamplesQuery& q) const override { return examples::repeated(q); }
  void forward(const Context&, std::span<const ConstView>, std::span<const View> outputs, float*) const override {
    std::fill_n(outputs[0].data, outputs[0].size(), value_);
  }

 private:
  float value_;
};

}  // namespace weir::detail
