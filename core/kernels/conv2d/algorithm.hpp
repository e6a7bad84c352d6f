/// Conv2dAlgorithm: what every way of computing a convolution implements.
#pragma once
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <weir/core/context.hpp>
#include <weir/core/kernels/conv2d/geometry.hpp>
#include <weir/core/kernels/micro/list.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/machine_costs.hpp>
#include <weir/core/memory/packed_weights.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/rows.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// Images on their way through a convolution: x [C, H, W] -> y [M, OH, OW] = clamp(conv(x) + bias + residual), one
/// behind the other.
struct Conv2dImages {
  const float* x;
  const float* residual;  ///< lies as y does; may be y, may be nullptr
  float* y;
  std::int64_t count;
  Clamp clamp;
};

/// Rows `rows` of y of one image, from rows of x.
struct Conv2dRows {
  RowsView x, residual, y;  ///< residual.data may be nullptr, or y.data
  RowRange rows;
  Clamp clamp;
  bool goes_on = false;  ///< the last call with the same workspace was for the rows above these
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
  /// For any number of images and a pool of this number of threads.
  virtual std::size_t workspace_floats(std::int64_t threads) const = 0;
  /// bias has a float for each output channel and, up to whole blocks of them, more. An image's result depends neither
  /// on the pool nor on the other images.
  virtual void run(const detail::ThreadPool& pool, const Conv2dImages& images, const float* bias,
                   float* workspace) const = 0;
  /// True if threads had better run whole images of their own, where there are enough of them.
  virtual bool takes_images() const { return true; }
  /// True if it multiplies what a window does not see by zero: right only for images that are finite.
  virtual bool wants_finite() const { return false; }
  /// True if it transforms the weights, which must be finite, and reads those that pack() was given while it runs too.
  virtual bool transforms() const { return false; }
  /// True if run_rows() works.
  virtual bool by_rows() const { return false; }
  /// Rows of y that run_rows() computes together; see RowWindow.
  virtual std::int64_t row_multiple() const { return 1; }
  /// As run(), a part of one image by the calling thread only, in the workspace of one thread.
  virtual void run_rows(const Conv2dRows& /*rows*/, const float* /*bias*/, float* /*workspace*/) const {}
};

/// Cuts n into the fewest parts of at most `most`, as even as can be; part i of them is [first(i), first(i+1)).
struct EvenParts {
  std::int64_t n, count;
  EvenParts(std::int64_t size, std::int64_t most) : n(size), count((size + most - 1) / most) {}
  std::int64_t first(std::int64_t i) const { return n * i / count; }
  std::int64_t size(std::int64_t i) const { return first(i + 1) - first(i); }
  /// Calls f(first(i), size(i)) for i = begin .. end-1, dividing once: a division takes as long as a small tile's k.
  template <class F>
  void for_each(std::int64_t begin, std::int64_t end, const F& f) const {
    if (begin >= end) return;
    const std::int64_t least = n / count, more = n % count;
    std::int64_t at = first(begin), over = begin * more % count;
    for (std::int64_t i = begin; i < end; ++i) {
      over += more;
      const std::int64_t pixels = least + (over >= count ? 1 : 0);
      if (over >= count) over -= count;
      f(at, pixels);
      at += pixels;
    }
  }
};

/// Cycles of a register tile: two fused multiply-adds of a vector each cycle, but no term of a chain takes less than
/// their latency; tiles one vector wide are bound by loads.
inline double conv_tile_cycles(std::int64_t K, std::int64_t rows, std::int64_t vectors) {
  const auto R = static_cast<double>(rows);
  return static_cast<double>(K) * std::max(detail::machine_costs.multiply_add_latency,
                                           vectors == 1 ? detail::machine_costs.narrow_tile_row * R : R);
}

/// Floats to fetch ahead for each k, so that `tiles` tiles together fetch the next K * floats weights.
inline std::int64_t ahead_stride(std::int64_t floats, std::int64_t tiles) { return (floats + tiles - 1) / tiles; }

/// Cycles when `cycles` of arithmetic overlap with `floats` weights that are fetched ahead: the closer the two are, the
/// less they overlap. Where the weights come from: see MachineCosts::weights_cached.
inline double cycles_with_weights(double cycles, double floats) {
  const bool from_memory = floats > detail::machine_costs.weights_cached;
  return std::hypot(
      cycles,
      (from_memory ? detail::machine_costs.weight_from_memory : detail::machine_costs.weight_from_cache) * floats);
}

}  // namespace weir::kernels
