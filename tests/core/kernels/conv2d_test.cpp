#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "kernels_test.hpp"

namespace WEIR_UNIT {

using kernels_test::laid_out, kernels_test::plain;
using weir::kernels::Clamp, weir::Context, weir::kernels::Conv2dParams, weir::Isa, weir::Layout, weir::Shape,
    weir::Tensor;

namespace {

std::mt19937 random_bits(1);

std::int64_t pick(std::initializer_list<std::int64_t> values) { return values.begin()[random_bits() % values.size()]; }

Tensor noise(const Shape& shape) {
  Tensor t(shape);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& v : t.span()) v = uniform(random_bits);
  return t;
}

std::vector<Isa> isas() {
  std::vector<Isa> all;
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512})
    if (weir::supported(isa)) all.push_back(isa);
  return all;
}

/// A random convolution whose kernel fits the image.
struct Problem {
  Conv2dParams p;
  Shape x;
  Tensor weights, bias;

  Problem() {
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
      if (random_bits() % 4 == 0) p.kernel_h = p.kernel_w = 1;
      p.stride_h = pick({1, 1, 2, 3, 4}), p.stride_w = pick({1, 1, 2, 3, 4});
      p.dilation_h = pick({1, 1, 2}), p.dilation_w = pick({1, 1, 2});
      if (random_bits() % 3 == 0) {  // Winograd's
        p.kernel_h = p.kernel_w = 3;
        p.stride_h = p.stride_w = pick({1, 1, 2});
        p.dilation_h = p.dilation_w = 1;
        if (kind == 0 && p.in_channels < 17 && random_bits() % 3 == 0) {  // as first layers have it
          p.kernel_h = p.kernel_w = 7;
          p.stride_h = p.stride_w = 2;
        }
      }
      if (random_bits() % 3 != 0) {
        p.pad_top = pick({0, 1, 2, 9}), p.pad_left = pick({0, 1, 2, 18});
        p.pad_bottom = pick({0, 1, 2}), p.pad_right = pick({0, 1, 3});
      }
      const auto side = [] { return static_cast<std::int64_t>(1 + random_bits() % 17); };
      x = Shape{1, p.in_channels, side(), side()};
      if (random_bits() % 8 == 0) x = x.with(3, 40 + side());
      if (p.kernel_h == 7 && random_bits() % 2 == 0) x = x.with(3, 120 + 9 * side());  // tiles for whole vectors
      if (random_bits() % 6 == 0) {                                                    // y is a pixel
        p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = 0, p.dilation_h = p.dilation_w = 1;
        x = Shape{1, p.in_channels, p.kernel_h, p.kernel_w};
      }
    } while (x[2] + p.pad_top + p.pad_bottom < p.extent_h() || x[3] + p.pad_left + p.pad_right < p.extent_w());
    weights = noise({p.out_channels, p.in_channels / p.groups, p.kernel_h, p.kernel_w});
    bias = noise({p.out_channels});
  }

  std::string text() const {
    return x.to_string() + " by " + weights.shape().to_string() + " groups " + std::to_string(p.groups) + " stride " +
           std::to_string(p.stride_h) + "," + std::to_string(p.stride_w) + " dilation " + std::to_string(p.dilation_h) +
           "," + std::to_string(p.dilation_w) + " pads " + std::to_string(p.pad_top) + "," +
           std::to_string(p.pad_left) + "," + std::to_string(p.pad_bottom) + "," + std::to_string(p.pad_right);
  }

  /// For each output the sum of the magnitudes of its terms, which bounds the rounding error.
  Tensor magnitudes(const Tensor& image, const Tensor& residual) const {
    Tensor ax = image, aw = weights, ab = bias, ar = residual, y(p.output_shape(image.shape()));
    for (Tensor* t : {&ax, &aw, &ab, &ar})
      for (float& v : t->span()) v = std::abs(v);
    weir::kernels::conv2d_reference(p, ax, aw.span(), ab.span(), ar.data(), y.view(), {});
    return y;
  }
};

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

}  // namespace

TEST_CASE("Conv2d: every algorithm on every instruction set agrees with the reference and stays within its memory") {
  int stems = 0;
  for (int round = 0; round < 400; ++round) {
    const Problem problem;
    const Tensor x = noise(problem.x), residual = noise(problem.p.output_shape(problem.x));
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

TEST_CASE("PackedConv2d: bits depend neither on the batch, nor on batch-mates, nor on threads") {
  for (int round = 0; round < 60; ++round) {
    const Problem problem;
    const Shape batch = problem.x.with(0, 5);
    const Tensor x = noise(batch);
    for (const Isa isa : isas())
      for (const Layout layout : {Layout::plain, Layout::blocked}) {
        INFO(problem.text(), " with ", weir::to_string(isa));
        const Context one({.isa = std::string(weir::to_string(isa))});
        const weir::kernels::PackedConv2d conv(problem.p, problem.weights.span(), problem.bias.span(), one, problem.x,
                                               layout);
        const Shape out = problem.p.output_shape(batch), single_out = out.with(0, 1);
        const std::vector<float> images = laid_out(x, layout, one);
        std::vector<float> all(static_cast<std::size_t>(weir::floats_of(out, Layout::blocked, isa))),
            single(all.size() / 5);
        const auto same = [&](const float* a, const float* b) {
          const Tensor p = plain(a, single_out, one), q = plain(b, single_out, one);
          return std::memcmp(p.data(), q.data(), p.size() * sizeof(float)) == 0;
        };
        weir::Buffer workspace;
        for (const int threads : {1, 2, 3, 4}) {
          const Context context({.threads = threads, .isa = std::string(weir::to_string(isa))});
          conv.run(context, {images.data(), batch}, nullptr, {all.data(), out}, {},
                   workspace.reserve(conv.workspace_floats(context, batch) + 1));
          for (std::size_t n = 0; n < 5; ++n) {
            conv.run(context, {images.data() + n * images.size() / 5, problem.x}, nullptr, {single.data(), single_out},
                     {}, workspace.reserve(conv.workspace_floats(context, problem.x) + 1));
            CHECK(same(all.data() + n * single.size(), single.data()));
          }
        }
        // A spoilt image spoils nobody else.
        std::vector<float> spoilt = images, after(all.size());
        std::fill_n(spoilt.begin() + static_cast<std::ptrdiff_t>(2 * images.size() / 5), images.size() / 5,
                    std::nanf(""));
        conv.run(one, {spoilt.data(), batch}, nullptr, {after.data(), out}, {},
                 workspace.reserve(conv.workspace_floats(one, batch) + 1));
        for (const std::size_t n : {0U, 1U, 3U, 4U})
          CHECK(same(all.data() + n * single.size(), after.data() + n * single.size()));
      }
  }
}

TEST_CASE("PackedConv2d: a 3x3 layer of a residual network is transformed, unless the context forbids it") {
  const Shape shape{5, 64, 14, 13};
  const Conv2dParams p = kernels_test::padded(64, 96, 3);  // of few images threads take one and a half blocks each
  const Tensor x = noise(shape), weights = noise({96, 64, 3, 3});
  for (const Isa isa : isas()) {
    const auto run = [&](const Shape& images, int threads, bool winograd) {
      const Context context({.threads = threads, .isa = std::string(weir::to_string(isa)), .winograd = winograd});
      const weir::kernels::PackedConv2d conv(p, weights.span(), {}, context, images);
      CHECK(conv.algorithm() == (winograd ? "winograd4x4" : "direct"));
      const Shape out = p.output_shape(images);
      const std::vector<float> in =
          laid_out({images, x.span().first(static_cast<std::size_t>(images.numel()))}, Layout::blocked, context);
      std::vector<float> y(static_cast<std::size_t>(weir::floats_of(out, Layout::blocked, isa)));
      weir::Buffer workspace;
      conv.run(context, {in.data(), images}, nullptr, {y.data(), out}, {},
               workspace.reserve(conv.workspace_floats(context, images) + 1));
      return plain(y.data(), out, context);
    };
    const Tensor all = run(shape, 1, true), direct = run(shape, 1, false);
    for (const int threads : {2, 3, 4, 8})  // eight share out tiles and channels
      for (const std::int64_t images : {1, 5}) {
        const Tensor some = run(shape.with(0, images), threads, true);
        CHECK(std::memcmp(all.data(), some.data(), some.size() * sizeof(float)) == 0);
      }
    double worst = 0;
    for (std::size_t i = 0; i < all.size(); ++i) worst = std::max(worst, double{std::abs(all[i] - direct[i])});
    CHECK(worst > 0);
    CHECK(worst < 1e-4);
  }
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

TEST_CASE("PackedConv2d: OpenBLAS agrees with the reference, and an image with itself in a batch") {
  if (!weir::kernels::openblas()) return;  // it is not installed; gemm_test looks at what is said then
  const Context context({.gemm = "openblas"});
  for (int round = 0; round < 60; ++round) {
    const Problem problem;
    INFO(problem.text());
    const Shape batch = problem.x.with(0, 3);
    const Tensor x = noise(batch), residual = noise(problem.p.output_shape(batch));
    const weir::kernels::PackedConv2d conv(problem.p, problem.weights.span(), problem.bias.span(), context, problem.x);
    CHECK(conv.algorithm() == "openblas");
    weir::Buffer workspace;
    workspace.reserve(conv.workspace_floats(context, batch) + 1);
    Tensor y = residual, expected(y.shape()), single(problem.p.output_shape(problem.x));
    conv.run(context, x, y.data(), y.view(), {.lo = 0}, workspace.data());
    weir::kernels::conv2d_reference(problem.p, x, problem.weights.span(), problem.bias.span(), residual.data(),
                                    expected.view(), {.lo = 0});
    const Tensor magnitude = problem.magnitudes(x, residual);
    double worst = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
      worst = std::max(worst, std::abs(double{y[i]} - double{expected[i]}) / double{magnitude[i] + 1e-6F});
    CHECK(worst < 3e-6);
    const std::size_t last = 2 * single.size();
    conv.run(context, {x.data() + 2 * x.size() / 3, problem.x}, residual.data() + last, single.view(), {.lo = 0},
             workspace.data());
    CHECK(std::memcmp(single.data(), y.data() + last, single.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("PackedConv2d: sizes that do not fit are refused") {
  const Context context;
  const Conv2dParams p{.in_channels = 4, .out_channels = 6, .kernel_h = 3, .kernel_w = 3};
  const std::vector<float> weights(6 * 4 * 9), bias(6);
  const auto make = [&](Conv2dParams q, std::size_t w, std::size_t b, const Shape& x) {
    return weir::kernels::PackedConv2d(q, std::span(weights).first(w), std::span(bias).first(b), context, x);
  };
  CHECK(make(p, 216, 0, {1, 4, 5, 5}).algorithm() != "");
  CHECK_THROWS_AS(make(p, 215, 6, {1, 4, 5, 5}), weir::ShapeError);
  CHECK_THROWS_AS(make(p, 216, 5, {1, 4, 5, 5}), weir::ShapeError);
  CHECK_THROWS_AS(make(p, 216, 6, {1, 3, 5, 5}), weir::ShapeError);
  CHECK_THROWS_AS(make(p, 216, 6, {1, 4, 2, 5}), weir::ShapeError);
  CHECK_THROWS_AS(make(p, 216, 6, {4, 5, 5}), weir::ShapeError);
  Conv2dParams q = p;
  q.groups = 4;
  CHECK_THROWS_AS(make(q, 54, 6, {1, 4, 5, 5}), weir::ShapeError);
  for (auto field : {&Conv2dParams::stride_h, &Conv2dParams::dilation_w, &Conv2dParams::groups, &Conv2dParams::kernel_h,
                     &Conv2dParams::out_channels}) {
    q = p;
    q.*field = 0;
    CHECK_THROWS_AS(q.output_shape({1, 4, 5, 5}), weir::ShapeError);
  }
  q = p;
  q.pad_left = -1;
  CHECK_THROWS_AS(q.output_shape({1, 4, 5, 5}), weir::ShapeError);
  q = p;
  q.pad_bottom = std::int64_t{1} << 40;
  CHECK_THROWS_AS(q.output_shape({1, 4, 5, 5}), weir::ShapeError);
  CHECK(p.output_shape({7, 4, 5, 9}) == Shape{7, 6, 3, 7});
  CHECK(p.flops({1, 4, 3, 3}) == 2 * 6 * 36);
}

}  // namespace WEIR_UNIT
