/// build_network: from a network as data to a checked graph of layers.
#pragma once
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

/// The ONNX names of the operators that compute tensors, in alphabetical order.
std::vector<std::string_view> operator_names();

}  // namespace weir

namespace weir::detail {

/// The ONNX names of those that build_network evaluates on shapes and other integers, or writes as another; some are
/// among the former too.
std::vector<std::string_view> folded_operator_names();

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/layers/build_network.ipp>
#endif
