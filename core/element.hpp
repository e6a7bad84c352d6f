/// Element: what the numbers of a tensor are while a network runs.
#pragma once
#include <cstdint>

namespace weir {

/// Callers and hooks see float32, whatever a tensor holds between layers; integers are then the floats of their values.
enum class Element : std::uint8_t { float32, uint8, int8, int32 };

constexpr std::int64_t bytes_of(Element e) { return e == Element::uint8 || e == Element::int8 ? 1 : 4; }

constexpr const char* to_string(Element e) {
  return e == Element::uint8 ? "uint8" : e == Element::int8 ? "int8" : e == Element::int32 ? "int32" : "float32";
}

}  // namespace weir
