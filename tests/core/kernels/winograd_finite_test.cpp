// NaN and infinities on their way through Winograd's convolutions.
#include <cmath>
#include <cstring>
#include <weir/core/kernels/conv2d/list.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>

#include "kernels_test.hpp"

namespace WEIR_UNIT {

using namespace kernels_test;
using weir::kernels::Clamp, weir::Context, weir::kernels::Conv2dParams, weir::Layout, weir::Shape, weir::Tensor;

namespace {

struct Layer {
  std::int64_t in, out, groups, kernel, stride, height, width, pad;
};

/// Three images through one algorithm.
struct Problem {
  Conv2dParams p;
  Layout layout;
  Shape one_x, one_y;
  Tensor weights, bias, x, residual;

  explicit Problem(const Layer& l)
      : p{.in_channels = l.in,
          .out_channels = l.out,
          .groups = l.groups,
          .kernel_h = l.kernel,
          .kernel_w = l.kernel,
          .stride_h = l.stride,
          .stride_w = l.stride,
          .pad_top = l.pad,
          .pad_left = l.pad},  // of stride 2 some pixels at the lower and right edge are seen by no output
        layout(l.kernel == 7 ? Layout::plain : Layout::blocked),
        one_x{1, l.in, l.height, l.width},
        one_y(p.output_shape(one_x)),
        weights(numbers({l.out, l.in / l.groups, l.kernel, l.kernel}, 2)),
        bias(numbers({l.out}, 3)),
        x(numbers(one_x.with(0, 3), 4)),
        residual(numbers(one_y.with(0, 3), 5)) {
    for (std::size_t i = 0; i < weights.size(); i += 3) weights[i] = 0;
    for (std::int64_t i = 0; i < p.depth(); ++i) weights[static_cast<std::size_t>(i)] = 0;  // 0 times infinity is NaN
  }

  enum class Sum { none, apart, in_place };

  /// y of some images, plain again. behind: what a blocked x has behind its channels.
  std::vector<float> run(const Context& context, const weir::kernels::Conv2dAlgorithm& algorithm, std::int64_t first,
                         std::int64_t count, Sum sum, Clamp clamp, float behind = NAN) const {
    const auto some = [&](const Tensor& t, const Shape& one) {
      const auto floats = static_cast<std::size_t>(one.numel());
      const auto span = t.span().subspan(static_cast<std::size_t>(first) * floats);
      return Tensor(one.with(0, count), span.first(static_cast<std::size_t>(count) * floats));
    };
    std::vector<float> image = laid_out(some(x, one_x), layout, context, behind),
                       also = laid_out(some(residual, one_y), Layout::blocked, context, 0), y(also.size(), 7.0F),
                       biases(bias.span().begin(), bias.span().end());
    biases.resize(biases.size() + 32);
    if (sum == Sum::in_place) y = also;
    const float* added = sum == Sum::none ? nullptr : sum == Sum::apart ? also.data() : y.data();
    weir::Buffer workspace;
    algorithm.run(context.pool(), {image.data(), added, y.data(), count, clamp}, biases.data(),
                  workspace.reserve(algorithm.workspace_floats(context.threads()) + 1));
    const Tensor out = plain(y.data(), one_y.with(0, count), context);
    return {out.span().begin(), out.span().end()};
  }

  std::vector<float> expected(std::int64_t image, Sum sum, Clamp clamp) const {
    std::vector<float> y(static_cast<std::size_t>(one_y.numel()));
    weir::kernels::conv2d_reference(p, {x.data() + image * one_x.numel(), one_x}, weights.span(), bias.span(),
                                    sum == Sum::none ? nullptr : residual.data() + image * one_y.numel(),
                                    {y.data(), one_y}, clamp);
    return y;
  }
};

bool same_bits(const std::vector<float>& a, const float* b) {
  return std::memcmp(a.data(), b, a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("Winograd: NaN and infinities reach the outputs that see them, and no others change") {
  constexpr float inf = INFINITY;
  int tried = 0;
  for (const Layer& l :
       {Layer{20, 19, 1, 3, 1, 10, 11, 1}, Layer{5, 40, 1, 3, 1, 7, 6, 0}, Layer{3, 17, 1, 3, 2, 12, 15, 1},
        Layer{17, 16, 1, 3, 2, 8, 8, 0}, Layer{32, 64, 2, 3, 1, 6, 7, 1}, Layer{32, 32, 2, 3, 2, 9, 10, 1},
        Layer{3, 19, 1, 7, 2, 22, 27, 3}, Layer{1, 8, 1, 7, 2, 16, 141, 0}}) {
    Problem problem(l);
    struct Way {
      Context alone, shared;
      std::unique_ptr<weir::kernels::Conv2dAlgorithm> algorithm;
    };
    std::vector<Way> ways;
    for (std::size_t i = 0; i < weir::isa_names.size(); ++i) {
      if (!weir::supported(static_cast<weir::Isa>(i))) continue;
      const std::string isa(weir::isa_names[i]);
      for (auto& algorithm : weir::kernels::conv2d_algorithms(problem.p, problem.one_x, problem.layout,
                                                              weir::kernels::microkernels(static_cast<weir::Isa>(i))))
        if (algorithm->transforms()) {
          algorithm->pack(problem.weights.span());
          ways.push_back({Context({.isa = isa}), Context({.threads = 3, .isa = isa}), std::move(algorithm)});
        }
    }
    const Tensor clean = problem.x;
    const std::int64_t pixels = l.height * l.width;
    for (std::int64_t k = 0; k < pixels; k += 1 + pixels / 150) {
      // One number of the second image; in every fourth round two that make NaN of infinities.
      problem.x = clean;
      float* second = problem.x.data() + problem.one_x.numel();
      second[k * 7 % l.in * pixels + k] = k % 3 == 0 ? NAN : k % 3 == 1 ? inf : -inf;
      if (k % 4 == 0) second[k * 5 % l.in * pixels + (k + 2) % pixels] = k % 3 == 1 ? -inf : inf;
      const auto sum = static_cast<Problem::Sum>(k / 3 % 3);
      const Clamp clamp = k / 2 % 3 == 0 ? Clamp{} : k / 2 % 3 == 1 ? Clamp{0, inf} : Clamp{0, 6};
      const std::vector<float> expected = problem.expected(1, sum, clamp);
      for (const Way& way : ways) {
        INFO(l.in, " to ", l.out, " channels, ", l.kernel, "x", l.kernel, ", stride ", l.stride, ", ",
             weir::to_string(way.alone.isa()), ", ", way.algorithm->name(), ", pixel ", k);
        const std::vector<float> y = problem.run(way.alone, *way.algorithm, 1, 1, sum, clamp);
        bool right = true;
        for (std::size_t i = 0; i < y.size(); ++i)
          right = right && (std::isnan(expected[i])   ? std::isnan(y[i])
                            : std::isinf(expected[i]) ? y[i] == expected[i]
                                                      : std::abs(y[i] - expected[i]) < 1e-3F);
        CHECK(right);
        const std::vector<float> all = problem.run(way.shared, *way.algorithm, 0, 3, sum, clamp);
        CHECK(same_bits(y, all.data() + y.size()));
        // Tiles that are finite are transformed, whatever lies beside them.
        for (const std::int64_t other : {0, 2})
          CHECK(same_bits(problem.run(way.alone, *way.algorithm, other, 1, sum, clamp, 0),
                          all.data() + static_cast<std::size_t>(other) * y.size()));
        ++tried;
      }
    }
  }
  CHECK(tried > 1000);
}

TEST_CASE("Winograd: an image that holds no number at all") {
  Problem problem({20, 35, 1, 3, 1, 13, 11, 1});
  for (float& v : problem.x.span()) v = NAN;
  for (const Context& context : contexts())
    for (auto& algorithm : weir::kernels::conv2d_algorithms(problem.p, problem.one_x, problem.layout,
                                                            weir::kernels::microkernels(context.isa()))) {
      if (!algorithm->transforms()) continue;
      algorithm->pack(problem.weights.span());
      for (const float v : problem.run(context, *algorithm, 0, 3, Problem::Sum::none, {})) REQUIRE(std::isnan(v));
    }
}

}  // namespace WEIR_UNIT
