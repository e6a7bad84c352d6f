/// ReorderLayer: what a plan puts between layers that want different layouts.
#pragma once
#include <algorithm>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layer.hpp>

namespace weir {

/// Output 0 is input 0 in the other layout; costs one pass over memory, or nothing where both layouts are the same.
class ReorderLayer final : public Layer {
 public:
  /// x: the tensor at batch size 1.
  ReorderLayer(Layout to, const Shape& x, Isa isa) : to_(to), view_(same_in_both(x, isa)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override { return {inputs[0]}; }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    if (view_)
      std::copy_n(inputs[0].data, inputs[0].size(), outputs[0].data);
    else if (to_ == Layout::blocked)
      to_blocked(context, inputs[0].shape, inputs[0].data, outputs[0].data);
    else
      to_plain(context, inputs[0].shape, inputs[0].data, outputs[0].data);
  }
  bool is_view() const override { return view_; }
  std::string algorithm() const override { return to_ == Layout::blocked ? "to blocked" : "to plain"; }

 private:
  Layout to_;
  bool view_;
};

}  // namespace weir
