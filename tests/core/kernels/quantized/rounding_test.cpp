#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>
#include <weir/core/element.hpp>
#include <weir/core/kernels/quantized/pair_numbers.hpp>
#include <weir/core/kernels/quantized/rounding.hpp>

namespace WEIR_UNIT {

using weir::Element, weir::quantized::PairNumbers, weir::quantized::Quantization, weir::quantized::Rounding;

TEST_CASE("rounding: to the nearest, halves to the even one, plus the zero point, saturated; NaN to the lowest") {
  for (const Element e : {Element::uint8, Element::int8}) {
    const std::int32_t low = e == Element::int8 ? -128 : 0, high = low + 255;
    CHECK(weir::quantized::lowest(e) == low);
    CHECK(weir::quantized::highest(e) == high);
    for (std::int32_t zero = low; zero <= high; zero += 15) {
      const Rounding round(Quantization{1, zero, e});
      for (std::int32_t eighths = -8 * 600; eighths <= 8 * 600; ++eighths) {
        const float z = static_cast<float>(eighths) / 8;
        // std::nearbyint rounds halves to even, as the processor does by default.
        const auto wanted = static_cast<std::int32_t>(std::nearbyint(z)) + zero;
        CHECK(round(z) == std::clamp(wanted, low, high));
      }
      using Limits = std::numeric_limits<float>;
      for (const float large : {300.0F, 1e10F, Limits::max(), Limits::infinity()}) {
        CHECK(round(large) == high);
        CHECK(round(-large) == low);
      }
      CHECK(round(Limits::quiet_NaN()) == low);
      CHECK(round(std::nextafter(0.5F, 0.0F)) == std::min(zero, high));
      CHECK(round(std::nextafter(0.5F, 1.0F)) == std::min(zero + 1, high));
    }
  }
}

TEST_CASE("rounding: bytes are read with their sign, and written as they are") {
  std::vector<unsigned char> bytes(256);
  for (std::int32_t v = 0; v < 256; ++v) {
    weir::quantized::set_byte(bytes.data(), v, v);
    CHECK(weir::quantized::byte_at(bytes.data(), v, Element::uint8) == v);
    CHECK(weir::quantized::byte_at(bytes.data(), v, Element::int8) == (v < 128 ? v : v - 256));
    weir::quantized::set_byte(bytes.data(), v, v - 256);
    CHECK(weir::quantized::byte_at(bytes.data(), v, Element::uint8) == v);
  }
}

TEST_CASE("sums and products of two bytes: what real numbers say, whichever comes first") {
  for (const Element e : {Element::uint8, Element::int8})
    for (const bool product : {false, true}) {
      const std::int32_t low = weir::quantized::lowest(e), high = weir::quantized::highest(e);
      const Quantization a{0.05F, low + 100, e},
          b{0.02F, low + 130, e == Element::int8 ? Element::uint8 : Element::int8};
      const Quantization y{product ? 0.08F : 0.06F, low + 140, e};
      const PairNumbers numbers(product, a, b, y), other(product, b, a, y), exchanged = numbers.exchanged();
      const std::int32_t b_low = weir::quantized::lowest(b.element);
      CHECK(numbers.a_signed == (e == Element::int8));
      CHECK(exchanged.a_signed == other.a_signed);
      int saturated = 0, differ = 0;
      for (std::int32_t i = low; i <= high; i += 3)
        for (std::int32_t j = b_low; j < b_low + 256; j += 5) {
          const double u = double{a.scale} * (i - a.zero), v = double{b.scale} * (j - b.zero);
          const double z = (product ? u * v : u + v) / double{y.scale} + y.zero;
          const std::int32_t wanted = static_cast<std::int32_t>(std::clamp(std::nearbyint(z), 1.0 * low, 1.0 * high));
          const std::int32_t is = numbers(i, j);
          // What lies within rounding of a half may go either way.
          if (std::abs(z - std::floor(z) - 0.5) > 1e-4) CHECK(is == wanted);
          CHECK(std::abs(is - wanted) <= 1);
          differ += exchanged(j, i) != other(j, i) || exchanged(j, i) != is;
          saturated += is == low || is == high;
        }
      CHECK(differ == 0);
      CHECK(saturated > 0);
    }
}

}  // namespace WEIR_UNIT
