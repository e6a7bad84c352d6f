#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <random>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/list.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

namespace {

std::mt19937 random_bits(1);

template <class T>
T uniform() {
  return std::uniform_real_distribution<T>(-1, 1)(random_bits);
}

/// Root mean square of the errors of sums that are each one chain of fused multiply-adds; every padding is the same.
double rms_of_one_chain(const weir::kernels::Conv2dParams& p, const weir::Tensor& x, const weir::Tensor& weights,
                        const weir::Tensor& expected) {
  const std::int64_t C = p.in_channels, K = p.kernel_h, H = x.shape()[2], W = x.shape()[3];
  const std::int64_t OH = expected.shape()[2], OW = expected.shape()[3];
  double squares = 0;
  for (std::int64_t m = 0; m < p.out_channels; ++m)
    for (std::int64_t i = 0; i < OH; ++i)
      for (std::int64_t j = 0; j < OW; ++j) {
        float sum = 0;
        for (std::int64_t c = 0; c < C; ++c)
          for (std::int64_t r = 0; r < K; ++r)
            for (std::int64_t s = 0; s < K; ++s) {
              const std::int64_t y = p.stride_h * i + r - p.pad_top, z = p.stride_w * j + s - p.pad_left;
              if (y < 0 || y >= H || z < 0 || z >= W) continue;
              sum = std::fma(x[static_cast<std::size_t>((c * H + y) * W + z)],
                             weights[static_cast<std::size_t>(((m * C + c) * K + r) * K + s)], sum);
            }
        const double error = double{sum} - double{expected[static_cast<std::size_t>((m * OH + i) * OW + j)]};
        squares += error * error;
      }
  return std::sqrt(squares / static_cast<double>(expected.size()));
}

}  // namespace

TEST_CASE("Winograd: rounds at most a few times more than one chain of additions, direct algorithms not more") {
  using weir::Shape, weir::Tensor;
  struct Layer {
    std::int64_t channels, side, stride, kernel = 3;
  };
  for (const Layer layer : {Layer{16, 32, 1}, Layer{64, 14, 1}, Layer{256, 7, 1}, Layer{16, 31, 2}, Layer{64, 28, 2},
                            Layer{256, 14, 2}, Layer{3, 224, 2, 7}}) {
    const bool plain = layer.kernel == 7;  // a first layer
    const weir::kernels::Conv2dParams p = kernels_test::padded(layer.channels, 16, layer.kernel, layer.stride);
    const Shape shape{1, layer.channels, layer.side, layer.side};
    Tensor x(shape), weights({16, layer.channels, layer.kernel, layer.kernel}), expected(p.output_shape(shape)),
        y(expected.shape());
    for (Tensor* t : {&x, &weights})
      for (float& v : t->span()) v = uniform<float>();
    weir::kernels::conv2d_reference(p, x, weights.span(), {}, nullptr, expected.view(), {});
    const double one_chain = rms_of_one_chain(p, x, weights, expected);
    const std::vector<float> bias(32, 0.0F);
    for (std::size_t i = 0; i < weir::isa_names.size(); ++i) {
      const auto isa = static_cast<weir::Isa>(i);
      if (!weir::supported(isa)) continue;
      const weir::Context context({.isa = std::string(weir::to_string(isa))});
      // The channels of a blocked image are whole blocks.
      Tensor image = x, out(expected.shape());
      if (!plain) weir::kernels::to_blocked(context, shape, x.data(), image.data());
      // How many times the error of one chain is allowed.
      const std::map<std::string_view, double> allowed = {{"direct", 1.2}, {"winograd4x4", 5}, {"winograd2x2", 2}};
      std::size_t transformed = 0;
      for (auto& algorithm : weir::kernels::conv2d_algorithms(
               p, shape, plain ? weir::Layout::plain : weir::Layout::blocked, weir::kernels::microkernels(isa))) {
        algorithm->pack(weights.span());
        weir::Buffer workspace;
        algorithm->run(weir::detail::ThreadPool(1), {image.data(), nullptr, out.data(), 1, {}}, bias.data(),
                       workspace.reserve(algorithm->workspace_floats(1) + 1));
        weir::kernels::to_plain(context, expected.shape(), out.data(), y.data());
        double squares = 0;
        for (std::size_t k = 0; k < y.size(); ++k)
          squares += (double{y[k]} - double{expected[k]}) * (double{y[k]} - double{expected[k]});
        const double rms = std::sqrt(squares / static_cast<double>(y.size()));
        INFO(layer.channels, " channels, stride ", layer.stride, ", ", weir::to_string(isa), ", ", algorithm->name(),
             ": ", rms, " and ", one_chain);
        CHECK(rms < allowed.at(algorithm->name()) * one_chain);
        transformed += algorithm->name().starts_with("winograd");
      }
      CHECK(transformed == (plain ? 1 : 2));
    }
  }
}

}  // namespace WEIR_UNIT
