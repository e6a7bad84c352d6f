// Sums, products and conversions of 8-bit integers: all pairs of integers, to the bits of the formula.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>
#include <weir/core/kernels/quantized/elementwise.hpp>
#include <weir/core/kernels/quantized/join.hpp>

namespace {
namespace WEIR_UNIT {

using weir::Element, weir::Isa;
using weir::quantized::PairNumbers, weir::quantized::Quantization;

/// As written in PairNumbers, with each step rounded to float by a variable of its own.
std::int32_t right(bool product, std::int32_t a, std::int32_t b, const Quantization& qa, const Quantization& qb,
                   const Quantization& y) {
  volatile float z = 0;
  if (product) {
    volatile const float scale = qa.scale * qb.scale;
    volatile const float factor = scale / y.scale;
    z = static_cast<float>((a - qa.zero) * (b - qb.zero)) * factor;
  } else {
    volatile const float fa = qa.scale / y.scale, fb = qb.scale / y.scale;
    volatile const float u = static_cast<float>(a - qa.zero) * fa, v = static_cast<float>(b - qb.zero) * fb;
    z = u + v;
  }
  const double q = std::nearbyint(static_cast<double>(z)) + y.zero;
  return static_cast<std::int32_t>(
      std::min<double>(std::max<double>(q, weir::quantized::lowest(y.element)), weir::quantized::highest(y.element)));
}

TEST_CASE("Sums and products of all pairs of 8-bit integers give the bits of their formula") {
  for (const Element e : {Element::uint8, Element::int8})
    for (const bool product : {false, true}) {
      const Quantization a{0.031F, e == Element::int8 ? -7 : 121, e}, b{0.0173F, 5, e}, y{0.04F, 31, e};
      const PairNumbers numbers(product, a, b, y);
      std::vector<std::uint8_t> x1, x2;
      for (int i = 0; i < 65536; ++i)
        x1.push_back(static_cast<std::uint8_t>(i / 256)), x2.push_back(static_cast<std::uint8_t>(i % 256));
      for (const Isa isa : {Isa::portable, Isa::avx2}) {
        if (!weir::supported(isa)) continue;
        std::vector<std::uint8_t> got(65536 + 3);
        weir::quantized::pairs(isa, x1.data(), x2.data(), 65533, numbers, got.data());
        int wrong = 0;
        for (std::int64_t i = 0; i < 65533; ++i)
          wrong +=
              weir::quantized::byte_at(got.data(), i, e) != right(product, weir::quantized::byte_at(x1.data(), i, e),
                                                                  weir::quantized::byte_at(x2.data(), i, e), a, b, y);
        CHECK(wrong == 0);
      }
    }
}

TEST_CASE("Blocked tensors are joined along their channels, wherever they begin in a block") {
  using weir::quantized::Table;
  constexpr std::int64_t pixels = 5;
  const weir::Context context;
  Table table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<std::uint8_t>(255 - i);
  for (const std::int64_t L : {4, 8, 16})
    for (const bool through : {false, true}) {
      CAPTURE(L);
      CAPTURE(through);
      // Of channel c of the result, pixel p; blocks of the parts hold 7 behind their last channel.
      const auto number = [](std::int64_t c, std::int64_t p) { return static_cast<std::uint8_t>(c * pixels + p); };
      const std::vector<std::int64_t> parts = {L, 3, 2 * L + 1, 5, 1};
      std::int64_t all = 0;
      for (const std::int64_t C : parts) all += C;
      std::vector<std::uint8_t> y(static_cast<std::size_t>((all + L - 1) / L * L * pixels));
      std::int64_t channel = 0;
      for (const std::int64_t C : parts) {
        std::vector<std::uint8_t> x(static_cast<std::size_t>((C + L - 1) / L * L * pixels), 7);
        for (std::int64_t c = 0; c < C; ++c)
          for (std::int64_t p = 0; p < pixels; ++p)
            x[static_cast<std::size_t>((c / L * pixels + p) * L + c % L)] = number(channel + c, p);
        weir::quantized::join_channels(context, L, C, pixels, x.data(), through ? &table : nullptr, channel, y.data());
        channel += C;
      }
      int wrong = 0;
      for (std::int64_t c = 0; c < all; ++c)
        for (std::int64_t p = 0; p < pixels; ++p) {
          const std::uint8_t right = through ? table[number(c, p)] : number(c, p);
          wrong += y[static_cast<std::size_t>((c / L * pixels + p) * L + c % L)] != right;
        }
      CHECK(wrong == 0);
    }
}

TEST_CASE("Floats become integers by division, ties to even, saturated, NaN the lowest") {
  std::vector<float> x = {0.25F,
                          0.75F,
                          -0.25F,
                          1e30F,
                          -1e30F,
                          std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(),
                          122.0F,
                          122.75F};
  std::vector<std::uint8_t> right = {10, 12, 10, 255, 0, 0, 255, 254, 255};
  for (int times = 0; times < 3; ++times)  // 72 numbers: vectors, and what is left of them
    x.insert(x.end(), x.begin(), x.end()), right.insert(right.end(), right.begin(), right.end());
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512})
    for (const bool is_signed : {false, true}) {
      if (!weir::supported(isa)) continue;
      CAPTURE(to_string(isa));
      CAPTURE(is_signed);
      // Of int8 the zero point is 128 less, and so is each result.
      const Quantization q{0.5F, is_signed ? -118 : 10, is_signed ? Element::int8 : Element::uint8};
      std::vector<std::uint8_t> y(x.size());
      weir::quantized::quantize(isa, x.data(), static_cast<std::int64_t>(x.size()), q.scale,
                                weir::quantized::Rounding(q), is_signed, y.data());
      std::vector<float> back(x.size());
      weir::quantized::dequantize(isa, y.data(), static_cast<std::int64_t>(x.size()), q.scale,
                                  static_cast<float>(q.zero), is_signed, back.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        CAPTURE(i);
        CHECK((is_signed ? y[i] ^ 0x80 : y[i]) == right[i]);
        CHECK(back[i] == 0.5F * static_cast<float>(right[i] - 10));
      }
    }
}

}  // namespace WEIR_UNIT
}  // namespace
