/// Shape arithmetic that exporters leave behind, evaluated while the network is built.
#pragma once
#include <optional>
#include <span>
#include <vector>
#include <weir/layers/node_arguments.hpp>

namespace weir {

/// Outputs of a node that computes on integers, or nullopt if it is not one or its inputs are not known.
/// inputs[i] is input i if it is constant, else nullptr; input_shapes[i] its shape if known, else nullptr.
/// Throws FormatError if the node is one of those but its attributes or values are not valid.
std::optional<std::vector<Constant>> evaluate_integer_node(const NodeArguments& arguments,
                                                           std::span<const Constant* const> inputs,
                                                           std::span<const Shape* const> input_shapes);

}  // namespace weir
