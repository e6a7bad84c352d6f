/// Fully connected layer with weights packed once.
#pragma once
#include <span>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/kernels/clamp.hpp>

namespace weir {

class PackedFullyConnected {
 public:
  PackedFullyConnected(std::int64_t in, std::int64_t out, std::span<const float> weights, std::span<const float> bias,
                       const Context&)
      : in_(in), out_(out), weights_(weights.begin(), weights.end()), bias_(bias.begin(), bias.end()) {}
  std::size_t workspace_floats(const Context&, std::int64_t) const { return 0; }
  void run(const Context&, const float* x, std::int64_t n, const float* residual, float* y, Clamp clamp, float*) const {
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < out_; ++j) {
        double sum = bias_.empty() ? 0 : double{bias_[static_cast<std::size_t>(j)]};
        for (std::int64_t k = 0; k < in_; ++k)
          sum += double{weights_[static_cast<std::size_t>(j * in_ + k)]} * double{x[i * in_ + k]};
        if (residual) sum += double{residual[i * out_ + j]};
        y[i * out_ + j] = clamp(static_cast<float>(sum));
      }
  }

 private:
  std::int64_t in_, out_;
  std::vector<float> weights_, bias_;
};

}  // namespace weir
