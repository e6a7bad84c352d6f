/// Whether a number is finite, by its bits: compiler flags that promise there were no others do not change it.
#pragma once
#include <bit>
#include <cstdint>

namespace weir::detail {

/// False for NaN and the infinities.
constexpr bool is_finite(float v) { return (std::bit_cast<std::uint32_t>(v) & 0x7F800000U) != 0x7F800000U; }

}  // namespace weir::detail
