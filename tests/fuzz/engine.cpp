// The engine of the fuzz targets, compiled once: operators, and their names for what changes networks. Its
// micro-kernels are in kernels.cpp.
#define WEIR_EXTERN
#include <weir/core/kernels/gemm/list.hpp>
#undef WEIR_EXTERN
#include <weir/layers/build_network.hpp>
#include <weir/layers/registry.hpp>

#include "operator_names.hpp"

namespace weir {
extern Network (*const emitted_build_network)(const GraphDef&, const BuildOptions&);
Network (*const emitted_build_network)(const GraphDef&, const BuildOptions&) = &build_network;
}  // namespace weir

const std::vector<std::string>& fuzz::operator_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const weir::Operator& o : weir::operators) all.emplace_back(o.name);
    return all;
  }();
  return names;
}
