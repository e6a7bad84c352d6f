// What exit_points.hpp declares.
#pragma once
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>
#include <weir/core/network.hpp>
#include <weir/policy/exits/exit_points.hpp>

namespace weir {

WEIR_INLINE std::vector<ExitPoint> exit_points(const Network& network) {
  const detail::NetworkState& state = network.state();
  std::map<detail::ValueId, int> unread;  // reads still to come, of every value that depends on the input
  std::vector<int> reads(state.values.size(), 0);
  for (const detail::Node& node : state.nodes)
    for (const detail::ValueId v : node.inputs)
      if (v != detail::absent) ++reads[static_cast<std::size_t>(v)];
  for (const detail::ValueId v : state.inputs) unread[v] = reads[static_cast<std::size_t>(v)];
  const double total = std::max(network.flops(), 1.0);
  double done = 0;
  std::vector<ExitPoint> points;
  for (const detail::Node& node : state.nodes) {
    done += node.layer->flops(network.input_shapes(node, 1));
    for (const detail::ValueId v : node.inputs) {
      const auto it = unread.find(v);
      if (it != unread.end() && --it->second <= 0) unread.erase(it);
    }
    for (const detail::ValueId v : node.outputs)
      if (v != detail::absent && reads[static_cast<std::size_t>(v)] > 0) unread[v] = reads[static_cast<std::size_t>(v)];
    if (unread.size() != 1) continue;
    const detail::Value& value = network.value(unread.begin()->first);
    const Shape shape = value.form.at(1);
    if ((shape.rank() != 4 && shape.rank() != 2) || !network.has_row_for_each_example(unread.begin()->first)) continue;
    const double share = done / total;
    if (!points.empty() && share - points.back().flops_share < 0.01) points.pop_back();
    points.push_back({value.name, share});
  }
  return points;
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE std::vector<ExitPoint> spread_exit_points(const Network& network, std::size_t n, double low, double high) {
  std::vector<ExitPoint> all = exit_points(network), chosen;
  std::erase_if(all, [&](const ExitPoint& p) { return p.flops_share < low || p.flops_share > high; });
  if (all.size() <= n) return all;
  std::size_t after = 0;  // candidates before this one are behind us
  for (std::size_t j = 0; j < n; ++j) {
    const double wanted = low + (high - low) * static_cast<double>(j + 1) / static_cast<double>(n + 1);
    std::size_t best = after;
    for (std::size_t i = after; i + (n - j) <= all.size(); ++i)
      if (std::abs(all[i].flops_share - wanted) < std::abs(all[best].flops_share - wanted)) best = i;
    chosen.push_back(all[best]);
    after = best + 1;
  }
  return chosen;
}

}  // namespace weir::detail
