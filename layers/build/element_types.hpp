/// What the elements of computed tensors are. They all lie as float32, which holds integers below 2^24 exactly.
#pragma once
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// How an operator's elements follow from those of its inputs.
enum class TypeRule {
  floats,      ///< takes floats, yields floats: what is not listed
  moves,       ///< of any type, which the first output keeps
  joins,       ///< of any type, all inputs of the same
  arithmetic,  ///< numbers, all inputs of the same type
  compares,    ///< all inputs of the same type; yields truth values
  logic,       ///< truth values
  tests,       ///< floats; yields truth values
  chooses,     ///< truth values first, then two inputs of the same type
  ranks,       ///< numbers; yields indices
  top,         ///< numbers; yields those, and indices
  sums,        ///< numbers first, which the output keeps
  takes,       ///< of any type, which the output keeps; then indices
  writes,      ///< as takes; then more of the first type
  casts
};

struct TypedOperator {
  std::string_view name;
  TypeRule rule;
};

inline constexpr std::array typed_operators = {
    TypedOperator{"Abs", TypeRule::arithmetic},
    TypedOperator{"Add", TypeRule::arithmetic},
    TypedOperator{"And", TypeRule::logic},
    TypedOperator{"ArgMax", TypeRule::ranks},
    TypedOperator{"ArgMin", TypeRule::ranks},
    TypedOperator{"Cast", TypeRule::casts},
    TypedOperator{"Concat", TypeRule::joins},
    TypedOperator{"CumSum", TypeRule::sums},
    TypedOperator{"DepthToSpace", TypeRule::moves},
    TypedOperator{"Equal", TypeRule::compares},
    TypedOperator{"Expand", TypeRule::moves},
    TypedOperator{"Flatten", TypeRule::moves},
    TypedOperator{"Gather", TypeRule::takes},
    TypedOperator{"GatherElements", TypeRule::takes},
    TypedOperator{"GatherND", TypeRule::takes},
    TypedOperator{"Greater", TypeRule::compares},
    TypedOperator{"GreaterOrEqual", TypeRule::compares},
    TypedOperator{"Identity", TypeRule::moves},
    TypedOperator{"IsInf", TypeRule::tests},
    TypedOperator{"IsNaN", TypeRule::tests},
    TypedOperator{"Less", TypeRule::compares},
    TypedOperator{"LessOrEqual", TypeRule::compares},
    TypedOperator{"Max", TypeRule::arithmetic},
    TypedOperator{"Min", TypeRule::arithmetic},
    TypedOperator{"Mod", TypeRule::arithmetic},
    TypedOperator{"Mul", TypeRule::arithmetic},
    TypedOperator{"Neg", TypeRule::arithmetic},
    TypedOperator{"Not", TypeRule::logic},
    TypedOperator{"Or", TypeRule::logic},
    TypedOperator{"ReduceMax", TypeRule::moves},
    TypedOperator{"ReduceMin", TypeRule::moves},
    TypedOperator{"ReduceSum", TypeRule::sums},
    TypedOperator{"Reshape", TypeRule::moves},
    TypedOperator{"Scatter", TypeRule::writes},
    TypedOperator{"ScatterElements", TypeRule::writes},
    TypedOperator{"ScatterND", TypeRule::writes},
    TypedOperator{"Sign", TypeRule::arithmetic},
    TypedOperator{"Slice", TypeRule::moves},
    TypedOperator{"SpaceToDepth", TypeRule::moves},
    TypedOperator{"Split", TypeRule::moves},
    TypedOperator{"Squeeze", TypeRule::moves},
    TypedOperator{"Sub", TypeRule::arithmetic},
    TypedOperator{"Sum", TypeRule::arithmetic},
    TypedOperator{"Tile", TypeRule::moves},
    TypedOperator{"TopK", TypeRule::top},
    TypedOperator{"Transpose", TypeRule::moves},
    TypedOperator{"Trilu", TypeRule::moves},
    TypedOperator{"Unsqueeze", TypeRule::moves},
    TypedOperator{"Where", TypeRule::chooses},
    TypedOperator{"Xor", TypeRule::logic},
};

/// True of operators that move elements and leave them as they are.
inline bool only_moves(std::string_view op) {
  return std::any_of(typed_operators.begin(), typed_operators.end(),
                     [&](const TypedOperator& o) { return o.name == op && o.rule == TypeRule::moves; });
}

/// The types of a node's outputs (the last for all behind it). Fails where an input's type is none that the operator
/// computes with exactly.
inline std::vector<ElementType> element_types(const NodeArguments& node) {
  const auto known = std::find_if(typed_operators.begin(), typed_operators.end(),
                                  [&](const TypedOperator& o) { return o.name == node.node.op; });
  const TypeRule rule = known == typed_operators.end() ? TypeRule::floats : known->rule;
  const std::size_t n = node.node.inputs.size();
  const auto refuse = [&](std::size_t i) {
    static constexpr std::array names = {"floats", "integers", "truth values", "uint8", "int8", "int32"};
    node.fail(detail::message({"input ", i, " holds ", names[static_cast<std::size_t>(node.type(i))],
                               ", with which this operator is not supported"}));
  };
  // Constants of integers may be truth values too.
  const auto truth = [&](std::size_t i) {
    return node.type(i) == ElementType::boolean ||
           (node.type(i) == ElementType::integer && node.constant(i) != nullptr);
  };
  const auto same = [&](std::size_t first, std::size_t step = 1) {
    for (std::size_t i = first; i < n; i += step) {
      const bool fits = node.type(i) == node.type(first) || (truth(i) && node.type(first) == ElementType::boolean) ||
                        (truth(first) && node.type(i) == ElementType::boolean);
      if (node.has_input(i) && !fits)
        node.fail(detail::message({"inputs ", first, " and ", i, " hold elements of two types"}));
    }
    for (std::size_t i = first; i < n; i += step)
      if (node.type(i) == ElementType::boolean) return ElementType::boolean;
    return n > first ? node.type(first) : ElementType::real;
  };
  const auto numbers = [&](bool narrow = false) {
    for (std::size_t i = 0; i < n; ++i)
      if (node.type(i) == ElementType::boolean || (!narrow && is_narrow(node.type(i)))) refuse(i);
  };
  switch (rule) {
    case TypeRule::floats:
    case TypeRule::tests:
      for (std::size_t i = 0; i < n; ++i)
        if (node.has_input(i) && node.constant(i) == nullptr && node.type(i) != ElementType::real) refuse(i);
      return {rule == TypeRule::tests ? ElementType::boolean : ElementType::real};
    case TypeRule::moves:
      return {node.type(0)};
    case TypeRule::joins:
      return {same(0)};
    case TypeRule::arithmetic:
      numbers();
      return {same(0)};
    case TypeRule::compares:
      (void)same(0);
      return {ElementType::boolean};
    case TypeRule::logic:
      for (std::size_t i = 0; i < n; ++i)
        if (!truth(i)) refuse(i);
      return {ElementType::boolean};
    case TypeRule::chooses:
      if (!truth(0)) refuse(0);
      return {same(1)};
    case TypeRule::ranks:
      numbers(node.type(0) != ElementType::int32);
      return {ElementType::integer};
    case TypeRule::top:
      numbers();
      return {node.type(0), ElementType::integer};
    case TypeRule::sums:
      if (node.type(0) == ElementType::boolean || is_narrow(node.type(0))) refuse(0);
      return {node.type(0)};
    case TypeRule::takes:
    case TypeRule::writes:
      if (node.type(1) != ElementType::integer) refuse(1);
      return {rule == TypeRule::takes ? node.type(0) : same(0, 2)};
    case TypeRule::casts:
      break;
  }
  const std::int64_t to = node.integer("to", 0);
  if (to == 1 || to == 10 || to == 11 || to == 16) return {ElementType::real};
  if (to == 9) return {ElementType::boolean};
  return {ElementType::integer};
}

}  // namespace weir::detail
