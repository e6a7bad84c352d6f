/// Constants of a graph as tensors, and back; element types of ONNX and of weir.
#pragma once
#include <cstdint>
#include <vector>
#include <weir/core/element.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build/element_types.hpp>
#include <weir/layers/quantized/numbers.hpp>

namespace weir::detail {

inline ElementType type_of(Element e) {
  return e == Element::uint8   ? ElementType::uint8
         : e == Element::int8  ? ElementType::int8
         : e == Element::int32 ? ElementType::int32
                               : ElementType::real;
}
inline Element element_of(ElementType t) {
  return t == ElementType::uint8   ? Element::uint8
         : t == ElementType::int8  ? Element::int8
         : t == ElementType::int32 ? Element::int32
                                   : Element::float32;
}

inline Tensor as_tensor(const Constant& c) {
  return Tensor(c.shape, c.is_int ? SharedFloats(std::vector<float>(c.ints.begin(), c.ints.end())) : c.floats);
}

/// The integers of a constant as layers on integers read them, in the memory of floats.
inline Tensor as_integers(const Constant& c) {
  Tensor t(c.shape);
  for (std::size_t i = 0; i < c.ints.size(); ++i)
    if (c.element == Element::int32)
      reinterpret_cast<std::int32_t*>(t.data())[i] = static_cast<std::int32_t>(c.ints[i]);
    else
      quantized::set_byte(t.data(), static_cast<std::int64_t>(i), static_cast<std::int32_t>(c.ints[i]));
  return t;
}
inline Constant integers_of(const Tensor& t, Element element) {
  Constant c{t.shape(), {}, std::vector<std::int64_t>(t.size()), true, element};
  for (std::size_t i = 0; i < t.size(); ++i)
    c.ints[i] = element == Element::int32 ? reinterpret_cast<const std::int32_t*>(t.data())[i]
                                          : quantized::byte_at(t.data(), static_cast<std::int64_t>(i), element);
  return c;
}

}  // namespace weir::detail
