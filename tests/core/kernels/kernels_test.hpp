/// What the tests of kernels share.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/params.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

namespace kernels_test {

/// Every instruction set of this CPU, alone and on three threads.
inline std::vector<weir::Context> contexts() {
  std::vector<weir::Context> all;
  for (std::size_t i = 0; i < weir::isa_names.size(); ++i)
    for (int threads : {1, 3})
      if (weir::supported(static_cast<weir::Isa>(i)))
        all.emplace_back(weir::ContextOptions{.threads = threads, .isa = std::string(weir::isa_names[i])});
  return all;
}

/// Those instruction sets.
inline std::vector<weir::Isa> isas() {
  std::vector<weir::Isa> all;
  for (std::size_t i = 0; i < weir::isa_names.size(); ++i)
    if (weir::supported(static_cast<weir::Isa>(i))) all.push_back(static_cast<weir::Isa>(i));
  return all;
}

/// n numbers in [-1, 1).
inline std::vector<float> noise(std::int64_t n, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& v : values) v = uniform(random);
  return values;
}

/// Numbers in [-4, 4), the same on every run.
inline weir::Tensor numbers(const weir::Shape& shape, std::uint32_t seed = 1) {
  weir::Tensor t(shape);
  for (float& v : t.span()) {
    seed = seed * 1664525U + 1013904223U;
    v = static_cast<float>(seed >> 8) / static_cast<float>(1 << 21) - 4.0F;
  }
  return t;
}

/// A convolution of an odd square kernel that is padded all around so that with stride 1 the image keeps its size.
inline weir::kernels::Conv2dParams padded(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                          std::int64_t stride = 1) {
  const std::int64_t pad = kernel / 2;
  return {.in_channels = in,
          .out_channels = out,
          .kernel_h = kernel,
          .kernel_w = kernel,
          .stride_h = stride,
          .stride_w = stride,
          .pad_top = pad,
          .pad_left = pad,
          .pad_bottom = pad,
          .pad_right = pad};
}

/// t in a layout; the channels that a blocked one has behind C hold what no kernel may take in.
inline std::vector<float> laid_out(const weir::Tensor& t, weir::Layout layout, const weir::Context& context,
                                   float behind = NAN) {
  std::vector<float> to(static_cast<std::size_t>(weir::floats_of(t.shape(), layout, context.isa())));
  if (layout == weir::Layout::plain) {
    std::copy(t.span().begin(), t.span().end(), to.begin());
    return to;
  }
  weir::kernels::to_blocked(context, t.shape(), t.data(), to.data());
  const auto L = static_cast<std::size_t>(weir::lanes(context.isa())), C = static_cast<std::size_t>(t.shape()[1]);
  const auto pixels = static_cast<std::size_t>(t.shape().product(2, 4)), blocks = (C + L - 1) / L;
  for (std::size_t i = 0; i < to.size(); ++i)
    if (i / (pixels * L) % blocks * L + i % L >= C) to[i] = behind;
  return to;
}

inline weir::Tensor plain(const float* blocked, const weir::Shape& shape, const weir::Context& context) {
  weir::Tensor to(shape);
  weir::kernels::to_plain(context, shape, blocked, to.data());
  return to;
}

/// Position in a tensor stretched to `to` of its element i.
inline std::size_t stretched(const weir::Shape& from, const weir::Shape& to, std::int64_t i) {
  std::int64_t at = 0, step = 1;
  for (std::size_t d = to.rank(); d-- > 0;) {
    const std::int64_t index = i % to[d];
    i /= to[d];
    if (d + from.rank() < to.rank()) continue;
    const std::int64_t length = from[d + from.rank() - to.rank()];
    at += (length == 1 ? 0 : index) * step;
    step *= length;
  }
  return static_cast<std::size_t>(at);
}

/// A tensor between two fences; fences_intact() says whether a kernel kept off them.
class Fenced {
 public:
  explicit Fenced(const weir::Shape& shape)
      : shape_(shape), memory_(static_cast<std::size_t>(shape.numel()) + 2 * fence, mark) {}
  weir::View view() { return {memory_.data() + fence, shape_}; }
  bool fences_intact() const {
    return std::all_of(memory_.begin(), memory_.begin() + fence, [](float v) { return v == mark; }) &&
           std::all_of(memory_.end() - fence, memory_.end(), [](float v) { return v == mark; });
  }

 private:
  static constexpr std::ptrdiff_t fence = 64;
  static constexpr float mark = 12345.5F;
  weir::Shape shape_;
  std::vector<float> memory_;
};

/// Largest error relative to the larger of the reference's value and floor.
inline double relative_error(weir::ConstView a, weir::ConstView reference, double floor) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a.data[i] == reference.data[i]) continue;  // infinities too
    const double error =
        std::abs(double{a.data[i]} - double{reference.data[i]}) / std::max(std::abs(double{reference.data[i]}), floor);
    worst = std::isnan(error) ? 1e30 : std::max(worst, error);
  }
  return worst;
}

}  // namespace kernels_test
