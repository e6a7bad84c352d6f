/// The order in which a network computes its tensors.
#pragma once
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/network.hpp>

namespace weir::detail {

/// Beyond this number of outputs the file's order stays: sorting takes outputs times nodes.
inline constexpr std::size_t most_sorted_outputs = 64;

/// By node: whether value v depends on it.
inline std::vector<bool> nodes_for(const NetworkState& state, ValueId v) {
  std::vector<bool> wanted(state.values.size(), false), needed(state.nodes.size(), false);
  wanted[static_cast<std::size_t>(v)] = true;
  for (std::size_t i = needed.size(); i-- > 0;) {
    const Node& node = state.nodes[i];
    needed[i] = std::ranges::any_of(node.outputs,
                                    [&](ValueId y) { return y != absent && wanted[static_cast<std::size_t>(y)]; });
    for (const ValueId x : node.inputs)
      if (needed[i] && x != absent) wanted[static_cast<std::size_t>(x)] = true;
  }
  return needed;
}

/// The nodes' numbers, those first that the first of `needs` names, and so on, then the rest; each part in the order
/// that it had.
inline std::vector<std::size_t> order_of(std::span<const std::vector<bool>> needs, std::size_t n_nodes) {
  std::vector<std::size_t> order;
  std::vector<bool> taken(n_nodes, false);
  const auto take = [&](std::size_t i) {
    if (!taken[i]) order.push_back(i);
    taken[i] = true;
  };
  for (const std::vector<bool>& need : needs)
    for (std::size_t i = 0; i < n_nodes; ++i)
      if (need[i]) take(i);
  for (std::size_t i = 0; i < n_nodes; ++i) take(i);
  return order;
}

/// Sorts the nodes (topologically sorted before and after) so that the outputs are computed one after the other, those
/// first that depend on the fewest floating-point operations, and each of them before anything that it does not need:
/// an exit of a network can then be left without what lies behind it, wherever the file has it. What one output needs
/// keeps its order, as do networks of one output. Nodes that no output needs come last.
inline void sort_by_outputs(NetworkState& state) {
  const std::size_t n_outputs = state.outputs.size(), n_nodes = state.nodes.size();
  if (n_outputs < 2 || n_outputs > most_sorted_outputs) return;
  std::vector<double> flops;  // [nodes]
  for (const Node& node : state.nodes) {
    std::vector<Shape> shapes;
    for (const ValueId v : node.inputs)
      shapes.push_back(v == absent ? Shape{} : state.values[static_cast<std::size_t>(v)].form.at(1));
    flops.push_back(node.layer->flops(shapes));
  }
  struct Need {
    std::vector<bool> nodes;
    double work = 0;
  };
  std::vector<Need> outputs;
  for (const ValueId v : state.outputs) {
    outputs.push_back({nodes_for(state, v)});
    for (std::size_t i = 0; i < n_nodes; ++i)
      if (outputs.back().nodes[i]) outputs.back().work += flops[i];
  }
  std::ranges::stable_sort(outputs, {}, &Need::work);
  std::vector<std::vector<bool>> needs;
  for (Need& o : outputs) needs.push_back(std::move(o.nodes));
  std::vector<Node> sorted;
  for (const std::size_t i : order_of(needs, n_nodes)) sorted.push_back(std::move(state.nodes[i]));
  state.nodes = std::move(sorted);
}

/// The same network, computing these tensors one after the other, each before anything that it does not need, and then
/// the rest: itself if it does so already, else one that shares its layers and constants. To the same bits. So of an
/// ensemble any member may come first. Throws ArgumentError for an unknown tensor.
inline Network computed_in_order(const Network& network, std::span<const std::string> tensors) {
  const NetworkState& state = network.state();
  std::vector<std::vector<bool>> needs;
  for (const std::string& t : tensors) needs.push_back(nodes_for(state, network.id_of(t)));
  const std::vector<std::size_t> order = order_of(needs, state.nodes.size());
  if (std::ranges::is_sorted(order)) return network;
  auto sorted = std::make_shared<NetworkState>();
  sorted->source = state.source;
  sorted->values = state.values;
  for (const std::size_t i : order) sorted->nodes.push_back(state.nodes[i]);
  sorted->inputs = state.inputs;
  sorted->outputs = state.outputs;
  sorted->fixed_batch = state.fixed_batch;
  sorted->why_fixed = state.why_fixed;
  return Network(std::move(sorted));
}

}  // namespace weir::detail
