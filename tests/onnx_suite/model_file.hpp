/// What the suite must know of a model that weir may refuse to read, and the model rewritten with inputs made constant.
#pragma once
#include <cstdint>
#include <optional>
#include <protozero/pbf_writer.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/io/onnx/protobuf.hpp>
#include <weir/io/onnx/tensor.hpp>

namespace onnx_suite {

/// A graph's input or output. type is TensorProto.DataType; 0 where it is a sequence, a map or an optional.
struct Port {
  std::string name;
  std::int64_t type = 0;
};

/// The operators and ports of a model, whatever it holds: nothing is refused here but damaged bytes.
struct ModelOutline {
  std::set<std::string> operators;    ///< those of subgraphs are not looked at: weir refuses the node that has one
  std::vector<Port> inputs, outputs;  ///< inputs without initialisers
};

inline Port read_port(weir::detail::ProtoMessage message) {
  Port port;
  while (message.next()) {
    if (message.tag() == 1) {
      port.name = message.string();
    } else if (message.tag() == 2) {
      for (auto kind = message.message(); kind.next();) {
        if (kind.tag() != 1) {
          kind.skip();
          continue;
        }
        for (auto tensor = kind.message(); tensor.next();)
          if (tensor.tag() == 1)
            port.type = tensor.int64();
          else
            tensor.skip();
      }
    } else {
      message.skip();
    }
  }
  return port;
}

/// The text of the first field `tag` of a message.
inline std::string text_field(weir::detail::ProtoMessage message, std::uint32_t tag) {
  while (message.next()) {
    if (message.tag() == tag) return message.string();
    message.skip();
  }
  return {};
}

/// A node's operator; "domain.operator" where it is not ONNX's own.
inline std::string operator_name(std::string_view node) {
  const std::string op = text_field(weir::detail::ProtoMessage(node), 4),
                    domain = text_field(weir::detail::ProtoMessage(node), 7);
  return domain.empty() || domain == "ai.onnx" ? op : domain + "." + op;
}

inline ModelOutline outline(std::string_view model) {
  ModelOutline all;
  std::set<std::string> initialisers;
  for (weir::detail::ProtoMessage top(model); top.next();) {
    if (top.tag() != 7) {
      top.skip();
      continue;
    }
    for (auto graph = top.message(); graph.next();) switch (graph.tag()) {
        case 1:
          all.operators.insert(operator_name(graph.bytes()));
          break;
        case 5:
          initialisers.insert(text_field(graph.message(), 8));
          break;
        case 11:
          all.inputs.push_back(read_port(graph.message()));
          break;
        case 12:
          all.outputs.push_back(read_port(graph.message()));
          break;
        default:
          graph.skip();
      }
  }
  std::erase_if(all.inputs, [&](const Port& p) { return initialisers.contains(p.name); });
  all.operators.erase("Constant");
  return all;
}

/// The version of an OperatorSetIdProto of ONNX's own operators.
inline std::optional<std::int64_t> version(std::string_view opset) {
  if (!text_field(weir::detail::ProtoMessage(opset), 1).empty()) return std::nullopt;
  for (weir::detail::ProtoMessage m(opset); m.next();) {
    if (m.tag() == 2) return m.int64();
    m.skip();
  }
  return std::nullopt;
}

/// The same model with one more initialiser for each pair of a name and a TensorProto. An opset below 7, which weir
/// does not read, becomes 7: of what changed with it, broadcast by attribute, weir must refuse the attribute.
inline std::string with_initialisers(std::string_view model,
                                     const std::vector<std::pair<std::string, std::string>>& tensors) {
  std::string out;
  protozero::pbf_writer writer(out);
  for (protozero::pbf_reader top(model.data(), model.size()); top.next();) {
    if (top.tag() == 7) {
      std::string graph = top.get_string();
      protozero::pbf_writer graph_writer(graph);
      for (const auto& [name, tensor] : tensors) {
        std::string named = tensor;
        protozero::pbf_writer(named).add_string(8, name);  // the last of a field counts
        graph_writer.add_message(5, named);
      }
      writer.add_message(7, graph);
    } else if (top.tag() == 8) {
      std::string opset(top.get_view());
      if (const auto v = version(opset); v && *v < 7) protozero::pbf_writer(opset).add_int64(2, 7);
      writer.add_message(8, opset);
    } else {
      top.skip();  // weir reads nothing else of a model
    }
  }
  return out;
}

/// A TensorProto's value; empty where weir cannot read its type (strings, complex numbers).
inline std::optional<weir::Constant> read_tensor(std::string_view bytes) {
  weir::detail::TensorSources sources;
  try {
    return weir::detail::read_onnx_tensor(weir::detail::ProtoMessage(bytes), sources).second;
  } catch (const weir::Error&) {
    return std::nullopt;
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
}

inline bool is_floating(std::int64_t type) { return type == 1 || type == 10 || type == 11 || type == 16; }

}  // namespace onnx_suite
