#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/list.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "conv2d_test.hpp"

namespace WEIR_UNIT {

using conv2d_test::Guarded, conv2d_test::isas, conv2d_test::Problem, conv2d_test::Random;
using kernels_test::laid_out, kernels_test::plain;
using weir::kernels::Clamp, weir::Context, weir::kernels::Conv2dParams, weir::Isa, weir::Layout, weir::Shape,
    weir::Tensor;

namespace {

/// The largest magnitude in each side x side tile of y: Winograd's transforms mix all that a tile sees, so an output of
/// small terms carries the rounding of its neighbours' larger ones.
Tensor tile_maxima(const Tensor& magnitude, std::size_t side) {
  const auto H = static_cast<std::size_t>(magnitude.shape()[2]), W = static_cast<std::size_t>(magnitude.shape()[3]);
  Tensor maxima = magnitude;
  for (std::size_t k = 0; k < maxima.size(); ++k) {
    const std::size_t row = k / W % H / side * side, column = k % W / side * side, plane = k / (H * W) * (H * W);
    for (std::size_t i = row; i < std::min(row + side, H); ++i)
      for (std::size_t j = column; j < std::min(column + side, W); ++j)
        maxima[k] = std::max(maxima[k], magnitude[plane + i * W + j]);
  }
  return maxima;
}

}  // namespace

TEST_CASE("Conv2d: every algorithm on every instruction set agrees with the reference and stays within its memory") {
  Random random;
  int stems = 0;
  for (int round = 0; round < 400; ++round) {
    const Problem problem(random);
    const Tensor x = random.noise(problem.x), residual = random.noise(problem.p.output_shape(problem.x));
    const Clamp clamp = round % 3 == 0 ? Clamp{} : round % 3 == 1 ? Clamp{.lo = 0} : Clamp{-0.5F, 0.75F};
    const bool adds = round % 2 == 0;
    Tensor expected(residual.shape());
    weir::kernels::conv2d_reference(problem.p, x, problem.weights.span(), problem.bias.span(),
                                    adds ? residual.data() : nullptr, expected.view(), clamp);
    const Tensor magnitude = problem.magnitudes(x, residual);
    for (const Isa isa : isas())
      for (const Layout layout : {Layout::plain, Layout::blocked}) {
        const Context context({.isa = std::string(weir::to_string(isa))});
        const std::vector<float> image = laid_out(x, layout, context),
                                 summand = laid_out(residual, Layout::blocked, context);
        std::vector<float> bias(problem.bias.span().begin(), problem.bias.span().end());
        bias.resize(bias.size() + 32);
        for (auto& algorithm :
             weir::kernels::conv2d_algorithms(problem.p, problem.x, layout, weir::kernels::microkernels(isa))) {
          const std::string_view name = algorithm->name();  // winograd4x4
          const Tensor scale = name.starts_with("winograd")
                                   ? tile_maxima(magnitude, static_cast<std::size_t>(name.back() - '0'))
                                   : magnitude;
          INFO(problem.text(), " with ", weir::to_string(isa), ", ", algorithm->name(), " from ",
               layout == Layout::plain ? "plain" : "blocked");
          algorithm->pack(problem.weights.span());
          CHECK(algorithm->cost() > 0);
          stems += layout == Layout::plain && name.starts_with("winograd");
          Tensor first;
          for (const int threads : {1, 2}) {
            Guarded y(summand.size()), workspace(algorithm->workspace_floats(threads));
            std::copy(summand.begin(), summand.end(), y.data());
            algorithm->run(weir::detail::ThreadPool(threads),
                           {image.data(), adds ? y.data() : nullptr, y.data(), 1, clamp}, bias.data(),
                           workspace.data());
            CHECK(y.intact());
            CHECK(workspace.intact());
            const Tensor result = plain(y.data(), residual.shape(), context);
            double worst = 0;
            for (std::size_t i = 0; i < expected.size(); ++i) {
              const double error = std::abs(double{result[i]} - double{expected[i]}) / double{scale[i] + 1e-6F};
              worst = std::isnan(error) ? 1e30 : std::max(worst, error);
            }
            CHECK(worst < 3e-6);
            if (threads == 1) first = result;
            CHECK(std::memcmp(first.data(), result.data(), result.size() * sizeof(float)) == 0);
          }
        }
      }
  }
  CHECK(stems > 10);
}

TEST_CASE("choose_conv2d: the 7x7 layer that networks begin with is transformed, unless the context forbids it") {
  const Conv2dParams p = kernels_test::padded(3, 64, 7, 2);
  for (const Isa isa : isas()) {
    const auto& micro = weir::kernels::microkernels(isa);
    const auto name = [&](std::int64_t side, bool winograd) {
      return std::string(
          weir::kernels::choose_conv2d(p, Shape{1, 3, side, side}, Layout::plain, micro, winograd)->name());
    };
    for (const std::int64_t side : {64, 224, 299}) {
      CHECK(name(side, true) == "winograd4x4");
      CHECK(name(side, false) == "direct");
    }
  }
}

TEST_CASE("choose_conv2d: large tiles are transformed where weights stay in a cache, small ones where they do not") {
  if (!weir::supported(Isa::avx512)) return;
  struct Layer {
    std::int64_t in, out, side, stride;
    const char* expected;
  };
  // All but the last two are ResNet-18's. 512 channels: 36 MiB of transformed weights for tiles of 4x4, 16 MiB of 2x2.
  for (const Layer& l : {Layer{64, 64, 56, 1, "winograd4x4"}, Layer{64, 128, 56, 2, "winograd4x4"},
                         Layer{128, 256, 28, 2, "winograd2x2"}, Layer{256, 256, 14, 1, "winograd4x4"},
                         Layer{256, 512, 14, 2, "direct"}, Layer{512, 512, 7, 1, "winograd2x2"},
                         Layer{96, 96, 7, 1, "winograd4x4"}, Layer{16, 16, 32, 1, "winograd4x4"}}) {
    const Conv2dParams p = kernels_test::padded(l.in, l.out, 3, l.stride);
    INFO(l.in, " to ", l.out, " channels of ", l.side, " x ", l.side, ", stride ", l.stride);
    const auto chosen = [&](std::int64_t batch) {
      const Shape x{batch, l.in, l.side, l.side};
      return std::string(
          weir::kernels::choose_conv2d(p, x, Layout::blocked, weir::kernels::microkernels(Isa::avx512), true)->name());
    };
    CHECK(chosen(1) == l.expected);
    CHECK(chosen(64) == l.expected);
  }
}

}  // namespace WEIR_UNIT
