/// ONNX's GraphProto -> GraphDef.
#pragma once
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/io/onnx/attribute.hpp>
#include <weir/io/onnx/protobuf.hpp>
#include <weir/io/onnx/sort.hpp>
#include <weir/io/onnx/tensor.hpp>

namespace weir::detail {

/// Bounds the memory that a file of empty nodes could ask for.
inline constexpr std::size_t max_onnx_nodes = 1'000'000;

/// Collects one GraphProto. The parts come in any order, so inputs are sorted out at the end.
class OnnxGraphReader {
 public:
  OnnxGraphReader(GraphDef& graph, TensorSources& sources) : graph_(graph), sources_(sources) {}

  void read(ProtoMessage message) {
    while (message.next()) switch (message.tag()) {
        case 1:
          read_node(message.message());
          break;
        case 5:
          read_initialiser(message.message());
          break;
        case 11:
          read_input(message.message());
          break;
        case 12:
          graph_.outputs.push_back(read_typed_name(message.message()));
          break;
        case 13:
          (void)read_typed_name(message.message());
          break;
        case 15:
          throw FormatError("sparse initialisers are not supported");
        default:
          message.skip();
      }
    // Before IR version 4 every initialiser is listed as an input too.
    for (const InputDef& input : graph_.inputs)
      if (const auto c = graph_.constants.find(input.name); c != graph_.constants.end())
        check_default(input, c->second);
    std::erase_if(graph_.inputs, [&](const InputDef& input) { return graph_.constants.contains(input.name); });
    for (const InputDef& input : graph_.inputs)
      if (const auto bad = bad_input_types_.find(input.name); bad != bad_input_types_.end())
        throw FormatError(detail::message(
            {"input '", input.name, "' has element type ", bad->second, ", not floating point, uint8 or int8"}));
  }

 private:
  void read_node(ProtoMessage message) {
    NodeDef node;
    std::string domain;
    std::vector<ProtoMessage> attributes;
    while (message.next()) switch (message.tag()) {
        case 1:
          node.inputs.push_back(message.string());
          break;
        case 2:
          node.outputs.push_back(message.string());
          break;
        case 3:
          node.name = message.string();
          break;
        case 4:
          node.op = message.string();
          break;
        case 5:
          attributes.push_back(message.message());
          break;
        case 7:
          domain = message.string();
          break;
        default:
          message.skip();
      }
    const std::size_t index = node_count_++;
    if (index >= max_onnx_nodes) throw FormatError(detail::message({"more than ", max_onnx_nodes, " nodes"}));
    if (!node.name.empty() && !node_names_.insert(node.name).second)
      throw FormatError(detail::message({"two nodes have the name '", node.name, "'"}));
    if (node.name.empty()) node.name = node.op + "_" + std::to_string(index);
    try {
      if (node.op.empty()) throw FormatError("has no operator");
      if (!domain.empty() && domain != "ai.onnx") node.op = domain + "::" + node.op;
      for (const ProtoMessage& attribute : attributes)
        if (!node.attributes.insert(read_onnx_attribute(attribute, sources_)).second)
          throw FormatError("an attribute is given twice");
      if (node.op == "Constant") return add_constant_node(node);
    } catch (const IoError& e) {
      throw IoError(detail::message({describe(node), ": ", e.what()}));
    } catch (const Error& e) {
      throw FormatError(detail::message({describe(node), ": ", e.what()}));
    }
    graph_.nodes.push_back(std::move(node));
  }

  /// A Constant node becomes an entry of GraphDef::constants.
  void add_constant_node(NodeDef& node) {
    if (node.attributes.size() != 1 || node.outputs.size() != 1)
      throw FormatError("needs exactly one attribute and one output");
    auto& [key, value] = *node.attributes.begin();
    Constant constant;
    if (auto* tensor = std::get_if<Constant>(&value); tensor && key == "value") {
      constant = std::move(*tensor);
    } else if (auto* f = std::get_if<float>(&value); f && key == "value_float") {
      constant.floats = std::vector<float>{*f};
      constant.type = static_cast<int>(OnnxType::float32);
    } else if (auto* i = std::get_if<std::int64_t>(&value); i && key == "value_int") {
      constant.ints = {*i};
      constant.is_int = true;
      constant.type = static_cast<int>(OnnxType::int64);
    } else if (auto* floats = std::get_if<std::vector<float>>(&value); floats && key == "value_floats") {
      constant.shape = Shape{static_cast<std::int64_t>(floats->size())};
      constant.floats = std::move(*floats);
      constant.type = static_cast<int>(OnnxType::float32);
    } else if (auto* ints = std::get_if<std::vector<std::int64_t>>(&value); ints && key == "value_ints") {
      constant.shape = Shape{static_cast<std::int64_t>(ints->size())};
      constant.ints = std::move(*ints);
      constant.is_int = true;
      constant.type = static_cast<int>(OnnxType::int64);
    } else {
      throw FormatError(detail::message({"attribute '", key, "' is not supported"}));
    }
    add_constant(node.outputs[0], std::move(constant));
  }

  void read_initialiser(ProtoMessage message) {
    auto [name, constant] = read_onnx_tensor(message, sources_);
    add_constant(name, std::move(constant));
  }

  void add_constant(const std::string& name, Constant constant) {
    if (name.empty()) throw FormatError("a constant has no name");
    if (!graph_.constants.emplace(name, std::move(constant)).second)
      throw FormatError(detail::message({"constant '", name, "' is defined twice"}));
  }

  /// A constant that is listed as an input too must be what the input says.
  static void check_default(const InputDef& input, const Constant& c) {
    bool fits = input.dims.empty() || input.dims.size() == c.shape.rank();
    for (std::size_t i = 0; fits && i < input.dims.size(); ++i) fits = input.dims[i] < 0 || input.dims[i] == c.shape[i];
    if (!fits || (input.type != 0 && input.type != c.type))
      throw FormatError(
          detail::message({"input '", input.name, "' is of another shape or element type than its initialiser"}));
  }

  /// The name of an output or of a tensor inside, whose type is kept. What the file says of its shape is not looked at:
  /// shapes are inferred.
  std::string read_typed_name(ProtoMessage message) {
    InputDef value;
    if (const std::int64_t type = read_value(message, value, false); type > 0 && type < 64)
      graph_.types[value.name] = static_cast<int>(type);
    return value.name;
  }

  /// ValueInfoProto -> TypeProto -> tensor_type -> TensorShapeProto -> dim. Returns the type's number.
  static std::int64_t read_value(ProtoMessage message, InputDef& value, bool with_shape) {
    std::int64_t type = 0;
    while (message.next()) switch (message.tag()) {
        case 1:
          value.name = message.string();
          break;
        case 2:
          for (ProtoMessage kind = message.message(); kind.next();)
            if (kind.tag() == 1)
              type = read_tensor_type(kind.message(), value, with_shape);
            else
              kind.skip();
          break;
        default:
          message.skip();
      }
    return type;
  }

  void read_input(ProtoMessage message) {
    InputDef input;
    const std::int64_t type = read_value(message, input, true);
    if (input.name.empty()) throw FormatError("an input has no name");
    input.type = type > 0 && type < 64 ? static_cast<int>(type) : 0;
    const auto t = static_cast<OnnxType>(type);
    if (t == OnnxType::uint8 || t == OnnxType::int8)
      input.element = integer_element(type);
    else if (t != OnnxType::float32 && t != OnnxType::float16 && t != OnnxType::float64 && t != OnnxType::bfloat16)
      bad_input_types_[input.name] = type;
    graph_.inputs.push_back(std::move(input));
  }

  static std::int64_t read_tensor_type(ProtoMessage message, InputDef& input, bool with_shape) {
    std::int64_t type = 0;
    while (message.next()) switch (message.tag()) {
        case 1:
          type = message.int64();
          break;
        case 2:
          for (ProtoMessage shape = message.message(); shape.next();)
            if (with_shape && shape.tag() == 1)
              read_dimension(shape.message(), input);
            else
              shape.skip();
          break;
        default:
          message.skip();
      }
    return type;
  }

  static void read_dimension(ProtoMessage message, InputDef& input) {
    std::int64_t value = -1;
    std::string name;
    while (message.next()) switch (message.tag()) {
        case 1:
          value = message.int64();
          // Some exporters write 0 or -1 for "free".
          if (value < -1) throw FormatError(detail::message({"input '", input.name, "' has a dimension of ", value}));
          if (value == 0) value = -1;
          break;
        case 2:
          name = message.string();
          break;
        default:
          message.skip();
      }
    if (input.dims.size() == Shape::max_rank)
      throw FormatError(detail::message({"input '", input.name, "' has a rank above 8"}));
    input.dims.push_back(value);
    input.dim_names.push_back(std::move(name));
  }

  GraphDef& graph_;
  TensorSources& sources_;
  std::size_t node_count_ = 0;
  std::set<std::string> node_names_;
  std::map<std::string, std::int64_t> bad_input_types_;
};

}  // namespace weir::detail
