/// build_network: from a network as data to a checked graph of layers.
#pragma once
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/network.hpp>
#include <weir/layers/build/build_options.hpp>

namespace weir {

/// The network that def describes: every operator made a layer, shape arithmetic and constants folded, all shapes
/// checked. A file exported for one batch size runs at any if its graph keeps the examples of a batch apart; one of
/// free batch size that fits only one example runs batches of 1. Throws FormatError (unsupported operator or
/// attribute), ShapeError (layers that do not fit), ArgumentError (a free dimension beside the batch), each naming file
/// and node.
Network build_network(const GraphDef& def, const BuildOptions& options = {});

/// Makes an operator of a program's own known by name, for the whole process: to build_network() and all that calls it
/// (load_onnx(), load_policy(), weir's programs), whatever BuildOptions they pass on. name: "domain::Name", or "Name"
/// for one of ONNX's domain. As with BuildOptions::operators, which comes first, it stands before weir's own of that
/// name; arithmetic on the shapes of a file stays weir's. Call it before the first network that has it is read; any
/// thread may. Throws ArgumentError for a name that was registered before or that no file can have, or without a
/// function.
void register_operator(const std::string& name, OperatorMaker make);

/// The names of the operators that compute tensors: weir's in alphabetical order, then those that register_operator()
/// added. BuildOptions::operators, which one call knows, are not among them.
std::vector<std::string> operator_names();

}  // namespace weir

namespace weir::detail {

/// The ONNX names of those that build_network evaluates on shapes and other integers, or writes as another; some are
/// among the former too.
std::vector<std::string_view> folded_operator_names();

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/layers/build_network.ipp>
#endif
