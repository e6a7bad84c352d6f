/// The order in which a network of several outputs computes them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>
#include <weir/core/network.hpp>

namespace weir {

/// Beyond so many outputs the file's order stays: sorting takes outputs times nodes.
inline constexpr std::size_t most_sorted_outputs = 64;

/// Sorts the nodes (topologically sorted before and after) so that the outputs are computed one after the other, those
/// first that depend on the fewest floating-point operations, and each of them before anything that it does not need:
/// an exit of a network can then be left without what lies behind it, wherever the file has it. What one output needs
/// keeps its order, as do networks of one output. Nodes that no output needs come last.
inline void sort_by_outputs(NetworkState& state) {
  const std::size_t n_outputs = state.outputs.size(), n_nodes = state.nodes.size();
  if (n_outputs < 2 || n_outputs > most_sorted_outputs) return;
  const auto at = [](ValueId v) { return static_cast<std::size_t>(v); };
  std::vector<double> flops;  // [nodes]
  for (const Node& node : state.nodes) {
    std::vector<Shape> shapes;
    for (const ValueId v : node.inputs) shapes.push_back(v == absent ? Shape{} : state.values[at(v)].form.at(1));
    flops.push_back(node.layer->flops(shapes));
  }
  std::vector<std::vector<bool>> needs(n_outputs, std::vector<bool>(n_nodes, false));
  std::vector<double> work(n_outputs, 0.0);
  for (std::size_t o = 0; o < n_outputs; ++o) {
    std::vector<bool> wanted(state.values.size(), false);
    wanted[at(state.outputs[o])] = true;
    for (std::size_t i = n_nodes; i-- > 0;) {
      const Node& node = state.nodes[i];
      if (std::ranges::none_of(node.outputs, [&](ValueId v) { return v != absent && wanted[at(v)]; })) continue;
      needs[o][i] = true;
      work[o] += flops[i];
      for (const ValueId v : node.inputs)
        if (v != absent) wanted[at(v)] = true;
    }
  }
  std::vector<std::size_t> order(n_outputs);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t o) { return work[o]; });
  std::vector<Node> sorted;
  std::vector<bool> taken(n_nodes, false);
  const auto take = [&](std::size_t i) {
    if (!taken[i]) sorted.push_back(std::move(state.nodes[i]));
    taken[i] = true;
  };
  for (const std::size_t o : order)
    for (std::size_t i = 0; i < n_nodes; ++i)
      if (needs[o][i]) take(i);
  for (std::size_t i = 0; i < n_nodes; ++i) take(i);
  state.nodes = std::move(sorted);
}

}  // namespace weir
