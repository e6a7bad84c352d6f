/// Shape arithmetic that exporters leave behind, evaluated while the network is built.
#pragma once
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>
#include <vector>
#include <weir/layers/build/exact_integers.hpp>
#include <weir/layers/build/integers/operators.hpp>
#include <weir/layers/build/probes.hpp>

namespace weir::detail {

/// Outputs of a node that computes on integers, or nullopt if it is not one or its inputs are not known.
/// inputs[i] is input i if it is constant, else nullptr; input_shapes[i] its shape if known, else nullptr.
/// Throws FormatError if the node is one of those but its attributes or values are not valid.
inline std::optional<std::vector<Constant>> evaluate_integer_node(const NodeArguments& node,
                                                                  std::span<const Constant* const> inputs,
                                                                  std::span<const Shape* const> input_shapes) {
  const std::string_view op = node.node.op;
  const auto entry = std::find_if(integer_operators.begin(), integer_operators.end(),
                                  [&](const IntegerOperator& o) { return o.name == op; });
  if (entry == integer_operators.end()) return std::nullopt;
  try {
    if (entry->of_shape != nullptr) {
      if (input_shapes.empty() || input_shapes[0] == nullptr || inputs.empty()) return std::nullopt;
      std::vector<Constant> result{entry->of_shape(node, *input_shapes[0])};
      node.refuse_others();
      return result;
    }
    bool floats = false, integers = entry->takes_floats || inputs.empty();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!node.has_input(i)) continue;
      if (inputs[i] == nullptr) return std::nullopt;
      if (inputs[i]->ints.size() > max_folded_integers || inputs[i]->floats.size() > max_folded_integers)
        return std::nullopt;
      integers = integers || (i == 0 && inputs[i]->is_int);
      floats = floats || !inputs[i]->is_int;
    }
    if (!integers || (floats && !entry->takes_floats)) return std::nullopt;
    auto result = entry->evaluate(node, inputs);
    if (result) node.refuse_others();
    return result;
  } catch (const ShapeError& e) {
    node.fail(e.what());
  }
}

/// True of what an Expand of the same integers gives at every batch size: the same indices for each example, which a
/// layer repeats when the network runs. It does so exactly below 2^24. values: the outputs, by probe.
inline bool is_repeated_index(const ProbedConstants& constants,
                              const std::array<std::vector<Constant>, probe_count>& values) {
  return !depends_on_batch(constants, 0) && !(values[0][0].shape == values[1][0].shape) && is_exact(*constants[0][0]);
}

}  // namespace weir::detail
