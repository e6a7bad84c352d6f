/// Fully connected layer with weights packed once.
#pragma once
#include <span>
#include <string>
#include <weir/core/context.hpp>
#include <weir/core/kernels/gemm/list.hpp>
#include <weir/core/kernels/gemm/openblas.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/tensor.hpp>

namespace weir {

/// y = clamp(x weights^T + bias + residual), x [n, in], y and residual [n, out]. Row i of y depends neither on n nor on
/// the number of threads, to the last bit. One row is bound by reading the weights, which happens once, in order;
/// threads share the outputs.
///
/// Immutable and shared by any number of threads; keeps a packed copy of the weights, [panel of outputs][in][lane].
class PackedFullyConnected {
 public:
  /// weights [out, in] row-major; bias of out floats, or none. Throws ShapeError where the sizes do not fit each other.
  PackedFullyConnected(std::int64_t in, std::int64_t out, std::span<const float> weights, std::span<const float> bias,
                       const Context& context)
      : in_(in), out_(out), micro_(&kernels::microkernels(context.isa())) {
    if (in < 1 || out < 1 || weights.size() != static_cast<std::size_t>(Shape{out, in}.numel()))
      throw ShapeError("fully connected layer: " + std::to_string(weights.size()) + " weights for " +
                       std::to_string(in) + " inputs and " + std::to_string(out) + " outputs");
    if (!bias.empty() && bias.size() != static_cast<std::size_t>(out))
      throw ShapeError("fully connected layer: " + std::to_string(bias.size()) + " biases for " + std::to_string(out) +
                       " outputs");
    const std::int64_t width = micro_->width();
    panels_ = (out + width - 1) / width;
    const auto padded = static_cast<std::size_t>(panels_ * width);
    std::fill_n(bias_.reserve(padded), padded, 0.0F);
    std::copy(bias.begin(), bias.end(), bias_.data());
    if (context.openblas()) {
      std::copy(weights.begin(), weights.end(), weights_.reserve(weights.size()));
      return;
    }
    float* to = weights_.reserve(padded * static_cast<std::size_t>(in));
    for (std::int64_t p = 0; p < panels_; ++p) {
      const std::int64_t lanes = vectors(p) * micro_->lanes, used = columns(p);
      std::fill_n(to + p * width * in, lanes * in, 0.0F);
      for (std::int64_t j = 0; j < used; ++j)
        for (std::int64_t k = 0; k < in; ++k)
          to[p * width * in + k * lanes + j] = weights[static_cast<std::size_t>((p * width + j) * in + k)];
    }
  }

  /// Scratch memory that run() needs for n rows.
  std::size_t workspace_floats(const Context& context, std::int64_t n) const {
    if (context.openblas()) return static_cast<std::size_t>(out_);
    return n > 1 ? static_cast<std::size_t>(n * in_) : 0;
  }

  /// residual [n, out], may be y or nullptr.
  void run(const Context& context, const float* x, std::int64_t n, const float* residual, float* y, Clamp clamp,
           float* workspace) const {
    if (context.openblas()) {
      for (std::int64_t i = 0; i < n; ++i) {
        kernels::openblas_gemm(context.threads(), true, 1, out_, in_, x + i * in_, in_, weights_.data(), in_, workspace,
                               out_);
        for (std::int64_t j = 0; j < out_; ++j)
          y[i * out_ + j] = clamp(workspace[j] + bias_.data()[j] + (residual ? residual[i * out_ + j] : 0.0F));
      }
      return;
    }
    const std::int64_t tiles = (n + micro_->max_rows - 1) / micro_->max_rows, width = micro_->width();
    const auto first_row = [&](std::int64_t t) { return n * t / tiles; };
    for (std::int64_t t = 0; n > 1 && t < tiles; ++t) {
      const std::int64_t i = first_row(t), rows = first_row(t + 1) - i;
      micro_->transpose(x + i * in_, in_, rows, in_, workspace + i * in_, rows);
    }
    const float* rows_of_x = n > 1 ? workspace : x;
    const double flops = 2 * static_cast<double>(n) * static_cast<double>(in_) * static_cast<double>(out_);
    kernels::share(context.pool(), panels_, flops, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      constexpr float zeros[kernels::max_tile_rows] = {};
      alignas(64) float sums[kernels::max_tile_floats];
      for (std::int64_t p = first; p < last; ++p)
        for (std::int64_t t = 0; t < tiles; ++t) {
          const std::int64_t i = first_row(t), rows = first_row(t + 1) - i, ldt = vectors(p) * micro_->lanes;
          // The sums begin with the bias.
          for (std::int64_t r = 0; r < rows; ++r) std::copy_n(bias_.data() + p * width, ldt, sums + r * ldt);
          const auto multiply = micro_->gemm_tile(kernels::GemmTileKind::packed, rows, vectors(p));
          for (std::int64_t k = 0; k < in_; k += kernels::gemm_depth)
            multiply({.K = std::min(kernels::gemm_depth, in_ - k),
                      .a = rows_of_x + i * in_ + k * rows,
                      .b = weights_.data() + p * width * in_ + k * ldt,
                      .ldb = ldt,
                      .panel = nullptr,
                      .c = sums,
                      .ldc = ldt,
                      .add = true});
          const std::int64_t at = i * out_ + p * width;
          micro_->store_rows(sums, ldt, rows, columns(p),
                             {zeros, residual ? residual + at : nullptr, y + at, out_, clamp});
        }
    });
  }

 private:
  std::int64_t columns(std::int64_t p) const { return std::min(out_ - p * micro_->width(), micro_->width()); }
  std::int64_t vectors(std::int64_t p) const { return columns(p) > micro_->lanes ? 2 : 1; }

  std::int64_t in_, out_, panels_ = 0;
  const kernels::Microkernels* micro_;
  Buffer weights_, bias_;
};

}  // namespace weir
