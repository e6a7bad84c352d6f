// Sums, products and conversions of 8-bit integers: all pairs of integers, to the bits of the formula.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>
#include <weir/core/kernels/quantized/elementwise.hpp>

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

TEST_CASE("Floats become integers by division, ties to even, saturated, NaN the lowest") {
  const Quantization q{0.5F, 10, Element::uint8};
  const std::vector<float> x = {0.25F,
                                0.75F,
                                -0.25F,
                                1e30F,
                                -1e30F,
                                std::numeric_limits<float>::quiet_NaN(),
                                std::numeric_limits<float>::infinity(),
                                122.0F,
                                122.75F};
  const std::vector<std::uint8_t> right = {10, 12, 10, 255, 0, 0, 255, 254, 255};
  for (const Isa isa : {Isa::portable, Isa::avx2}) {
    if (!weir::supported(isa)) continue;
    std::vector<std::uint8_t> y(x.size());
    weir::simd::simd_call<weir::quantized::QuantizeKernel>(isa, x.data(), std::int64_t{9}, q.scale,
                                                           weir::quantized::Rounding(q), y.data());
    CHECK((y == right));
  }
}

}  // namespace WEIR_UNIT
}  // namespace
