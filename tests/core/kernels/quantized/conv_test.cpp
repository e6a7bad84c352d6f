// Convolutions and products of 8-bit integers against their formula: all bits, on every instruction set, however the
// rows, output channels and images are shared.
#include <doctest/doctest.h>

#include <random>
#include <weir/core/kernels/quantized/convert.hpp>
#include <weir/core/kernels/reference/quantized_conv2d.hpp>
#include <weir/core/memory/blocks.hpp>
#include <weir/core/tensor.hpp>

namespace {
namespace WEIR_UNIT {

using weir::kernels::Conv2dParams, weir::Element, weir::Isa, weir::Layout, weir::Shape;
using weir::quantized::ConvNumbers, weir::quantized::PackedConv, weir::quantized::Source;

struct Case {
  Conv2dParams p;
  Shape x;
  Element in = Element::uint8, weights = Element::int8, out = Element::uint8;
  bool each_channel = true;
};

ConvNumbers numbers_of(const Case& c, std::mt19937& random) {
  const auto any = [&](Element e) {
    return std::uniform_int_distribution<std::int32_t>(weir::quantized::lowest(e), weir::quantized::highest(e))(random);
  };
  ConvNumbers n;
  n.x = {0.02F, any(c.in), c.in};
  n.y = {0.5F, any(c.out), c.out};
  const std::int64_t M = c.p.out_channels;
  for (std::int64_t i = 0; i < M * c.p.depth(); ++i) n.weights.push_back(any(c.weights));
  for (std::int64_t m = 0; m < (c.each_channel ? M : 1); ++m) {
    n.weights_scale.push_back(0.01F + 0.001F * static_cast<float>(m % 7));
    n.weights_zero.push_back(c.weights == Element::uint8 ? any(c.weights) : 0);
  }
  for (std::int64_t m = 0; m < M; ++m) n.bias.push_back(any(Element::int8) * 100);
  return n;
}

/// The integers of y, plain.
std::vector<std::int32_t> computed(const Case& c, const ConvNumbers& n, const std::vector<std::int32_t>& x, Isa isa,
                                   int threads, Source source) {
  const weir::Context context({.threads = threads, .isa = std::string(to_string(isa))});
  const Layout in = source == Source::blocked ? Layout::blocked : Layout::plain;
  const Shape y = c.p.output_shape(c.x);
  weir::Tensor plain(c.x), stored(Shape{floats_of(c.x, in, isa)}), result(Shape{floats_of(y, Layout::blocked, isa)}),
      back(y);
  for (std::size_t i = 0; i < x.size(); ++i) plain[i] = static_cast<float>(x[i]);
  weir::kernels::convert(context, c.x, {plain.data(), Layout::plain, Element::float32}, {stored.data(), in, c.in});
  const PackedConv conv(c.p, n, isa, c.x, source);
  weir::Buffer workspace;
  workspace.reserve(weir::kernels::workspaces_floats(threads, conv.workspace_floats()));
  conv.run(context, stored.data(), nullptr, result.data(), c.x[0], workspace.data());
  weir::kernels::convert(context, y, {result.data(), Layout::blocked, c.out},
                         {back.data(), Layout::plain, Element::float32});
  std::vector<std::int32_t> all;
  for (const float v : back.span()) all.push_back(static_cast<std::int32_t>(v));
  return all;
}

TEST_CASE("Convolutions of 8-bit integers give the bits of their formula") {
  std::mt19937 random(3);
  std::vector<Case> cases;
  const auto conv = [](std::int64_t C, std::int64_t M, std::int64_t groups, std::int64_t kernel, std::int64_t stride,
                       std::int64_t pad) {
    return Conv2dParams{C, M, groups, kernel, kernel, stride, stride, 1, 1, pad, pad, pad, pad};
  };
  cases.push_back({conv(3, 20, 1, 7, 2, 3), {1, 3, 23, 29}});
  cases.push_back({conv(64, 48, 1, 3, 1, 1), {2, 64, 9, 13}, Element::int8, Element::int8, Element::int8});
  cases.push_back({conv(19, 33, 1, 1, 1, 0), {5, 19, 7, 7}, Element::uint8, Element::uint8});
  cases.push_back({conv(40, 24, 1, 1, 2, 0), {1, 40, 15, 15}, Element::int8, Element::int8, Element::int8, false});
  cases.push_back({conv(24, 24, 24, 3, 1, 1), {1, 24, 14, 11}});
  cases.push_back({conv(21, 21, 21, 5, 2, 2), {4, 21, 13, 13}, Element::int8, Element::uint8, Element::int8});
  cases.push_back({conv(24, 36, 4, 3, 1, 1), {1, 24, 6, 5}});
  cases.push_back({{16, 17, 1, 3, 2, 1, 2, 2, 3, 0, 2, 3, 1}, {1, 16, 17, 9}});
  for (const Case& c : cases) {
    const ConvNumbers n = numbers_of(c, random);
    REQUIRE(!n.overflowing(c.p.out_channels, c.p.depth()));
    std::vector<std::int32_t> x;
    for (std::int64_t i = 0; i < c.x.numel(); ++i)
      x.push_back(std::uniform_int_distribution<std::int32_t>(weir::quantized::lowest(c.in),
                                                              weir::quantized::highest(c.in))(random));
    const auto right = weir::reference::quantized_conv2d(c.p, n, c.x, x);
    for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (!weir::supported(isa)) continue;
      for (const int threads : {1, 2})
        for (const Source source : {Source::blocked, Source::plain}) {
          CAPTURE(c.x.to_string());
          CAPTURE(c.p.out_channels);
          CAPTURE(to_string(isa));
          CAPTURE(threads);
          CHECK((computed(c, n, x, isa, threads, source) == right));
        }
    }
  }
}

TEST_CASE("Products of 8-bit integers give the bits of their formula") {
  std::mt19937 random(5);
  Conv2dParams p;
  p.in_channels = 37, p.out_channels = 45;
  const Case c{p, {1, 37, 1, 1}};
  const ConvNumbers n = numbers_of(c, random);
  constexpr std::int64_t rows = 31;
  std::vector<std::uint8_t> x;
  std::vector<std::int32_t> right;
  for (std::int64_t i = 0; i < rows; ++i) {
    std::vector<std::int32_t> row;
    for (std::int64_t k = 0; k < 37; ++k) row.push_back(static_cast<std::int32_t>(random() % 256));
    x.insert(x.end(), row.begin(), row.end());
    for (const std::int32_t v : weir::reference::quantized_conv2d(p, n, c.x, row)) right.push_back(v);
  }
  for (const Isa isa : {Isa::portable, Isa::avx2}) {
    if (!weir::supported(isa)) continue;
    const weir::Context context({.threads = 2, .isa = std::string(to_string(isa))});
    const PackedConv product(p, n, isa, {1, 37, 1, 24}, Source::rows);
    weir::Buffer workspace;
    workspace.reserve(weir::kernels::workspaces_floats(2, product.workspace_floats()));
    std::vector<std::uint8_t> y(static_cast<std::size_t>(rows * 45));
    product.run(context, x.data(), nullptr, y.data(), rows, workspace.data());
    CHECK((std::vector<std::int32_t>(y.begin(), y.end()) == right));
  }
}

TEST_CASE("Sums that may not fit into 32 bits are found") {
  ConvNumbers n;
  n.weights.assign(70000, 127);
  CHECK(!n.overflowing(2, 35000));
  n.weights.assign(140000, 127);
  CHECK(n.overflowing(2, 70000) == 0);
}

}  // namespace WEIR_UNIT
}  // namespace
