/// Convolution with weights packed once.
#pragma once
#include <string_view>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>

namespace weir {

class PackedConv2d {
 public:
  PackedConv2d(const Conv2dParams& params, std::span<const float> weights, std::span<const float> bias, const Context&,
               const Shape&)
      : params_(params), weights_(weights.begin(), weights.end()), bias_(bias.begin(), bias.end()) {}
  std::size_t workspace_floats(const Context&, const Shape&) const { return 0; }
  void run(const Context&, ConstView x, const float* residual, View y, Clamp clamp, float*) const {
    conv2d_reference(params_, x, weights_, bias_, residual, y, clamp);
  }
  std::string_view algorithm() const { return "reference"; }

 private:
  Conv2dParams params_;
  std::vector<float> weights_, bias_;
};

}  // namespace weir
