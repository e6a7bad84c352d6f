/// Writes ONNX networks: GraphDef -> bytes.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <weir/core/compile.hpp>
#include <weir/core/graph_def.hpp>

namespace weir::detail {

/// The bytes of an ONNX file that holds the network, with all its weights inside. What parse_onnx() makes of them is
/// equal to def, but for the order of the nodes and the names that a file may leave out. Constants are float32, uint8,
/// int8, int32 or int64, as GraphDef has them. outputs: the dimensions of outputs, which GraphDef does not hold; those
/// of others are left out, which runtimes can do without, and onnx.checker cannot. Throws FormatError where the file
/// would be above 2 GiB.
std::string to_onnx(const GraphDef& def, std::span<const InputDef> outputs = {});

}  // namespace weir::detail

namespace weir {

/// Replaces path by such a file, or leaves it as it was. Throws IoError too.
void write_onnx(const std::filesystem::path& path, const GraphDef& def, std::span<const InputDef> outputs = {});

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/io/onnx/write.ipp>
#endif
