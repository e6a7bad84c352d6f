/// Convolution as one matrix product by OpenBLAS, over a materialised matrix of columns: the textbook way.
#pragma once
#include <weir/core/kernels/conv2d/algorithm.hpp>
#include <weir/core/kernels/gemm/openblas.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// For each group the columns [k][pixel] are written out whole, multiplied by the weights [M, K], and the product goes
/// through the epilogue. x and y are plain. For comparison; only a Context that chose OpenBLAS gets here.
class Im2col : public Conv2dAlgorithm {
 public:
  Im2col(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : params_(p),
        micro_(&micro),
        geometry_(p, x, Layout::plain, micro.isa),
        M_(p.out_channels / p.groups),
        K_(p.depth()) {}

  std::string_view name() const override { return "openblas"; }
  double cost() const override { return params_.flops({1, params_.in_channels, geometry_.H, geometry_.W}); }
  void pack(std::span<const float> weights) override {
    std::copy(weights.begin(), weights.end(), weights_.reserve(weights.size()));
  }
  std::size_t workspace_floats(std::int64_t) const override {
    return static_cast<std::size_t>(geometry_.staged_floats() + (K_ + M_) * pixels());
  }

  void run(const detail::ThreadPool& pool, const Conv2dImages& images, const float* bias,
           float* workspace) const override {
    const Geometry& geometry = geometry_;
    const std::int64_t planes = geometry.planes / params_.groups, floats = geometry.H * geometry.W;
    float* columns = workspace + geometry.staged_floats();
    float* product = columns + K_ * pixels();
    for (std::int64_t n = 0; n < images.count; ++n) {
      const float* x = images.x + n * geometry.planes * floats;
      for (std::int64_t c = 0; geometry.staged && c < geometry.planes; ++c)
        geometry.stage(x + c * floats, workspace + c * geometry.plane_floats);
      if (geometry.staged) x = workspace;
      for (std::int64_t g = 0; g < params_.groups; ++g) {
        float* to = columns;
        for (std::int64_t c = g * planes; c < (g + 1) * planes; ++c)
          for (std::int64_t r = 0; r < params_.kernel_h; ++r)
            for (std::int64_t s = 0; s < params_.kernel_w; ++s)
              for (std::int64_t i = 0; i < geometry.OH; ++i, to += geometry.OW)
                std::copy_n(x + c * geometry.plane_floats + geometry.tap_of(r, s) + geometry.first_of(i, 0),
                            geometry.OW, to);
        openblas_gemm(pool.threads(), false, M_, pixels(), K_, weights_.data() + g * M_ * K_, K_, columns, pixels(),
                      product, pixels());
        const std::int64_t at = (n * params_.out_channels + g * M_) * pixels();
        micro_->store_rows(
            product, pixels(), M_, pixels(),
            {bias + g * M_, images.residual ? images.residual + at : nullptr, images.y + at, pixels(), images.clamp});
      }
    }
  }

 private:
  std::int64_t pixels() const { return geometry_.OH * geometry_.OW; }

  Conv2dParams params_;
  const Microkernels* micro_;
  Geometry geometry_;
  std::int64_t M_, K_;
  detail::PackedWeights weights_;
};

}  // namespace weir::kernels
