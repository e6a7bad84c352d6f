#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <weir/core/finite.hpp>

namespace WEIR_UNIT {

TEST_CASE("is_finite: as the library's, for every sign and exponent and the ends of the mantissa") {
  for (std::uint32_t sign_and_exponent = 0; sign_and_exponent < 512; ++sign_and_exponent)
    for (const std::uint32_t mantissa : {0U, 1U, 0x3FFFFFU, 0x400000U, 0x7FFFFFU}) {
      const auto v = std::bit_cast<float>(sign_and_exponent << 23 | mantissa);
      CHECK(weir::detail::is_finite(v) == std::isfinite(v));
    }
  using Limits = std::numeric_limits<float>;
  static_assert(weir::detail::is_finite(Limits::max()) && weir::detail::is_finite(Limits::denorm_min()));
  static_assert(!weir::detail::is_finite(-Limits::infinity()) && !weir::detail::is_finite(Limits::quiet_NaN()));
}

}  // namespace WEIR_UNIT
