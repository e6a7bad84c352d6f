// Every way to compute a convolution of 8-bit integers against its formula: all bits, for weights and pixels at the
// ends of their ranges too, whole and in parts, alone and with a sum behind it.
#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <weir/core/kernels/quantized/conv.hpp>
#include <weir/core/kernels/quantized/convert.hpp>
#include <weir/core/kernels/reference/quantized_conv2d.hpp>
#include <weir/core/memory/blocks.hpp>
#include <weir/core/tensor.hpp>

namespace {
namespace WEIR_UNIT {

using namespace weir::quantized;
using weir::kernels::Conv2dParams, weir::Element, weir::Isa, weir::Layout, weir::Shape;

/// What weights and pixels are drawn from. few_large: small weights but for some of channel 0.
enum class Drawn { any, seven_bits, few_large, ends };

struct Case {
  Conv2dParams p;
  Shape x;
  Element element;
  Drawn drawn;
  bool sum;
};

std::int32_t draw(std::mt19937& random, Element e, Drawn drawn) {
  const std::int32_t low = lowest(e), high = highest(e);
  if (drawn == Drawn::ends) return random() % 8 < 4 ? low : high;
  return std::uniform_int_distribution<std::int32_t>(low, high)(random);
}

ConvNumbers numbers_of(const Case& c, std::mt19937& random) {
  ConvNumbers n;
  n.x = {0.02F, draw(random, c.element, c.drawn), c.element};
  n.y = {40.0F / static_cast<float>(c.p.depth()), draw(random, c.element, Drawn::any), c.element};
  const std::int32_t limit = c.drawn == Drawn::seven_bits ? 2 : c.drawn == Drawn::few_large ? 5 : 1;
  for (std::int64_t i = 0; i < c.p.out_channels * c.p.depth(); ++i)
    n.weights.push_back(draw(random, Element::int8, c.drawn) / limit);
  const std::int64_t area = c.p.kernel_h * c.p.kernel_w;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(8, c.p.depth() / area) && c.drawn == Drawn::few_large; ++i)
    n.weights[static_cast<std::size_t>(i * area)] = 60;
  for (std::int64_t m = 0; m < c.p.out_channels; ++m) {
    n.weights_scale.push_back(0.01F + 0.001F * static_cast<float>(m % 7));
    n.bias.push_back(draw(random, Element::int8, Drawn::any) * 100);
  }
  n.weights_zero = {0};
  if (random() % 2 == 0) n.low = n.y.zero;
  return n;
}

std::vector<std::int32_t> images(std::mt19937& random, const Shape& shape, Element e, Drawn drawn) {
  std::vector<std::int32_t> all;
  for (std::int64_t i = 0; i < shape.numel(); ++i) all.push_back(draw(random, e, drawn));
  return all;
}

/// Bytes of integers in blocked layout, behind which nothing may be read.
weir::Tensor stored(const weir::Context& context, const Shape& shape, const std::vector<std::int32_t>& values,
                    Element e) {
  weir::Tensor plain(shape), blocked(Shape{floats_of(shape, Layout::blocked, context.isa()) / 4 + 1});
  for (std::size_t i = 0; i < values.size(); ++i) plain[i] = static_cast<float>(values[i]);
  weir::kernels::convert(context, shape, {plain.data(), Layout::plain, Element::float32},
                         {blocked.data(), Layout::blocked, e});
  return blocked;
}

/// All ways that fit, by name.
std::vector<std::shared_ptr<const ConvAlgorithm>> algorithms(const ConvGeometry& g, const ConvNumbers& n) {
  std::vector<std::shared_ptr<const ConvAlgorithm>> all = {std::make_shared<WordConv>(g, n)};
  if (ByteConv::fits(g)) all.push_back(std::make_shared<ByteConv>(g, n));
  if (Winograd::fits(g, n)) all.push_back(std::make_shared<Winograd>(g, n));
  if (DepthwiseConv::fits(g) && !g.sum) all.push_back(std::make_shared<DepthwiseConv>(g, n));
  if (DepthwiseConv::fits(g) && !g.sum && DepthwiseBytes::fits(g, n))
    all.push_back(std::make_shared<DepthwiseBytes>(g, n));
  return all;
}

TEST_CASE("All algorithms on 8-bit integers give the bits of the formula") {
  std::mt19937 random(11);
  const auto conv = [](std::int64_t C, std::int64_t M, std::int64_t groups, std::int64_t kernel, std::int64_t stride,
                       std::int64_t pad) {
    return Conv2dParams{C, M, groups, kernel, kernel, stride, stride, 1, 1, pad, pad, pad, pad};
  };
  std::vector<std::pair<Conv2dParams, Shape>> sizes = {{conv(16, 16, 1, 1, 1, 0), {1, 16, 5, 7}},
                                                       {conv(40, 33, 1, 1, 1, 0), {1, 40, 9, 9}},
                                                       {conv(24, 48, 1, 1, 2, 0), {1, 24, 8, 11}},
                                                       {conv(9, 20, 1, 3, 1, 1), {1, 9, 11, 6}},
                                                       {conv(32, 16, 1, 3, 1, 1), {1, 32, 13, 14}},
                                                       {conv(17, 40, 1, 3, 1, 0), {1, 17, 6, 9}},
                                                       {conv(16, 24, 1, 3, 2, 1), {1, 16, 9, 10}},
                                                       {conv(8, 16, 1, 5, 1, 2), {1, 8, 7, 7}},
                                                       {conv(19, 19, 19, 3, 1, 1), {1, 19, 8, 9}},
                                                       {conv(24, 24, 24, 3, 2, 1), {1, 24, 9, 9}},
                                                       {conv(20, 20, 20, 3, 1, 0), {1, 20, 9, 5}},
                                                       {{24, 24, 24, 3, 3, 1, 1, 1, 2, 1, 2, 2, 1}, {1, 24, 11, 12}},
                                                       {{20, 20, 20, 2, 4, 1, 3, 2, 1, 1, 2, 0, 3}, {1, 20, 9, 19}},
                                                       {{16, 16, 16, 3, 2, 2, 2, 1, 3, 2, 5, 1, 0}, {1, 16, 8, 8}},
                                                       {conv(32, 24, 4, 3, 1, 1), {1, 32, 6, 6}},
                                                       {{12, 16, 1, 1, 3, 1, 2, 1, 1, 0, 0, 0, 0}, {1, 12, 5, 12}},
                                                       {{16, 18, 1, 3, 3, 1, 1, 1, 1, 2, 0, 1, 3}, {1, 16, 5, 6}},
                                                       {{16, 17, 1, 3, 2, 1, 2, 2, 3, 0, 2, 3, 1}, {1, 16, 17, 9}}};
  std::vector<std::string> seen;
  for (const auto& [p, shape] : sizes)
    for (const Element e : {Element::uint8, Element::int8})
      for (const Drawn drawn : {Drawn::any, Drawn::seven_bits, Drawn::few_large, Drawn::ends})
        for (const bool sum : {false, true}) {
          if (sum && p.groups > 1) continue;
          const Case c{p, shape, e, drawn, sum};
          const ConvNumbers n = numbers_of(c, random);
          REQUIRE(!n.overflowing(p.out_channels, p.depth()));
          const std::vector<std::int32_t> x = images(random, shape, e, drawn);
          const Shape y = p.output_shape(shape);
          const std::vector<std::int32_t> other = images(random, y, e, drawn);
          std::optional<PairNumbers> added;
          if (sum)
            added.emplace(false, n.y, Quantization{0.3F, draw(random, e, drawn), e},
                          Quantization{0.4F, draw(random, e, drawn), e});
          std::vector<std::int32_t> right = weir::reference::quantized_conv2d(p, n, shape, x);
          for (std::size_t i = 0; i < right.size() && sum; ++i) right[i] = (*added)(right[i], other[i]);
          for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
            if (!weir::supported(isa)) continue;
            const weir::Context context({.threads = 1, .isa = std::string(to_string(isa))});
            const ConvGeometry g(p, n, isa, shape, Source::blocked, added);
            const weir::Tensor in = stored(context, shape, x, e), second = stored(context, y, other, e);
            for (const auto& algorithm : algorithms(g, n)) {
              seen.emplace_back(algorithm->name());
              for (const bool parts : {false, true}) {
                weir::Tensor out(Shape{floats_of(y, Layout::blocked, isa) / 4 + 1}), back(y);
                weir::Buffer workspace;
                workspace.reserve(static_cast<std::size_t>(algorithm->workspace_floats()));
                const std::int64_t tiles = algorithm->output_tiles(), cut = parts ? tiles / 2 : 0;
                const std::int64_t rows = parts ? g.OH / 2 : 0;
                for (const weir::RowRange some : {weir::RowRange{0, cut}, weir::RowRange{cut, tiles}})
                  for (const weir::RowRange part : {weir::RowRange{0, rows}, weir::RowRange{rows, g.OH}})
                    algorithm->run({g.input(in.data(), 0), g.output(second.data(), 0), g.output(out.data(), 0), nullptr,
                                    part, some, g.OW, n.x.zero},
                                   workspace.data());
                weir::kernels::convert(context, y, {out.data(), Layout::blocked, e},
                                       {back.data(), Layout::plain, Element::float32});
                std::vector<std::int32_t> all;
                for (const float v : back.span()) all.push_back(static_cast<std::int32_t>(v));
                CAPTURE(algorithm->name());
                CAPTURE(to_string(isa));
                const std::string size = shape.to_string();  // clang 14 cannot capture structured bindings
                const std::int64_t kernel = p.kernel_h;
                CAPTURE(size);
                CAPTURE(kernel);
                CAPTURE(static_cast<int>(e));
                CAPTURE(static_cast<int>(drawn));
                CAPTURE(sum);
                CAPTURE(parts);
                CHECK((all == right));
              }
            }
          }
        }
  for (const char* name : {"int8 words", "int8 depthwise"}) CHECK(std::ranges::count(seen, name) > 0);
  if (weir::supported(Isa::avx2))
    for (const char* name : {"int8 bytes", "int8 winograd", "int8 depthwise bytes"})
      CHECK(std::ranges::count(seen, name) > 0);
}

TEST_CASE("Plain images of few channels are computed by bytes, to the bits of the formula") {
  std::mt19937 random(19);
  const std::vector<std::pair<Conv2dParams, Shape>> sizes = {
      {{3, 20, 1, 7, 7, 2, 2, 1, 1, 3, 3, 3, 3}, {1, 3, 19, 23}},
      {{1, 16, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 9, 9}},
      {{4, 33, 1, 2, 4, 1, 3, 2, 1, 0, 2, 1, 1}, {1, 4, 8, 17}},
      {{3, 8, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0}, {1, 3, 5, 6}},
      {{2, 16, 1, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2}, {1, 2, 80, 300}}};
  for (const auto& [p, shape] : sizes)
    for (const Element e : {Element::uint8, Element::int8})
      for (const Drawn drawn : {Drawn::any, Drawn::seven_bits, Drawn::ends}) {
        const ConvNumbers n = numbers_of({p, shape, e, drawn, false}, random);
        const std::vector<std::int32_t> x = images(random, shape, e, drawn);
        const std::vector<std::int32_t> right = weir::reference::quantized_conv2d(p, n, shape, x);
        std::vector<std::uint8_t> in;
        for (const std::int32_t v : x) in.push_back(static_cast<std::uint8_t>(v));
        const Shape y = p.output_shape(shape);
        for (const Isa isa : {Isa::avx2, Isa::avx512}) {
          if (!weir::supported(isa)) continue;
          const weir::Context context({.threads = 1, .isa = std::string(to_string(isa))});
          const ConvGeometry g(p, n, isa, shape, Source::plain, {});
          REQUIRE(ByteConv::fits(g));
          const ByteConv conv(g, n);
          weir::Tensor out(Shape{floats_of(y, Layout::blocked, isa) / 4 + 1}), back(y);
          weir::Buffer workspace;
          workspace.reserve(static_cast<std::size_t>(conv.workspace_floats()));
          for (const weir::RowRange rows : {weir::RowRange{0, g.OH / 2}, weir::RowRange{g.OH / 2, g.OH}})
            conv.run({g.input(in.data(), 0),
                      {},
                      g.output(out.data(), 0),
                      nullptr,
                      rows,
                      {0, conv.output_tiles()},
                      g.OW,
                      n.x.zero},
                     workspace.data());
          weir::kernels::convert(context, y, {out.data(), Layout::blocked, e},
                                 {back.data(), Layout::plain, Element::float32});
          std::vector<std::int32_t> all;
          for (const float v : back.span()) all.push_back(static_cast<std::int32_t>(v));
          const std::string size = shape.to_string();
          CAPTURE(size);
          CAPTURE(to_string(isa));
          CAPTURE(static_cast<int>(e));
          CAPTURE(static_cast<int>(drawn));
          CHECK((all == right));
        }
      }
}

TEST_CASE("Rows of a depthwise convolution may lie in a ring") {
  std::mt19937 random(17);
  const Conv2dParams p{16, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  const Shape shape{1, 16, 12, 10};
  const Case c{p, shape, Element::uint8, Drawn::seven_bits, false};
  const ConvNumbers n = numbers_of(c, random);
  const std::vector<std::int32_t> x = images(random, shape, c.element, c.drawn);
  for (const Isa isa : {Isa::avx2, Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    const weir::Context context({.threads = 1, .isa = std::string(to_string(isa))});
    const ConvGeometry g(p, n, isa, shape, Source::blocked, {});
    if (!DepthwiseBytes::fits(g, n)) continue;
    const DepthwiseBytes conv(g, n);
    const weir::Tensor in = stored(context, shape, x, c.element);
    const std::int64_t row = g.OW * g.L, planes = 16 / g.L;
    constexpr std::int64_t ring = 5;
    std::vector<std::uint8_t> whole(static_cast<std::size_t>(planes * g.OH * row)), some(whole.size());
    weir::Buffer workspace;
    workspace.reserve(static_cast<std::size_t>(conv.workspace_floats()));
    const auto run = [&](const Image& y, weir::RowRange rows) {
      conv.run({g.input(in.data(), 0), {}, y, nullptr, rows, {0, planes}, g.OW, n.x.zero}, workspace.data());
    };
    run(g.output(whole.data(), 0), {0, g.OH});
    const Image y{some.data(), ring, row, ring * row};
    for (const weir::RowRange rows : {weir::RowRange{0, 4}, weir::RowRange{4, 9}, weir::RowRange{9, 12}}) {
      run(y, rows);
      for (std::int64_t plane = 0; plane < planes; ++plane)
        for (std::int64_t r = rows.first; r < rows.last; ++r) {
          CAPTURE(r);
          CHECK(std::equal(y.row(plane, r), y.row(plane, r) + row, whole.data() + (plane * g.OH + r) * row));
        }
    }
  }
}

TEST_CASE("Rows of what is added to a convolution may lie in a ring, where rows of x and y follow one another") {
  std::mt19937 random(23);
  const Shape shape{1, 32, 12, 10};
  for (const std::int64_t kernel : {1, 3}) {
    const std::int64_t pad = kernel / 2;
    const Conv2dParams p{32, 24, 1, kernel, kernel, 1, 1, 1, 1, pad, pad, pad, pad};
    const Case c{p, shape, Element::uint8, Drawn::seven_bits, true};
    const ConvNumbers n = numbers_of(c, random);
    const Shape y_shape = p.output_shape(shape);
    const std::vector<std::int32_t> x = images(random, shape, c.element, c.drawn),
                                    added = images(random, y_shape, c.element, c.drawn);
    const PairNumbers sum(false, n.y, Quantization{0.3F, 7, c.element}, Quantization{0.4F, 11, c.element});
    for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (!weir::supported(isa)) continue;
      const weir::Context context({.threads = 1, .isa = std::string(to_string(isa))});
      const ConvGeometry g(p, n, isa, shape, Source::blocked, sum);
      const weir::Tensor in = stored(context, shape, x, c.element), other = stored(context, y_shape, added, c.element);
      const std::int64_t row = g.OW * g.L, planes = (24 + g.L - 1) / g.L;
      constexpr std::int64_t ring = 7;
      for (const auto& algorithm : algorithms(g, n)) {
        CAPTURE(algorithm->name());
        CAPTURE(kernel);
        std::vector<std::uint8_t> right(static_cast<std::size_t>(planes * g.OH * row)), got(right.size());
        weir::Buffer workspace;
        workspace.reserve(static_cast<std::size_t>(algorithm->workspace_floats()));
        const auto run = [&](const Image& to_add, std::vector<std::uint8_t>& y, weir::RowRange rows) {
          algorithm->run({g.input(in.data(), 0),
                          to_add,
                          g.output(y.data(), 0),
                          nullptr,
                          rows,
                          {0, algorithm->output_tiles()},
                          g.OW,
                          n.x.zero},
                         workspace.data());
        };
        const Image whole = g.output(other.data(), 0);
        run(whole, right, {0, g.OH});
        for (const weir::RowRange rows : {weir::RowRange{0, 4}, weir::RowRange{4, 10}, weir::RowRange{10, 12}}) {
          std::vector<std::uint8_t> held(static_cast<std::size_t>(planes * ring * row), 255);
          const Image some{held.data(), ring, row, ring * row};
          for (std::int64_t plane = 0; plane < planes; ++plane)
            for (std::int64_t r = rows.first; r < rows.last; ++r)
              std::copy_n(whole.row(plane, r), row, const_cast<std::uint8_t*>(some.row(plane, r)));
          run(some, got, rows);
        }
        CHECK((got == right));
      }
    }
  }
}

TEST_CASE("Winograd's convolution refuses weights whose transforms or sums do not fit") {
  if (!weir::supported(Isa::avx2)) return;
  const Conv2dParams p{600, 16, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  ConvNumbers n;
  n.weights_scale = {1};
  n.weights.assign(static_cast<std::size_t>(16 * p.depth()), 20);
  const auto fits = [&] { return Winograd::fits({p, n, Isa::avx2, Shape{1, 600, 8, 8}, Source::blocked, {}}, n); };
  CHECK(fits());
  n.weights.assign(n.weights.size(), 30);  // 30 * 5400 * 255 needs 27 bits
  CHECK(!fits());
  n.weights.assign(n.weights.size(), 0);
  n.weights[7] = 228;  // 144 * 228 needs 17 bits; weights are up to 255 less a zero point
  CHECK(!fits());
}

TEST_CASE("Four weights that 16 bits cannot add become two steps, or two pairs") {
  if (!weir::supported(Isa::avx2) || !tiles(Isa::avx2).adds_words) return;
  const Conv2dParams p{16, 16, 1};
  ConvNumbers n;
  n.weights_scale = {1};
  n.weights.assign(256, 32);
  const auto steps = [&] { return ByteConv({p, n, Isa::avx2, Shape{1, 16, 4, 4}, Source::blocked, {}}, n).steps(); };
  CHECK(steps() == 1);
  n.weights[20] = 33;                      // of one of two blocks of eight channels
  CHECK(steps() == doctest::Approx(1.2));  // by pairs; one step more for a tile that has two would be 1.5
  n.weights.assign(256, 127);
  CHECK(steps() == doctest::Approx(2.4));  // two, where pairs are added, rather than four
  for (std::size_t i = 0; i < n.weights.size(); ++i) n.weights[i] = i % 2 == 0 ? 64 : -64;
  CHECK(steps() == 1);
}

}  // namespace WEIR_UNIT
}  // namespace
