// What cost_model.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir::detail {

WEIR_INLINE double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

WEIR_INLINE std::vector<std::size_t> late_path(const Topology& topology, std::size_t target) {
  std::vector<std::size_t> path = {target};
  while (path.back() != 0) {
    std::size_t from = path.back();
    do --from;
    while (std::ranges::find(topology.stages[from].next, path.back()) == topology.stages[from].next.end());
    path.push_back(from);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

WEIR_INLINE std::vector<StageCost> count_costs(const CascadeSpec& spec, double flops_per_second) {
  if (!(flops_per_second > 0) || !std::isfinite(flops_per_second))
    throw ArgumentError("costs: flops_per_second must be positive and finite");
  std::vector<double> up_to;  // from the network's input to the stage's tensor, by stage
  for (const CascadeStage& s : spec.stages) {
    const Network& net = spec.network(s.network);
    const ValueId v = net.id_of(s.tensor);
    double sum = 0;
    for (const Node& node : net.state().nodes) {
      sum += node.layer->flops(net.input_shapes(node, 1));
      if (std::ranges::find(node.outputs, v) != node.outputs.end()) break;
    }
    up_to.push_back(sum);
  }
  std::vector<StageCost> costs;
  for (std::size_t k = 0; k < spec.stages.size(); ++k) {
    const CascadeStage& s = spec.stages[k];
    double flops = up_to[k];
    for (const std::size_t j : late_path(spec.topology, k))
      if (j != k && spec.stages[j].network == s.network) flops = up_to[k] - up_to[j];
    const double head =
        s.head ? static_cast<double>(spec.example_shape(k).numel()) + 2.0 * static_cast<double>(s.head->n_weights())
               : 0;
    StageCost& cost = costs.emplace_back(StageCost{(flops + head) / flops_per_second, head / flops_per_second});
    const auto of_features = spec.features(k).flops();
    for (std::size_t g = 0; g < of_features.size(); ++g) {
      if (of_features[g] == 0) continue;
      const double cost_of_group = of_features[g] / flops_per_second;
      cost.feature_costs[std::string(feature_list()[g].name)] = cost_of_group;
      cost.cost += cost_of_group;
      cost.answer_cost += cost_of_group;
    }
  }
  return costs;
}

}  // namespace weir::detail
