/// CastLike (since opset 15) as the Cast that it is: to the element type of its second input; the values of that are
/// not read.
#pragma once
#include <cstdint>
#include <utility>
#include <weir/core/graph_def.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/build/tensor_types.hpp>

namespace weir::detail {

/// Throws FormatError where the type of the second input is not known, which only an operator without a signature, a
/// program's own, leaves open.
inline NodeDef as_cast(const NodeDef& node, const GraphDef& def, const TensorTypes& types) {
  const NodeArguments arguments(node, def.opset, def.source);
  arguments.expect_inputs(2, 2);
  const int to = number_of(types.of(node.inputs[1]));
  if (to == 0) arguments.fail(message({"the element type of '", node.inputs[1], "' is not known"}));
  NodeDef cast = node;
  cast.op = "Cast";
  cast.inputs.pop_back();
  cast.attributes["to"] = std::int64_t{to};
  return cast;
}

}  // namespace weir::detail
