/// ONNX's AttributeProto -> Attribute.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/io/onnx/protobuf.hpp>
#include <weir/io/onnx/tensor.hpp>

namespace weir::detail {

/// AttributeProto.AttributeType; the values that weir does not read have names for the message only.
enum class OnnxAttributeType : std::int64_t {
  undefined,
  f,
  i,
  s,
  t,
  g,
  floats,
  ints,
  strings,
  tensors,
  graphs,
  sparse,
  sparses,
  type
};

/// The type that a field of AttributeProto holds, for files of ONNX before 1.0, which do not say the type.
inline OnnxAttributeType onnx_attribute_type_of_field(std::uint32_t tag) {
  using Type = OnnxAttributeType;
  switch (tag) {
    case 2:
      return Type::f;
    case 3:
      return Type::i;
    case 4:
      return Type::s;
    case 5:
      return Type::t;
    case 6:
      return Type::g;
    case 7:
      return Type::floats;
    case 8:
      return Type::ints;
    case 9:
      return Type::strings;
    case 10:
      return Type::tensors;
    case 11:
      return Type::graphs;
    case 22:
      return Type::sparse;
    case 23:
      return Type::sparses;
    default:
      return Type::undefined;
  }
}

/// An attribute with its name. Throws FormatError naming the attribute if it holds a graph, a sparse tensor, a type,
/// or a list of strings or tensors: no operator of weir has such.
inline std::pair<std::string, Attribute> read_onnx_attribute(ProtoMessage message, TensorSources& sources) {
  using Type = OnnxAttributeType;
  std::string name, s;
  std::int64_t i = 0;
  float f = 0;
  std::vector<std::int64_t> ints;
  std::vector<float> floats;
  std::optional<ProtoMessage> tensor;
  std::optional<std::int64_t> stated;
  Type seen = Type::undefined;
  while (message.next()) {
    if (const Type t = onnx_attribute_type_of_field(message.tag()); t != Type::undefined) seen = t;
    switch (message.tag()) {
      case 1:
        name = message.string();
        break;
      case 2:
        f = message.float32();
        break;
      case 3:
        i = message.int64();
        break;
      case 4:
        s = message.string();
        break;
      case 5:
        tensor = message.message();
        break;
      case 7:
        message.append_float32(floats);
        break;
      case 8:
        message.append_int64(ints);
        break;
      case 20:
        stated = message.int64();
        break;
      case 21:
        throw FormatError(
            detail::message({"attribute '", name, "' refers to a function's parameter; functions not supported"}));
      default:
        message.skip();
    }
  }
  const Type type = stated.value_or(0) == 0 ? seen : static_cast<Type>(*stated);
  switch (type) {
    case Type::f:
      return {name, f};
    case Type::i:
      return {name, i};
    case Type::s:
      return {name, std::move(s)};
    case Type::floats:
      return {name, std::move(floats)};
    case Type::ints:
      return {name, std::move(ints)};
    case Type::t:
      if (!tensor) throw FormatError(detail::message({"attribute '", name, "' has no tensor"}));
      return {name, read_onnx_tensor(*tensor, sources).second};
    case Type::g:
    case Type::graphs:
      throw FormatError(detail::message({"attribute '", name, "' is a graph; control flow is not supported"}));
    case Type::sparse:
    case Type::sparses:
      throw FormatError(detail::message({"attribute '", name, "' is a sparse tensor, which is not supported"}));
    case Type::strings:
    case Type::tensors:
      throw FormatError(detail::message({"attribute '", name, "' is a list of strings or tensors, not supported"}));
    default:
      throw FormatError(detail::message({"attribute '", name, "' has an unknown type"}));
  }
}

}  // namespace weir::detail
