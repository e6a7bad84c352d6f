// What onnx.hpp declares.
#pragma once
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <weir/core/graph_def.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/onnx/graph.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/io/onnx/protobuf.hpp>
#include <weir/io/onnx/sort.hpp>
#include <weir/io/onnx/tensor.hpp>

namespace weir::detail {

/// OperatorSetIdProto: sets opset if it is the default domain's. Other domains may be declared as long as no node
/// uses them.
inline void read_opset(ProtoMessage message, std::optional<std::int64_t>& opset) {
  std::string domain;
  std::int64_t version = 0;
  while (message.next()) switch (message.tag()) {
      case 1:
        domain = message.string();
        break;
      case 2:
        version = message.int64();
        break;
      default:
        message.skip();
    }
  if (domain.empty() || domain == "ai.onnx") opset = version;
}

/// FunctionProto: the operator that it defines, as NodeDef::op.
inline std::string function_name(ProtoMessage message) {
  std::string name, domain;
  while (message.next()) switch (message.tag()) {
      case 1:
        name = message.string();
        break;
      case 10:
        domain = message.string();
        break;
      default:
        message.skip();
    }
  return domain.empty() || domain == "ai.onnx" ? name : domain + "::" + name;
}

inline void refuse_functions(const GraphDef& graph, const std::set<std::string>& functions) {
  for (const NodeDef& node : graph.nodes)
    if (functions.contains(node.op))
      throw FormatError(
          detail::message({"node '", node.name, "' (", node.op,
                           ") calls a function that the file defines; functions are not supported: inline them "
                           "(onnx.inliner.inline_local_functions) or export without them"}));
}

inline GraphDef parse_onnx_model(std::string_view bytes, const std::string& source, TensorSources& sources) {
  GraphDef graph;
  graph.source = source;
  std::optional<std::int64_t> opset;
  std::optional<ProtoMessage> body;
  std::int64_t version = 0;
  std::set<std::string> functions;
  for (ProtoMessage model(bytes); model.next();) switch (model.tag()) {
      case 1:
        version = model.int64();
        break;
      case 7:
        body = model.message();
        break;
      case 8:
        read_opset(model.message(), opset);
        break;
      case 25:
        functions.insert(function_name(model.message()));
        break;
      default:
        model.skip();
    }
  if (!body) throw FormatError("no graph: not an ONNX network");
  if (version > max_onnx_ir_version)
    throw FormatError(detail::message({"IR version ", version, " is not supported, only up to ", max_onnx_ir_version}));
  if (!opset) throw FormatError("does not say its opset: not an ONNX network, or one older than IR version 3");
  if (*opset < min_onnx_opset || *opset > max_onnx_opset)
    throw FormatError(
        detail::message({"opset ", *opset, " is not supported, only ", min_onnx_opset, " to ", max_onnx_opset}));
  graph.opset = static_cast<int>(*opset);
  OnnxGraphReader(graph, sources).read(*body);
  refuse_functions(graph, functions);
  if (graph.outputs.empty()) throw FormatError("the network has no output");
  sort_nodes(graph);
  graph.weight_files = sources.weight_files;
  return graph;
}

inline GraphDef parse_onnx_bytes(std::span<const char> bytes, const std::string& source, TensorSources& sources) {
  try {
    return parse_onnx_model({bytes.data(), bytes.size()}, source, sources);
  } catch (const IoError& e) {
    throw IoError(detail::message({source, ": ", e.what()}));
  } catch (const Error& e) {
    throw FormatError(detail::message({source, ": ", e.what()}));
  } catch (const protozero::exception& e) {
    throw FormatError(detail::message({source, ": damaged or not an ONNX network (", e.what(), ")"}));
  }
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE GraphDef parse_onnx(std::span<const char> bytes, const std::string& source) {
  detail::TensorSources sources;
  return detail::parse_onnx_bytes(bytes, source, sources);
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE GraphDef parse_onnx_file(Bytes bytes, const std::filesystem::path& path) {
  TensorSources sources{.folder = path.parent_path(), .file = std::make_shared<Bytes>(std::move(bytes))};
  return parse_onnx_bytes(*sources.file, path.string(), sources);
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE GraphDef read_onnx(const std::filesystem::path& path) {
  return detail::parse_onnx_file(detail::read_file(path, detail::max_onnx_bytes), path);
}

}  // namespace weir
