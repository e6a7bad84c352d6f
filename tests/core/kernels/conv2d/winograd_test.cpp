#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <random>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/list.hpp>
#include <weir/core/kernels/micro/winograd_transforms.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

namespace winograd = weir::kernels::winograd;

namespace {

std::mt19937 random_bits(1);

template <class T>
T uniform() {
  return std::uniform_real_distribution<T>(-1, 1)(random_bits);
}

template <class Matrix, class V>
std::vector<double> times(const Matrix& matrix, const V& v) {
  std::vector<double> out;
  for (const auto& row : matrix) {
    double sum = 0;
    for (std::size_t j = 0; j < row.size(); ++j) sum += row[j] * static_cast<double>(v[j]);
    out.push_back(sum);
  }
  return out;
}

/// Y outputs by T weights.
template <int y, int t>
struct Sizes {
  static constexpr int Y = y, T = t, N = y + t - 1;
};
#define ALL_SIZES Sizes<4, 3>, Sizes<2, 3>, Sizes<4, 2>, Sizes<2, 2>, Sizes<4, 4>

}  // namespace

TEST_CASE_TEMPLATE("Winograd: the matrices make a correlation", Of, ALL_SIZES) {
  constexpr auto& m = winograd::matrices<Of::Y, Of::T>;
  std::array<double, Of::N> d;
  std::array<double, Of::T> g;
  for (double& v : d) v = uniform<double>();
  for (double& v : g) v = uniform<double>();
  std::vector<double> product = times(m.input, d);
  const std::vector<double> u = times(m.weight, g);
  for (std::size_t i = 0; i < d.size(); ++i) product[i] *= u[i];
  const std::vector<double> y = times(m.output, product);
  for (std::size_t i = 0; i < Of::Y; ++i) {
    double sum = 0;
    for (std::size_t t = 0; t < Of::T; ++t) sum += d[i + t] * g[t];
    CHECK(y[i] == doctest::Approx(sum).epsilon(1e-12));
  }
}

TEST_CASE_TEMPLATE("Winograd: the fast transforms are the matrices", Of, ALL_SIZES) {
  constexpr auto& matrices = winograd::matrices<Of::Y, Of::T>;
  constexpr std::size_t Y = Of::Y, N = Of::N, T = Of::T;
  for (int round = 0; round < 100; ++round) {
    float d[N], m[N], y[Y];
    for (std::size_t i = 0; i < N; ++i) d[i] = m[i] = uniform<float>();
    const std::vector<double> input = times(matrices.input, d), output = times(matrices.output, m);
    winograd::transform_input(d);
    winograd::transform_output(m, y);
    for (std::size_t i = 0; i < N; ++i) CHECK(std::abs(double{d[i]} - input[i]) < 2e-6);
    for (std::size_t i = 0; i < Y; ++i) CHECK(std::abs(double{y[i]} - output[i]) < 2e-6);
    std::array<std::array<float, T>, T> g;
    for (auto& row : g)
      for (float& v : row) v = uniform<float>();
    const auto u = winograd::transform_weights<Of::Y, Of::T>(g);
    for (std::size_t i = 0; i < N; ++i)
      for (std::size_t j = 0; j < N; ++j) {
        double sum = 0;
        for (std::size_t r = 0; r < T; ++r)
          for (std::size_t s = 0; s < T; ++s) sum += matrices.weight[i][r] * matrices.weight[j][s] * double{g[r][s]};
        CHECK(std::abs(double{u[N * i + j]} - sum) < 2e-6);
      }
  }
}

TEST_CASE_TEMPLATE("Winograd: what is not finite shows in the first or the last number of a transform", Of, ALL_SIZES) {
  for (std::size_t i = 0; i < Of::N; ++i)
    for (const float odd : {NAN, INFINITY, -INFINITY}) {
      float d[Of::N];
      for (float& v : d) v = uniform<float>();
      d[i] = odd;
      winograd::transform_input(d);
      CHECK((!std::isfinite(d[0]) || !std::isfinite(d[Of::N - 1])));
      // Of odd phases, whose last pixel has no part, in the first.
      if (i + 1 < Of::N && Of::N % 2 == 1) CHECK(!std::isfinite(d[0]));
    }
}

namespace {

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
