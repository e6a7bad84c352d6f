/// Reads ONNX networks: bytes -> GraphDef.
///
/// The format is onnx.proto (https://github.com/onnx/onnx); field numbers below are its. Read with protozero, so that
/// no protobuf library is needed. Which operators exist is not decided here but by layers/registry.hpp.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <weir/core/compile.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/io/files/file.hpp>

namespace weir::detail {

inline constexpr int min_onnx_opset = 7;
inline constexpr int max_onnx_opset = 24;
/// The newest version of the file format itself that is read: that of ONNX Runtime 1.30.
inline constexpr int max_onnx_ir_version = 13;
/// protobuf itself allows no larger message; larger networks keep their weights in external files.
inline constexpr std::uint64_t max_onnx_bytes = std::uint64_t{1} << 31;

}  // namespace weir::detail

namespace weir {

/// A network from the bytes of an ONNX file; source names it in messages. Opsets 7 to 24 of the default domain.
/// Nodes are sorted topologically, Constant nodes are turned into constants. External data is refused (read_onnx
/// reads it). Memory: at most a constant times the bytes. Throws FormatError naming source and, where there is one,
/// the node or tensor.
GraphDef parse_onnx(std::span<const char> bytes, const std::string& source);

}  // namespace weir

namespace weir::detail {

/// As parse_onnx, from bytes that were read from path; external data is read from beside it. Weights stay where they
/// lie in the bytes, which live as long as they do. Throws IoError too.
GraphDef parse_onnx_file(Bytes bytes, const std::filesystem::path& path);

}  // namespace weir::detail

namespace weir {

/// As parse_onnx, from a file of at most 2 GiB; external data is read from beside it. Throws IoError too.
GraphDef read_onnx(const std::filesystem::path& path);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/io/onnx/onnx.ipp>
#endif
