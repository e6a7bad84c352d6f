// Depthwise convolutions: the micro-kernel by its formula, and both algorithms on images that the random problems of
// conv2d_test.cpp do not reach.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/list.hpp>
#include <weir/core/kernels/reference/conv2d.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

namespace WEIR_UNIT {

using weir::kernels::Clamp, weir::Context, weir::kernels::Conv2dParams, weir::Isa, weir::Shape, weir::Tensor;

namespace {

std::vector<float> noise(std::size_t n, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(n);
  for (float& v : values) v = uniform(random);
  return values;
}

std::vector<Isa> isas() {
  std::vector<Isa> all;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512})
    if (weir::supported(isa)) all.push_back(isa);
  return all;
}

}  // namespace

TEST_CASE("micro-kernels: depthwise rows agree with their formula, and read and write nothing else") {
  std::mt19937 random(6);
  for (const Isa isa : isas()) {
    const auto& micro = weir::kernels::microkernels(isa);
    const std::int64_t L = micro.lanes;
    for (const std::int64_t KW : {3, 5})
      for (const std::int64_t S : {1, 2})
        for (std::int64_t R = 1; R <= weir::kernels::max_depthwise_rows; ++R)
          for (int variant = 0; variant < 8; ++variant) {
            const bool adds = variant % 2 == 1;
            const std::int64_t columns = (R - 1) * S + KW, absent_left = variant / 2 == 1 ? KW - 1 : variant / 4,
                               absent_right = variant / 2 >= 2 ? std::min(KW - 1, columns - absent_left) : 0;
            const std::int64_t tiles = absent_left + absent_right > 0 ? 1 : 3, rows = 2, kernel_rows = variant % 4;
            // Absent columns lie outside this memory, so that a sanitizer sees who reads them.
            const std::int64_t width = columns + (tiles - 1) * R * S - absent_left - absent_right;
            const auto x = noise(static_cast<std::size_t>((rows + kernel_rows) * width * L), random);
            const auto weights = noise(static_cast<std::size_t>((kernel_rows + 1) * KW * L), random);
            const auto bias = noise(static_cast<std::size_t>(L), random);
            const std::int64_t line = tiles * R * L;
            const auto residual = noise(static_cast<std::size_t>(rows * line), random);
            constexpr float untouched = 99;
            std::vector<float> y(static_cast<std::size_t>(rows * line + 8), untouched);
            const Clamp clamp{-0.5F, 0.75F};
            // The rows of x are a ring, of which the first that is seen is not the first that lies there.
            const std::int64_t ring = rows + kernel_rows, start = variant % ring;
            micro.depthwise_rows_of(KW, S, R)({.x = x.data(),
                                               .first = (start * width - absent_left) * L,
                                               .x_row = width * L,
                                               .kernel_row = width * L,
                                               .y_row = line,
                                               .x_wrap = (ring - start) * width * L,
                                               .x_ring = ring * width * L,
                                               .rows = rows,
                                               .tiles = tiles,
                                               .kernel_rows = kernel_rows,
                                               .absent_left = absent_left,
                                               .absent_right = absent_right,
                                               .weights = weights.data(),
                                               .bias = bias.data(),
                                               .residual = adds ? residual.data() : nullptr,
                                               .y = y.data(),
                                               .clamp = clamp});
            double worst = 0;
            for (std::int64_t i = 0; i < rows; ++i)
              for (std::int64_t j = 0; j < tiles * R; ++j)
                for (std::int64_t l = 0; l < L; ++l) {
                  const auto at = static_cast<std::size_t>(i * line + j * L + l);
                  double sum = double{bias[static_cast<std::size_t>(l)]} + (adds ? double{residual[at]} : 0.0);
                  for (std::int64_t r = 0; r < kernel_rows; ++r)
                    for (std::int64_t s = 0; s < KW; ++s) {
                      const std::int64_t column = j * S + s - absent_left;
                      if (column < 0 || column >= width) continue;
                      sum += double{x[static_cast<std::size_t>(((start + i + r) % ring * width + column) * L + l)]} *
                             double{weights[static_cast<std::size_t>((r * KW + s) * L + l)]};
                    }
                  worst = std::max(worst, std::abs(double{clamp(static_cast<float>(sum))} - double{y[at]}));
                }
            CAPTURE(KW);
            CAPTURE(S);
            CAPTURE(R);
            CAPTURE(variant);
            CHECK(worst < 1e-5);
            CHECK(std::all_of(y.end() - 8, y.end(), [](float v) { return v == untouched; }));
          }
  }
}

TEST_CASE("depthwise: wide, narrow and much padded images, by one thread and several, to the same bits") {
  struct Case {
    std::int64_t channels, H, W, kernel_h, kernel_w, stride_h, stride_w, top, left, bottom, right;
  };
  const Case cases[] = {
      {17, 20, 112, 3, 3, 1, 1, 1, 1, 1, 1},   // many tiles of a row
      {16, 31, 113, 3, 3, 2, 2, 0, 0, 1, 1},   // as TensorFlow pads
      {3, 9, 61, 5, 5, 2, 2, 2, 2, 2, 2},      // tiles of two sizes
      {33, 7, 7, 5, 5, 1, 1, 2, 2, 2, 2},      // one tile that reaches beyond both sides
      {16, 2, 1, 3, 3, 1, 1, 1, 1, 1, 1},      // of the kernel's columns one alone
      {5, 1, 30, 1, 5, 1, 1, 0, 4, 0, 4},      // a line, padded as far as can be
      {20, 14, 14, 3, 3, 1, 2, 9, 2, 9, 0},    // rows that see nothing but padding
      {8, 30, 30, 7, 3, 3, 1, 3, 1, 3, 1},     // a tall kernel, a long stride from row to row
      {96, 112, 112, 3, 3, 2, 2, 0, 0, 1, 1},  // MobileNetV2's largest
  };
  std::mt19937 random(7);
  for (const Case& c : cases) {
    Conv2dParams p;
    p.in_channels = p.out_channels = p.groups = c.channels;
    p.kernel_h = c.kernel_h, p.kernel_w = c.kernel_w, p.stride_h = c.stride_h, p.stride_w = c.stride_w;
    p.pad_top = c.top, p.pad_left = c.left, p.pad_bottom = c.bottom, p.pad_right = c.right;
    REQUIRE(weir::kernels::Depthwise::fits(p));
    const Shape x{2, c.channels, c.H, c.W}, y = p.output_shape(x);
    Tensor image(x, noise(static_cast<std::size_t>(x.numel()), random)),
        residual(y, noise(static_cast<std::size_t>(y.numel()), random)), expected(y);
    const auto weights = noise(static_cast<std::size_t>(c.channels * p.depth()), random);
    auto bias = noise(static_cast<std::size_t>(c.channels), random);
    weir::kernels::conv2d_reference(p, image, weights, bias, residual.data(), expected.view(), {-0.5F, 2.0F});
    bias.resize(static_cast<std::size_t>(weir::round_up(c.channels, 32)));
    for (const Isa isa : isas()) {
      const Context one({.isa = std::string(weir::isa_names[static_cast<std::size_t>(isa)])});
      const auto& micro = weir::kernels::microkernels(isa);
      const auto floats = [&](const Shape& s) {
        return static_cast<std::size_t>(weir::floats_of(s, weir::Layout::blocked, isa));
      };
      std::vector<float> in(floats(x)), add(floats(y)), first;
      weir::kernels::to_blocked(one, x, image.data(), in.data());
      weir::kernels::to_blocked(one, y, residual.data(), add.data());
      for (const auto& algorithm : weir::kernels::conv2d_algorithms(p, x, weir::Layout::blocked, micro))
        if (algorithm->name().starts_with("depthwise")) {
          algorithm->pack(weights);
          for (const int threads : {1, 2, 3}) {
            CAPTURE(c.W);
            CAPTURE(algorithm->name());
            CAPTURE(threads);
            const weir::detail::ThreadPool pool(threads);
            std::vector<float> out(floats(y)), workspace(algorithm->workspace_floats(threads) + 1);
            algorithm->run(pool, {in.data(), add.data(), out.data(), 2, {-0.5F, 2.0F}}, bias.data(), workspace.data());
            Tensor plain(y);
            weir::kernels::to_plain(one, y, out.data(), plain.data());
            double worst = 0;
            for (std::size_t k = 0; k < plain.size(); ++k)
              worst = std::max(worst, std::abs(double{plain[k]} - double{expected[k]}));
            CHECK(worst < 1e-4);
            // One image by itself: threads then share its rows.
            std::vector<float> alone(floats(y.with(0, 1)));
            algorithm->run(pool, {in.data(), add.data(), alone.data(), 1, {-0.5F, 2.0F}}, bias.data(),
                           workspace.data());
            CHECK(std::equal(alone.begin(), alone.end(), out.begin()));
            if (threads == 1) first = out;
            CHECK(out == first);
          }
        }
    }
  }
}

}  // namespace WEIR_UNIT
