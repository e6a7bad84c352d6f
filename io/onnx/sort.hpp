/// Puts the nodes of a graph into an order in which each comes after what it reads.
#pragma once
#include <functional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>
#include <weir/core/graph_def.hpp>

namespace weir::detail {

/// "node 'conv1' (Conv)".
inline std::string describe(const NodeDef& node) { return "node '" + node.name + "' (" + node.op + ")"; }

/// Sorts graph.nodes topologically; nodes that are free to go go in the file's order, so a sorted file keeps its
/// order. Cost: O((nodes + edges) log nodes). Throws FormatError naming the node on a tensor with two producers, one
/// that nothing defines, and a cycle. Source: Kahn, "Topological sorting of large networks", CACM 1962.
inline void sort_nodes(GraphDef& graph) {
  constexpr std::size_t given = static_cast<std::size_t>(-1);
  std::unordered_map<std::string, std::size_t> producer;
  for (const auto& [name, constant] : graph.constants) producer.emplace(name, given);
  for (const InputDef& input : graph.inputs)
    if (!producer.emplace(input.name, given).second)
      throw FormatError(detail::message({"input '", input.name, "' is defined twice"}));
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    for (const std::string& output : graph.nodes[n].outputs)
      if (!output.empty() && !producer.emplace(output, n).second)
        throw FormatError(
            detail::message({describe(graph.nodes[n]), ": tensor '", output, "' is already defined elsewhere"}));

  std::vector<std::size_t> missing(graph.nodes.size(), 0);
  std::vector<std::vector<std::size_t>> readers(graph.nodes.size());
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    for (const std::string& input : graph.nodes[n].inputs) {
      if (input.empty()) continue;
      const auto found = producer.find(input);
      if (found == producer.end())
        throw FormatError(detail::message({describe(graph.nodes[n]), ": input '", input, "' is not defined anywhere"}));
      if (found->second == given) continue;
      readers[found->second].push_back(n);
      ++missing[n];
    }
  for (const std::string& output : graph.outputs)
    if (!producer.contains(output))
      throw FormatError(detail::message({"output '", output, "' is not defined anywhere"}));

  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    if (missing[n] == 0) ready.push(n);
  std::vector<NodeDef> sorted;
  sorted.reserve(graph.nodes.size());
  while (!ready.empty()) {
    const std::size_t n = ready.top();
    ready.pop();
    sorted.push_back(std::move(graph.nodes[n]));
    for (const std::size_t reader : readers[n])
      if (--missing[reader] == 0) ready.push(reader);
  }
  for (std::size_t n = 0; n < missing.size(); ++n)
    if (missing[n] != 0) throw FormatError(detail::message({describe(graph.nodes[n]), ": lies on or behind a cycle"}));
  graph.nodes = std::move(sorted);
}

}  // namespace weir::detail
