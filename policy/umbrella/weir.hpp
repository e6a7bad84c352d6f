/// All of weir, and the calls that need more than one folder: `#include <weir/weir.hpp>`.
#pragma once
#include <filesystem>
#include <weir/core/executor.hpp>
#include <weir/io/onnx.hpp>
#include <weir/layers/build_network.hpp>

namespace weir {

/// The network in an ONNX file (opset 7 to 21). Throws FormatError, ShapeError, ArgumentError, IoError, each naming the
/// file and, where there is one, the node.
inline Network load_onnx(const std::filesystem::path& path, const BuildOptions& options = {}) {
  return build_network(read_onnx(path), options);
}

}  // namespace weir
