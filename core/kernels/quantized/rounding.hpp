/// The one rule by which real numbers become integers of 8 bits.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <weir/core/element.hpp>
#include <weir/core/finite_math.hpp>

namespace weir::quantized {

/// Real numbers r are stored as integers q of 8 bits: r = scale * (q - zero).
struct Quantization {
  float scale = 1;
  std::int32_t zero = 0;
  Element element = Element::uint8;
};

constexpr std::int32_t lowest(Element e) { return e == Element::int8 ? -128 : 0; }
constexpr std::int32_t highest(Element e) { return e == Element::int8 ? 127 : 255; }

/// The integer at p, which holds uint8 or int8.
inline std::int32_t byte_at(const void* p, std::int64_t i, Element e) {
  return e == Element::int8 ? std::int32_t{static_cast<const signed char*>(p)[i]}
                            : std::int32_t{static_cast<const unsigned char*>(p)[i]};
}
inline void set_byte(void* p, std::int64_t i, std::int32_t value) {
  static_cast<unsigned char*>(p)[i] = static_cast<unsigned char>(value);
}

/// How a number z becomes saturate(round(z) + zero), rounded to the nearest, of two equally near ones to the even one:
/// z is first brought to [low, high], which are saturation's ends without the zero point, and a NaN to low. Ends that a
/// clamp (a ReLU) drew closer saturate there.
struct Rounding {
  float low, high;
  std::int32_t zero;

  explicit Rounding(const Quantization& to)
      : low(static_cast<float>(lowest(to.element) - to.zero)),
        high(static_cast<float>(highest(to.element) - to.zero)),
        zero(to.zero) {}

  /// Adding 1.5 * 2^23 leaves no bits behind the point.
  static constexpr float magic = 12582912.0F;

  std::int32_t operator()(float z) const {
    z = z > low ? z : low;
    z = z < high ? z : high;
    const float shifted = z + magic;
    return static_cast<std::int32_t>(shifted - magic) + zero;
  }
};

/// Keeps a product from being contracted with an addition behind it, which some instruction sets round once, others
/// twice.
template <class T>
[[gnu::always_inline]] inline void rounded([[maybe_unused]] T& v) {
#if defined(__x86_64__)
  if constexpr (sizeof(T) <= 16)
    asm("" : "+x"(v));
  else  // wider than what this template is compiled for
    asm("" : "+m"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#else
  asm("" : "+m"(v));
#endif
}

}  // namespace weir::quantized
