/// What the tests of convolutions share: random problems, exact ones, and a look at what an algorithm writes.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/algorithm.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace conv2d_test {

/// The numbers of one test case, the same on every run.
class Random {
 public:
  explicit Random(std::uint32_t seed = 1) : bits_(seed) {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(bits_()); }
  std::int64_t pick(std::initializer_list<std::int64_t> values) { return values.begin()[bits_() % values.size()]; }
  weir::Tensor noise(const weir::Shape& shape) {
    weir::Tensor t(shape);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (float& v : t.span()) v = uniform(bits_);
    return t;
  }
  /// Whole numbers from -8 to 8: sums of their products are exact, in whatever order.
  weir::Tensor whole(const weir::Shape& shape) {
    weir::Tensor t(shape);
    for (float& v : t.span()) v = static_cast<float>(static_cast<int>(bits_() % 17) - 8);
    return t;
  }

 private:
  std::mt19937 bits_;
};

using kernels_test::isas;

/// A random convolution whose kernel fits the image.
struct Problem {
  weir::kernels::Conv2dParams p;
  weir::Shape x;
  weir::Tensor weights, bias;

  explicit Problem(Random& random) {
    const auto pick = [&](std::initializer_list<std::int64_t> values) { return random.pick(values); };
    do {
      const std::int64_t kind = pick({0, 0, 1, 2});
      p = {};
      p.groups = kind == 0 ? 1 : kind == 1 ? pick({2, 3}) : pick({1, 2, 3, 5, 16, 17, 31});
      p.in_channels = kind == 0   ? pick({1, 2, 3, 5, 16, 17, 31, 64})
                      : kind == 1 ? p.groups * pick({1, 2, 5})
                                  : p.groups;
      p.out_channels = kind == 0   ? pick({1, 2, 3, 5, 6, 7, 15, 16, 17, 24, 31, 33, 40})
                       : kind == 1 ? p.groups * pick({1, 4, 17})
                                   : p.groups * pick({1, 1, 1, 2, 3});
      p.kernel_h = pick({1, 1, 2, 3, 5}), p.kernel_w = pick({1, 1, 2, 3, 3, 5});
      if (random() % 4 == 0) p.kernel_h = p.kernel_w = 1;
      p.stride_h = pick({1, 1, 2, 3, 4}), p.stride_w = pick({1, 1, 2, 3, 4});
      p.dilation_h = pick({1, 1, 2}), p.dilation_w = pick({1, 1, 2});
      if (random() % 3 == 0) {  // Winograd's
        p.kernel_h = p.kernel_w = 3;
        p.stride_h = p.stride_w = pick({1, 1, 2});
        p.dilation_h = p.dilation_w = 1;
        if (kind == 0 && p.in_channels < 17 && random() % 3 == 0) {  // as first layers have it
          p.kernel_h = p.kernel_w = 7;
          p.stride_h = p.stride_w = 2;
        }
      }
      if (random() % 3 != 0) {
        p.pad_top = pick({0, 1, 2, 9}), p.pad_left = pick({0, 1, 2, 18});
        p.pad_bottom = pick({0, 1, 2}), p.pad_right = pick({0, 1, 3});
      }
      const auto side = [&] { return static_cast<std::int64_t>(1 + random() % 17); };
      x = weir::Shape{1, p.in_channels, side(), side()};
      if (random() % 8 == 0) x = x.with(3, 40 + side());
      if (p.kernel_h == 7 && random() % 2 == 0) x = x.with(3, 120 + 9 * side());  // tiles for whole vectors
      if (random() % 6 == 0) {                                                    // y is a pixel
        p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = 0, p.dilation_h = p.dilation_w = 1;
        x = weir::Shape{1, p.in_channels, p.kernel_h, p.kernel_w};
      }
    } while (x[2] + p.pad_top + p.pad_bottom < p.extent_h() || x[3] + p.pad_left + p.pad_right < p.extent_w());
    weights = random.noise({p.out_channels, p.in_channels / p.groups, p.kernel_h, p.kernel_w});
    bias = random.noise({p.out_channels});
  }

  std::string text() const {
    return x.to_string() + " by " + weights.shape().to_string() + " groups " + std::to_string(p.groups) + " stride " +
           std::to_string(p.stride_h) + "," + std::to_string(p.stride_w) + " dilation " + std::to_string(p.dilation_h) +
           "," + std::to_string(p.dilation_w) + " pads " + std::to_string(p.pad_top) + "," +
           std::to_string(p.pad_left) + "," + std::to_string(p.pad_bottom) + "," + std::to_string(p.pad_right);
  }

  /// For each output the sum of the magnitudes of its terms, which bounds the rounding error.
  weir::Tensor magnitudes(const weir::Tensor& image, const weir::Tensor& residual) const {
    weir::Tensor ax = image, aw = weights, ab = bias, ar = residual, y(p.output_shape(image.shape()));
    for (weir::Tensor* t : {&ax, &aw, &ab, &ar})
      for (float& v : t->span()) v = std::abs(v);
    weir::kernels::conv2d_reference(p, ax, aw.span(), ab.span(), ar.data(), y.view(), {});
    return y;
  }
};

/// A block of floats between two zones that nobody may write.
struct Guarded {
  static constexpr std::size_t zone = 64;
  explicit Guarded(std::size_t n) : size(n), memory(n + 2 * zone, guard) {}
  float* data() { return memory.data() + zone; }
  bool intact() const {
    for (std::size_t i = 0; i < zone; ++i)
      if (memory[i] != guard || memory[zone + size + i] != guard) return false;
    return true;
  }
  static constexpr float guard = 12345.5F;
  std::size_t size;
  std::vector<float> memory;
};

/// The same context for each instruction set, by its name.
inline weir::Context context_of(weir::Isa isa, int threads = 1) {
  return weir::Context({.threads = threads, .isa = std::string(weir::to_string(isa))});
}

/// bias, with the zeros behind it that algorithms may read.
inline std::vector<float> padded_bias(const weir::Tensor& bias) {
  std::vector<float> all(bias.span().begin(), bias.span().end());
  all.resize(all.size() + 32);
  return all;
}

/// y of all images of x by a packed algorithm on blocked tensors (x in the layout that is named), plain again. Checks
/// that nothing beyond y and the workspace was written; what lies in front in both is no number.
inline weir::Tensor run(const weir::kernels::Conv2dAlgorithm& algorithm, const weir::Context& context,
                        const weir::Tensor& x, weir::Layout layout, const weir::Shape& y_shape,
                        const weir::Tensor* residual, const weir::Tensor& bias, weir::kernels::Clamp clamp) {
  const std::vector<float> image = kernels_test::laid_out(x, layout, context), biases = padded_bias(bias);
  std::vector<float> summand;
  if (residual) summand = kernels_test::laid_out(*residual, weir::Layout::blocked, context);
  Guarded y(static_cast<std::size_t>(weir::floats_of(y_shape, weir::Layout::blocked, context.isa()))),
      workspace(algorithm.workspace_floats(context.threads()));
  std::fill_n(y.data(), y.size, NAN);
  std::fill_n(workspace.data(), workspace.size, NAN);
  algorithm.run(context.pool(), {image.data(), residual ? summand.data() : nullptr, y.data(), x.shape()[0], clamp},
                biases.data(), workspace.data());
  CHECK(y.intact());
  CHECK(workspace.intact());
  return kernels_test::plain(y.data(), y_shape, context);
}

/// What run() should yield.
inline weir::Tensor expected(const weir::kernels::Conv2dParams& p, const weir::Tensor& x, const weir::Tensor& weights,
                             const weir::Tensor* residual, const weir::Tensor& bias, weir::kernels::Clamp clamp) {
  weir::Tensor y(p.output_shape(x.shape()));
  weir::kernels::conv2d_reference(p, x, weights.span(), bias.span(), residual ? residual->data() : nullptr, y.view(),
                                  clamp);
  return y;
}

inline bool equal(const weir::Tensor& a, const weir::Tensor& b) {
  return a.shape() == b.shape() && std::equal(a.span().begin(), a.span().end(), b.span().begin());
}

}  // namespace conv2d_test
