/// load_onnx: from a file to a network.
#pragma once
#include <string>
#include <weir/core/compile.hpp>
#include <weir/core/network.hpp>
#include <weir/layers/build/build_options.hpp>

namespace weir {

/// The network in an ONNX file (opset 7 to 24). Throws FormatError, ShapeError, ArgumentError, IoError, each naming the
/// file and, where there is one, the node. A std::filesystem::path is as good as a string.
Network load_onnx(const std::string& path, const BuildOptions& options = {});

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/load_onnx.ipp>
#endif
