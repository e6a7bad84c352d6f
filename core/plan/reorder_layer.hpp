/// ReorderLayer: what a plan puts between layers that want different layouts.
#pragma once
#include <algorithm>
#include <weir/core/kernels/quantized/convert.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layer.hpp>

namespace weir::detail {

/// Output 0 is input 0 in another layout or of other elements; costs one pass over memory, or nothing where both are
/// the same.
class ReorderLayer final : public RunnableLayer {
 public:
  struct End {
    Layout layout;
    Element element;
  };
  /// x: the tensor at batch size 1.
  ReorderLayer(End from, End to, const Shape& x, Isa isa)
      : from_(from),
        to_(to),
        view_(from.element == to.element && from.layout != to.layout && kernels::same_in_both(x, isa)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override { return {inputs[0]}; }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    if (from_.element != Element::float32 || to_.element != Element::float32)
      kernels::convert(context, inputs[0].shape, {inputs[0].data, from_.layout, from_.element},
                       {outputs[0].data, to_.layout, to_.element});
    else if (view_)
      std::copy_n(inputs[0].data, inputs[0].size(), outputs[0].data);
    else if (to_.layout == Layout::blocked)
      kernels::to_blocked(context, inputs[0].shape, inputs[0].data, outputs[0].data);
    else
      kernels::to_plain(context, inputs[0].shape, inputs[0].data, outputs[0].data);
  }
  bool is_view() const override { return view_; }
  std::string algorithm() const override {
    if (from_.element != to_.element) return std::string("to ") + to_string(to_.element);
    return to_.layout == Layout::blocked ? "to blocked" : "to plain";
  }

 private:
  End from_, to_;
  bool view_;
};

}  // namespace weir::detail
