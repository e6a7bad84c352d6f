// What write.hpp declares. Field numbers are those of onnx.proto.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <protozero/pbf_writer.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/onnx/attribute.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/io/onnx/tensor.hpp>
#include <weir/io/onnx/write.hpp>

namespace weir::detail {

/// The type that a constant is written as.
inline OnnxType onnx_type(const Constant& c) {
  if (!c.is_int) return OnnxType::float32;
  if (c.type == static_cast<int>(OnnxType::boolean)) return OnnxType::boolean;
  switch (c.element) {
    case Element::uint8:
      return OnnxType::uint8;
    case Element::int8:
      return OnnxType::int8;
    case Element::int32:
      return OnnxType::int32;
    default:
      return OnnxType::int64;
  }
}

/// Integers as T, each after the other.
template <class T>
std::string raw_integers(const std::vector<std::int64_t>& values) {
  std::string raw;
  raw.reserve(values.size() * sizeof(T));
  for (const std::int64_t v : values) {
    const T t = static_cast<T>(v);
    raw.append(reinterpret_cast<const char*>(&t), sizeof t);
  }
  return raw;
}

inline std::string raw_data(const Constant& c) {
  switch (onnx_type(c)) {
    case OnnxType::boolean:
    case OnnxType::uint8:
      return raw_integers<std::uint8_t>(c.ints);
    case OnnxType::int8:
      return raw_integers<std::int8_t>(c.ints);
    case OnnxType::int32:
      return raw_integers<std::int32_t>(c.ints);
    case OnnxType::int64:
      return raw_integers<std::int64_t>(c.ints);
    default:
      return c.floats.empty() ? std::string()
                              : std::string(reinterpret_cast<const char*>(c.floats.data()), c.floats.size() * 4);
  }
}

/// TensorProto.
inline std::string onnx_tensor(const std::string& name, const Constant& c) {
  std::string bytes;
  protozero::pbf_writer tensor(bytes);
  for (const std::int64_t d : c.shape) tensor.add_int64(1, d);
  tensor.add_int32(2, static_cast<std::int32_t>(onnx_type(c)));
  if (!name.empty()) tensor.add_string(8, name);
  tensor.add_bytes(9, raw_data(c));
  return bytes;
}

/// AttributeProto.
inline std::string onnx_attribute(const std::string& name, const Attribute& value) {
  using Type = OnnxAttributeType;
  std::string bytes;
  protozero::pbf_writer out(bytes);
  out.add_string(1, name);
  Type type = Type::undefined;
  if (const auto* f = std::get_if<float>(&value)) {
    out.add_float(2, *f);
    type = Type::f;
  } else if (const auto* i = std::get_if<std::int64_t>(&value)) {
    out.add_int64(3, *i);
    type = Type::i;
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    out.add_bytes(4, *s);
    type = Type::s;
  } else if (const auto* t = std::get_if<Constant>(&value)) {
    out.add_message(5, onnx_tensor({}, *t));
    type = Type::t;
  } else if (const auto* floats = std::get_if<std::vector<float>>(&value)) {
    for (const float v : *floats) out.add_float(7, v);
    type = Type::floats;
  } else if (const auto* ints = std::get_if<std::vector<std::int64_t>>(&value)) {
    for (const std::int64_t v : *ints) out.add_int64(8, v);
    type = Type::ints;
  }
  out.add_int32(20, static_cast<std::int32_t>(type));
  return bytes;
}

/// "domain::Op" -> domain and operator; no domain for those of ONNX itself.
inline std::pair<std::string, std::string> domain_of(const std::string& op) {
  const auto colons = op.rfind("::");
  if (colons == std::string::npos) return {"", op};
  return {op.substr(0, colons), op.substr(colons + 2)};
}

/// NodeProto.
inline std::string onnx_node(const NodeDef& node) {
  std::string bytes;
  protozero::pbf_writer out(bytes);
  for (const std::string& name : node.inputs) out.add_string(1, name);
  for (const std::string& name : node.outputs) out.add_string(2, name);
  out.add_string(3, node.name);
  const auto [domain, op] = domain_of(node.op);
  out.add_string(4, op);
  for (const auto& [name, value] : node.attributes) out.add_message(5, onnx_attribute(name, value));
  if (!domain.empty()) out.add_string(7, domain);
  return bytes;
}

/// ValueInfoProto; without a shape where dims is nullptr.
inline std::string onnx_value(const std::string& name, OnnxType type, const InputDef* dims) {
  std::string tensor;
  protozero::pbf_writer of_tensor(tensor);
  of_tensor.add_int32(1, static_cast<std::int32_t>(type));
  if (dims != nullptr) {
    std::string shape;
    protozero::pbf_writer of_shape(shape);
    for (std::size_t i = 0; i < dims->dims.size(); ++i) {
      std::string dim;
      protozero::pbf_writer of_dim(dim);
      if (dims->dims[i] >= 0)
        of_dim.add_int64(1, dims->dims[i]);
      else if (i < dims->dim_names.size() && !dims->dim_names[i].empty())
        of_dim.add_string(2, dims->dim_names[i]);
      of_shape.add_message(1, dim);
    }
    of_tensor.add_message(2, shape);
  }
  std::string kind, bytes;
  protozero::pbf_writer(kind).add_message(1, tensor);
  protozero::pbf_writer out(bytes);
  out.add_string(1, name);
  out.add_message(2, kind);
  return bytes;
}

/// What a network's output holds, by the operator that makes it.
inline OnnxType output_type(const GraphDef& def, const std::string& name) {
  for (const NodeDef& node : def.nodes) {
    if (node.outputs.empty() || node.outputs[0] != name) continue;
    if (node.op == "ArgMax" || node.op == "ArgMin" || node.op == "Shape") return OnnxType::int64;
    if (node.op == "Cast")
      if (const auto to = node.attributes.find("to"); to != node.attributes.end())
        if (const auto* type = std::get_if<std::int64_t>(&to->second)) return static_cast<OnnxType>(*type);
  }
  return OnnxType::float32;
}

/// The oldest version of the format that knows the opset; 7 where older ones would do.
inline std::int64_t ir_version(int opset) {
  return opset >= 23 ? 11 : opset >= 21 ? 10 : opset >= 19 ? 9 : opset >= 15 ? 8 : 7;
}

WEIR_INLINE std::string to_onnx(const GraphDef& def, std::span<const InputDef> outputs) {
  std::uint64_t weights = 0;
  for (const auto& [name, c] : def.constants)
    weights += static_cast<std::uint64_t>(c.shape.numel()) * (c.is_int && bytes_of(c.element) == 1 ? 1 : 4);
  if (weights >= max_onnx_bytes)
    throw FormatError(
        detail::message({def.source, ": its weights do not fit into one ONNX file, which holds at most 2 GiB"}));
  std::string graph;
  {
    protozero::pbf_writer out(graph);
    for (const NodeDef& node : def.nodes) out.add_message(1, onnx_node(node));
    out.add_string(2, "weir");
    for (const auto& [name, c] : def.constants) out.add_message(5, onnx_tensor(name, c));
    for (const InputDef& input : def.inputs)
      out.add_message(11, onnx_value(input.name,
                                     input.element == Element::uint8  ? OnnxType::uint8
                                     : input.element == Element::int8 ? OnnxType::int8
                                                                      : OnnxType::float32,
                                     &input));
    for (const std::string& name : def.outputs) {
      const auto dims = std::find_if(outputs.begin(), outputs.end(), [&](const InputDef& o) { return o.name == name; });
      out.add_message(12, onnx_value(name, output_type(def, name), dims == outputs.end() ? nullptr : &*dims));
    }
  }
  std::string bytes;
  protozero::pbf_writer model(bytes);
  model.add_int64(1, ir_version(def.opset));
  model.add_string(2, "weir");
  model.add_message(7, graph);
  std::set<std::string> domains;
  for (const NodeDef& node : def.nodes) domains.insert(domain_of(node.op).first);
  domains.insert("");
  for (const std::string& domain : domains) {
    std::string opset;
    protozero::pbf_writer out(opset);
    out.add_string(1, domain);
    out.add_int64(2, domain.empty() ? def.opset : 1);
    model.add_message(8, opset);
  }
  return bytes;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE void write_onnx(const std::filesystem::path& path, const GraphDef& def, std::span<const InputDef> outputs) {
  write_file_atomically(path, detail::to_onnx(def, outputs));
}

}  // namespace weir
