// What penultimate.hpp declares.
#pragma once
#include <algorithm>
#include <string>
#include <weir/core/network.hpp>
#include <weir/policy/exits/penultimate.hpp>

namespace weir::detail {

WEIR_INLINE std::string penultimate_tensor(const Network& network) {
  const NetworkState& state = network.state();
  const auto first_input = [&](const Node& node) {  // that depends on the network's input
    const auto it =
        std::ranges::find_if(node.inputs, [&](ValueId v) { return v != absent && !network.value(v).constant; });
    return it == node.inputs.end() ? absent : *it;
  };
  const auto maker = [&](ValueId v) {
    return std::ranges::find_if(state.nodes, [&](const Node& n) { return std::ranges::count(n.outputs, v) > 0; });
  };
  for (auto at = state.nodes.rbegin(); at != state.nodes.rend(); ++at) {
    const Node& node = *at;
    if (node.op != "Gemm" && node.op != "MatMul" && node.op != "Conv") continue;
    ValueId v = first_input(node);
    auto from = maker(v);
    while (from != state.nodes.end() && from->layer->is_view() && first_input(*from) != absent) {
      v = first_input(*from);
      from = maker(v);
    }
    if (from == state.nodes.end()) return {};
    const Value& value = network.value(v);
    const Shape shape = value.form.at(1);
    const bool fits = (shape.rank() == 4 || shape.rank() == 2) && network.has_row_for_each_example(v);
    return fits ? value.name : std::string();
  }
  return {};
}

}  // namespace weir::detail
