/// Conv2dAlgorithm: what every way of computing a convolution implements.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <weir/core/context.hpp>
#include <weir/core/kernels/conv2d/geometry.hpp>
#include <weir/core/kernels/gemm/list.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// One image on its way through a convolution: x [C, H, W] -> y [M, OH, OW] = clamp(conv(x) + bias + residual).
struct Conv2dImage {
  const float* x;
  const float* residual;  ///< of y's shape; may be y, may be nullptr
  float* y;
  Clamp clamp;
};

/// A way of computing a convolution of fixed sizes, in two steps, so that the cheapest can be found before weights are
/// packed: the constructor plans (cost() is then known), pack() takes the weights. Immutable afterwards.
class Conv2dAlgorithm {
 public:
  virtual ~Conv2dAlgorithm() = default;
  virtual std::string_view name() const = 0;
  /// Its largest register tile, rows by columns ("14x32"); empty if it has none.
  virtual std::string tile() const { return {}; }
  /// Expected time of one image on one thread, in clock cycles; only meant to be compared.
  virtual double cost() const = 0;
  virtual void pack(std::span<const float> weights) = 0;
  /// For one image and a pool of so many threads.
  virtual std::size_t workspace_floats(std::int64_t threads) const = 0;
  /// bias has as many floats as there are output channels. The result does not depend on the pool.
  virtual void run(const ThreadPool& pool, const Conv2dImage& image, const float* bias, float* workspace) const = 0;
};

/// Cuts n into the fewest parts of at most `most`, as even as can be; part i of them is [first(i), first(i+1)).
struct EvenParts {
  std::int64_t n, count;
  EvenParts(std::int64_t size, std::int64_t most) : n(size), count((size + most - 1) / most) {}
  std::int64_t first(std::int64_t i) const { return n * i / count; }
  std::int64_t size(std::int64_t i) const { return first(i + 1) - first(i); }
};

/// Copies the channels of group g of x to the workspace if the geometry asks for it; where the image then lies.
inline const float* stage_group(const ThreadPool& pool, const Microkernels& micro, const Geometry& geometry,
                                const float* x, std::int64_t g, float* workspace) {
  const float* from = x + g * geometry.channels * geometry.H * geometry.W;
  if (!geometry.staged) return from;
  const double work = static_cast<double>(geometry.channels * geometry.channel_floats);
  share(pool, geometry.channels, work, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c)
      geometry.stage(micro, from + c * geometry.H * geometry.W, workspace + c * geometry.channel_floats);
  });
  return workspace;
}

}  // namespace weir::kernels
