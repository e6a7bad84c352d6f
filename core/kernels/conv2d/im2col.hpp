/// Convolution as one matrix product by OpenBLAS, over a materialised matrix of columns: the textbook way.
#pragma once
#include <weir/core/kernels/conv2d/algorithm.hpp>
#include <weir/core/kernels/gemm/openblas.hpp>

namespace weir::kernels {

/// For each group the columns [k][pixel] are written out whole, multiplied by the weights [M, K], and the product goes
/// through the epilogue. For comparison; only a Context that chose OpenBLAS gets here.
class Im2col : public Conv2dAlgorithm {
 public:
  Im2col(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : params_(p), micro_(&micro), geometry_(p, x), M_(p.out_channels / p.groups), K_(p.depth()) {}

  std::string_view name() const override { return "openblas"; }
  double cost() const override { return params_.flops({1, params_.in_channels, geometry_.H, geometry_.W}); }
  void pack(std::span<const float> weights) override {
    std::copy(weights.begin(), weights.end(), weights_.reserve(weights.size()));
  }
  std::size_t workspace_floats(std::int64_t) const override {
    return static_cast<std::size_t>(geometry_.staged_floats(geometry_.channels, 0) + (K_ + M_) * pixels());
  }

  void run(const ThreadPool& pool, const Conv2dImage& image, const float* bias, float* workspace) const override {
    float* columns = workspace + geometry_.staged_floats(geometry_.channels, 0);
    float* product = columns + K_ * pixels();
    for (std::int64_t g = 0; g < params_.groups; ++g) {
      const float* x = stage_group(pool, *micro_, geometry_, image.x, g, workspace);
      for (std::int64_t k = 0; k < K_; ++k)
        for (std::int64_t i = 0; i < geometry_.OH; ++i)
          std::copy_n(x + geometry_.offset[static_cast<std::size_t>(k)] + i * geometry_.pitch, geometry_.OW,
                      columns + k * pixels() + i * geometry_.OW);
      openblas_gemm(pool.threads(), false, M_, pixels(), K_, weights_.data() + g * M_ * K_, K_, columns, pixels(),
                    product, pixels());
      const std::int64_t at = g * M_ * pixels();
      micro_->store_rows(
          product, pixels(), M_, pixels(),
          {bias + g * M_, image.residual ? image.residual + at : nullptr, image.y + at, pixels(), image.clamp});
    }
  }

 private:
  std::int64_t pixels() const { return geometry_.OH * geometry_.OW; }

  Conv2dParams params_;
  const Microkernels* micro_;
  Geometry geometry_;
  std::int64_t M_, K_;
  Buffer weights_;
};

}  // namespace weir::kernels
