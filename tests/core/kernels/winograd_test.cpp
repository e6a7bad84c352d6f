#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <weir/core/kernels/conv2d/list.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>
#include <weir/core/kernels/reorder.hpp>

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

}  // namespace

TEST_CASE("Winograd: the matrices make a correlation") {
  std::array<double, 6> d;
  std::array<double, 3> g;
  for (double& v : d) v = uniform<double>();
  for (double& v : g) v = uniform<double>();
  std::vector<double> product = times(winograd::input_matrix, d);
  const std::vector<double> u = times(winograd::weight_matrix, g);
  for (std::size_t i = 0; i < 6; ++i) product[i] *= u[i];
  const std::vector<double> y = times(winograd::output_matrix, product);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(y[i] == doctest::Approx(d[i] * g[0] + d[i + 1] * g[1] + d[i + 2] * g[2]).epsilon(1e-12));
}

TEST_CASE("Winograd: the fast transforms are the matrices") {
  for (int round = 0; round < 100; ++round) {
    float d[6], m[6], y[4];
    for (int i = 0; i < 6; ++i) d[i] = m[i] = uniform<float>();
    const std::vector<double> input = times(winograd::input_matrix, d), output = times(winograd::output_matrix, m);
    winograd::transform_input(d);
    winograd::transform_output(m, y);
    for (std::size_t i = 0; i < 6; ++i) CHECK(std::abs(double{d[i]} - input[i]) < 2e-6);
    for (std::size_t i = 0; i < 4; ++i) CHECK(std::abs(double{y[i]} - output[i]) < 2e-6);
  }
}

namespace {

/// Root mean square of the errors of sums that are each one chain of fused multiply-adds: a 3x3 convolution, padding 1.
double rms_of_one_chain(const weir::Conv2dParams& p, const weir::Tensor& x, const weir::Tensor& weights,
                        const weir::Tensor& expected) {
  const std::int64_t C = p.in_channels, H = x.shape()[2], W = x.shape()[3];
  double squares = 0;
  for (std::int64_t m = 0; m < p.out_channels; ++m)
    for (std::int64_t i = 0; i < H; ++i)
      for (std::int64_t j = 0; j < W; ++j) {
        float sum = 0;
        for (std::int64_t c = 0; c < C; ++c)
          for (std::int64_t r = 0; r < 3; ++r)
            for (std::int64_t s = 0; s < 3; ++s) {
              const std::int64_t y = i + r - 1, z = j + s - 1;
              if (y < 0 || y >= H || z < 0 || z >= W) continue;
              sum = std::fma(x[static_cast<std::size_t>((c * H + y) * W + z)],
                             weights[static_cast<std::size_t>(((m * C + c) * 3 + r) * 3 + s)], sum);
            }
        const double error = double{sum} - double{expected[static_cast<std::size_t>((m * H + i) * W + j)]};
        squares += error * error;
      }
  return std::sqrt(squares / static_cast<double>(expected.size()));
}

}  // namespace

TEST_CASE("Winograd: rounds at most a few times more than one chain of additions, direct algorithms not more") {
  using weir::Shape, weir::Tensor;
  struct Layer {
    std::int64_t channels, side;
  };
  for (const Layer layer : {Layer{16, 32}, Layer{64, 14}, Layer{256, 7}}) {
    const weir::Conv2dParams p{.in_channels = layer.channels,
                               .out_channels = 16,
                               .kernel_h = 3,
                               .kernel_w = 3,
                               .pad_top = 1,
                               .pad_left = 1,
                               .pad_bottom = 1,
                               .pad_right = 1};
    const Shape shape{1, layer.channels, layer.side, layer.side};
    Tensor x(shape), weights({16, layer.channels, 3, 3}), expected(p.output_shape(shape)), y(expected.shape());
    for (Tensor* t : {&x, &weights})
      for (float& v : t->span()) v = uniform<float>();
    weir::conv2d_reference(p, x, weights.span(), {}, nullptr, expected.view(), {});
    const double one_chain = rms_of_one_chain(p, x, weights, expected);
    const std::vector<float> bias(32, 0.0F);
    for (std::size_t i = 0; i < weir::isa_names.size(); ++i) {
      const auto isa = static_cast<weir::Isa>(i);
      if (!weir::supported(isa)) continue;
      double direct = 0, transformed = 0;
      const weir::Context context({.isa = std::string(weir::to_string(isa))});
      // The channels are whole blocks.
      Tensor image(shape), out(expected.shape());
      weir::to_blocked(context, shape, x.data(), image.data());
      for (auto& algorithm :
           weir::kernels::conv2d_algorithms(p, shape, weir::Layout::blocked, weir::kernels::microkernels(isa))) {
        algorithm->pack(weights.span());
        weir::Buffer workspace;
        algorithm->run(weir::ThreadPool(1), {image.data(), nullptr, out.data(), 1, {}}, bias.data(),
                       workspace.reserve(algorithm->workspace_floats(1) + 1));
        weir::to_plain(context, expected.shape(), out.data(), y.data());
        double squares = 0;
        for (std::size_t k = 0; k < y.size(); ++k)
          squares += (double{y[k]} - double{expected[k]}) * (double{y[k]} - double{expected[k]});
        const double rms = std::sqrt(squares / static_cast<double>(y.size()));
        (algorithm->name() == "winograd" ? transformed : direct) = rms;
      }
      INFO(layer.channels, " channels, ", weir::to_string(isa), ": ", direct, ", ", transformed, " and ", one_chain);
      CHECK(transformed > 0);
      CHECK(transformed < 5 * one_chain);
      CHECK(direct < 1.2 * one_chain);
    }
  }
}

}  // namespace WEIR_UNIT
