/// Reading scales, zero points and weights of 8 bits.
#pragma once
#include <cmath>
#include <string>
#include <vector>
#include <weir/core/kernels/quantized/conv.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::quantized {

/// What input i holds; float32 for other integers and truth values.
inline Element element_of(const NodeArguments& node, std::size_t i) {
  if (const Constant* c = node.constant(i)) return c->element;
  switch (node.type(i)) {
    case ElementType::uint8:
      return Element::uint8;
    case ElementType::int8:
      return Element::int8;
    case ElementType::int32:
      return Element::int32;
    default:
      return Element::float32;
  }
}

/// That, which must be uint8 or int8.
inline Element byte_element(const NodeArguments& node, std::size_t i) {
  const Element e = element_of(node, i);
  if (bytes_of(e) != 1) node.fail(detail::message({"input ", i, " must hold uint8 or int8"}));
  return e;
}

/// Input i: numbers by which integers are multiplied, positive and finite.
inline std::vector<float> read_scales(const NodeArguments& node, std::size_t i) {
  const SharedFloats& s = node.constant_floats(i);
  for (const float v : s)
    if (!(v > 0) || !std::isfinite(v))
      node.fail(detail::message({"input ", i, ": a scale may not be ", v, ", only positive and finite"}));
  return {s.begin(), s.end()};
}
inline float read_scale(const NodeArguments& node, std::size_t i) {
  const std::vector<float> s = read_scales(node, i);
  if (s.size() != 1) node.fail(detail::message({"input ", i, ": one scale is expected, not ", s.size()}));
  return s[0];
}

/// Input i, zero points of this element; one of 0 if it was left out.
inline std::vector<std::int32_t> read_zeros(const NodeArguments& node, std::size_t i, Element element) {
  if (!node.has_input(i)) return {0};
  const auto& ints = node.constant_integers(i);
  if (node.constant(i)->element != element)
    node.fail(detail::message({"input ", i, ": the zero point is ", to_string(node.constant(i)->element),
                               ", what it belongs to ", to_string(element)}));
  return {ints.begin(), ints.end()};
}
inline std::int32_t read_zero(const NodeArguments& node, std::size_t i, Element element) {
  const auto zeros = read_zeros(node, i, element);
  if (zeros.size() != 1) node.fail(detail::message({"input ", i, ": one zero point is expected"}));
  return zeros[0];
}

/// Of a tensor of uint8 or int8: its scale is input i, its zero point input i + 1.
inline Quantization read_quantization(const NodeArguments& node, std::size_t i, Element element) {
  return {read_scale(node, i), read_zero(node, i + 1, element), element};
}
/// Of a result, whose zero point says what it holds; uint8 without one.
inline Quantization read_result(const NodeArguments& node, std::size_t i) {
  return read_quantization(node, i, node.has_input(i + 1) ? byte_element(node, i + 1) : Element::uint8);
}

/// Input i, weights of 8 bits, which must be constant.
inline std::vector<std::int32_t> read_weights(const NodeArguments& node, std::size_t i) {
  const auto& ints = node.constant_integers(i);
  (void)byte_element(node, i);
  return {ints.begin(), ints.end()};
}

/// Input i, one integer of 32 bits for each of M channels; none if it was left out.
inline std::vector<std::int32_t> read_bias(const NodeArguments& node, std::size_t i, std::int64_t M) {
  if (!node.has_input(i)) return {};
  const auto& ints = node.constant_integers(i);
  if (node.constant(i)->element != Element::int32 || static_cast<std::int64_t>(ints.size()) != M)
    node.fail(detail::message({"input ", i, ": the bias must be ", M, " int32"}));
  return {ints.begin(), ints.end()};
}

/// Fails unless there is one scale (zero point), or one for each of M channels.
template <class T>
void one_or_each(const NodeArguments& node, const std::vector<T>& values, std::int64_t M, const char* what) {
  if (values.size() != 1 && static_cast<std::int64_t>(values.size()) != M)
    node.fail(detail::message({values.size(), " ", what, " for ", M, " channels of the weights"}));
}

}  // namespace weir::quantized
