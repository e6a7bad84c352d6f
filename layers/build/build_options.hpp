/// BuildOptions: what build_network takes beside the graph.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>
#include <weir/core/layer.hpp>

namespace weir {

class NodeArguments;  // layers/attributes/node_arguments.hpp

/// Makes the layer of a node: reads its attributes, and fails (NodeArguments::fail) where it does not know one.
using OperatorMaker = std::function<LayerPtr(const NodeArguments& node)>;

/// input_shapes: dimensions without the batch ("input" -> {3, 224, 224}) for inputs whose file leaves others than the
/// first dimension free. build_network throws ArgumentError for another number of dimensions, for one that the file
/// fixes otherwise, and for a name that is no input.
///
/// operators: operators of a program's own by name, "domain::Name" for those of another domain than ONNX's; they come
/// before those that register_operator() made known, and before weir's. Their inputs and outputs hold floats.
/// Layer::examples() says how their outputs depend on the batch.
struct BuildOptions {
  std::map<std::string, std::vector<std::int64_t>> input_shapes = {};
  std::map<std::string, OperatorMaker> operators = {};
};

}  // namespace weir
