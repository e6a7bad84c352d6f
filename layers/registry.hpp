/// The operators that weir knows: one line for each. To add one, write its file and its line here.
#pragma once
#include <algorithm>
#include <array>
#include <string_view>
#include <weir/core/layer.hpp>
#include <weir/layers/node_arguments.hpp>

namespace weir {

/// True if make_layer knows the operator (it may still refuse an attribute).
bool is_known_operator(std::string_view op);

/// The layer of a node. Throws FormatError naming file, node, operator and opset where the operator or one of its
/// attributes is not supported.
LayerPtr make_layer(const NodeArguments& arguments);

}  // namespace weir
