// What load_onnx.hpp declares.
#pragma once
#include <weir/io/onnx/onnx.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/load_onnx.hpp>

namespace weir {

WEIR_INLINE Network load_onnx(const std::string& path, const BuildOptions& options) {
  return build_network(read_onnx(path), options);
}

}  // namespace weir
