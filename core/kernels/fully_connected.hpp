/// Fully connected layer.
#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <weir/core/context.hpp>
#include <weir/core/kernels/gemm/dot_rows.hpp>
#include <weir/core/kernels/gemm/openblas.hpp>
#include <weir/core/memory/shared_floats.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// y = clamp(x weights^T + bias + residual), x [n, in], y and residual [n, out]. Row i of y depends neither on n nor on
/// the number of threads, to the last bit. Few rows are bound by reading the weights, which happens once, in order;
/// threads share the outputs.
///
/// Immutable and shared by any number of threads. The weights are used as they are, without a copy: they are most of
/// what the networks that have such layers hold.
class FullyConnected {
 public:
  /// weights [out, in] row-major; bias of out floats, or none. Throws ShapeError where the sizes do not fit each other.
  FullyConnected(std::int64_t in, std::int64_t out, SharedFloats weights, SharedFloats bias, const Context& context)
      : in_(in), out_(out), micro_(&microkernels(context.isa())), weights_(std::move(weights)), bias_(std::move(bias)) {
    if (in < 1 || out < 1 || weights_.size() != static_cast<std::size_t>(Shape{out, in}.numel()))
      throw ShapeError(detail::message(
          {"fully connected layer: ", weights_.size(), " weights for ", in, " inputs and ", out, " outputs"}));
    if (!bias_.empty() && bias_.size() != static_cast<std::size_t>(out))
      throw ShapeError(detail::message({"fully connected layer: ", bias_.size(), " biases for ", out, " outputs"}));
  }

  /// Scratch memory that run() needs.
  std::size_t workspace_floats(const Context& context) const {
    return context.openblas() ? static_cast<std::size_t>(out_) : 0;
  }

  /// residual [n, out], may be y or nullptr.
  void run(const Context& context, const float* x, std::int64_t n, const float* residual, float* y, Clamp clamp,
           float* workspace) const {
    const auto store = [&](std::int64_t i, std::int64_t j, float sum) {
      if (!bias_.empty()) sum += bias_[static_cast<std::size_t>(j)];
      y[i * out_ + j] = clamp(residual ? sum + residual[i * out_ + j] : sum);
    };
    if (context.openblas()) {
      for (std::int64_t i = 0; i < n; ++i) {
        openblas_gemm(context.threads(), true, 1, out_, in_, x + i * in_, in_, weights_.data(), in_, workspace, out_);
        for (std::int64_t j = 0; j < out_; ++j) store(i, j, workspace[j]);
      }
      return;
    }
    dot_rows(context.pool(), *micro_, {n, in_, out_, x, in_, weights_.data()}, store);
  }

 private:
  std::int64_t in_, out_;
  const Microkernels* micro_;
  SharedFloats weights_, bias_;
};

}  // namespace weir::kernels
