/// Tensors from one element or layout to another.
#pragma once
#include <weir/core/context.hpp>
#include <weir/core/kernels/quantized/rounding.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/shape.hpp>

namespace weir::kernels {

/// Where a tensor lies, and how.
struct ConvertFrom {
  const void* data;
  Layout layout;
  Element element;
};
struct ConvertTo {
  void* data;
  Layout layout;
  Element element;
};

inline float number_at(const void* p, std::int64_t i, Element e) {
  if (e == Element::float32) return static_cast<const float*>(p)[i];
  if (e == Element::int32) return static_cast<float>(static_cast<const std::int32_t*>(p)[i]);
  return static_cast<float>(quantized::byte_at(p, i, e));
}

inline void set_number(void* p, std::int64_t i, Element e, float v) {
  if (e == Element::float32)
    static_cast<float*>(p)[i] = v;
  else if (e == Element::int32)
    static_cast<std::int32_t*>(p)[i] = v >= 0x1p31F    ? std::numeric_limits<std::int32_t>::max()
                                       : v >= -0x1p31F ? static_cast<std::int32_t>(v)
                                                       : std::numeric_limits<std::int32_t>::min();
  else
    quantized::set_byte(p, i, quantized::Rounding({1, 0, e})(v));
}

/// to = from, number by number; floats are rounded and saturated where they become integers of 8 bits.
inline void convert(const Context& context, const Shape& shape, const ConvertFrom& from, const ConvertTo& to) {
  const bool image = from.layout == Layout::blocked || to.layout == Layout::blocked;
  const std::int64_t N = image ? shape[0] : 1, C = image ? shape[1] : 1;
  const std::int64_t pixels = image ? shape.product(2, shape.rank()) : shape.numel(), L = lanes(context.isa());
  const std::int64_t blocks = round_up(C, L) / L;
  const auto place = [&](Layout layout, std::int64_t n, std::int64_t c) {  // and the step from pixel to pixel
    return layout == Layout::blocked ? ((n * blocks + c / L) * pixels) * L + c % L : (n * C + c) * pixels;
  };
  const auto step = [&](Layout layout) { return layout == Layout::blocked ? L : 1; };
  share(context.pool(), N * C, detail::machine_costs.copy_operations * static_cast<double>(N * C * pixels),
        [&](std::int64_t, std::int64_t first, std::int64_t last) {
          for (std::int64_t p = first; p < last; ++p) {
            const std::int64_t i = place(from.layout, p / C, p % C), o = place(to.layout, p / C, p % C);
            const std::int64_t is = step(from.layout), os = step(to.layout);
            if (from.element == to.element && bytes_of(to.element) == 1)
              for (std::int64_t k = 0; k < pixels; ++k)
                static_cast<unsigned char*>(to.data)[o + k * os] =
                    static_cast<const unsigned char*>(from.data)[i + k * is];
            else if (from.element == to.element && to.element == Element::int32)
              for (std::int64_t k = 0; k < pixels; ++k)
                static_cast<std::int32_t*>(to.data)[o + k * os] =
                    static_cast<const std::int32_t*>(from.data)[i + k * is];
            else
              for (std::int64_t k = 0; k < pixels; ++k)
                set_number(to.data, o + k * os, to.element, number_at(from.data, i + k * is, from.element));
          }
        });
}

}  // namespace weir::kernels
