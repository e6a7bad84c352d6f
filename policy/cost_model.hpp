/// Cost model: what each stage adds to the time of an example.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/cascade_executor.hpp>

namespace weir {

/// Median of a copy; the mean of the two middle values for an even count, 0 for none.
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// Stages of a path from stage 0 to `target`, in order, with as late predecessors as there are: the longest way where
/// every later stage may follow. The topology's check has passed.
inline std::vector<std::size_t> late_path(const Topology& topology, std::size_t target) {
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

/// What each stage adds to an example: [stages] medians over single-image runs, on the cascade's own context
/// (threads, instruction set), from the decision before (or the start) to the decision behind the stage: preprocessing,
/// layers, and the answer (exit head, features, gate). Runs alternate between the late_path() of the last stage and,
/// for stages that are not on it, of those, so that all are measured in turn.
///
/// Where gates see more than confidence_group, each run is done once more with its other groups of features timed
/// (StageCost::feature_seconds: medians, with a reading of the clock in each, some 20 ns): `seconds` is of the plain
/// runs, with all groups in it.
///
/// decide_cost(stage, x) is called as a gate would be, its result is not used; progress(done, total) after each row.
/// rows: which rows the maker is asked for, one after the other; the first `warm_up` of them do not count. Throws
/// ArgumentError unless at least one is left.
template <typename Decide, typename OnProgress>
std::vector<StageCost> measure_costs(CascadeExecutor& cascade, const InputMaker& maker,
                                     const std::vector<std::size_t>& rows, std::size_t warm_up,
                                     const Decide& decide_cost, const OnProgress& progress) {
  if (rows.size() <= warm_up)
    throw ArgumentError("costs: " + std::to_string(rows.size()) + " runs, of which " + std::to_string(warm_up) +
                        " only warm up, measure nothing");
  const Topology& topology = cascade.spec().topology;
  std::vector<std::vector<std::size_t>> paths;  // each: action to take at every stage
  std::vector<bool> covered(topology.size(), false);
  for (std::size_t target = topology.size(); target-- > 0;) {
    if (covered[target]) continue;
    const auto path = late_path(topology, target);
    auto& actions = paths.emplace_back(topology.size(), 0);
    for (std::size_t i = 0; i < path.size(); ++i) {
      covered[path[i]] = true;
      if (i == 0) continue;
      const auto& next = topology.stages[path[i - 1]].next;
      actions[path[i - 1]] = 1 + static_cast<std::size_t>(std::ranges::find(next, path[i]) - next.begin());
    }
  }
  std::vector<std::vector<double>> samples(topology.size()), answers(topology.size());
  const std::size_t n_groups = feature_list.size();
  const bool several_groups = cascade.spec().feature_options.groups.size() > 1;
  std::vector<std::vector<double>> groups(several_groups ? topology.size() * n_groups : 0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const auto& actions : paths) {
      const auto run = [&] {
        cascade.run_one_with(maker, rows[i], [&](std::size_t k, std::span<const double> x) {
          decide_cost(k, x);
          return actions[k];
        });
      };
      if (several_groups) {
        cascade.time_features(true);
        run();
        cascade.time_features(false);
        for (const std::size_t k : cascade.visited())
          for (std::size_t g = 1; i >= warm_up && g < n_groups; ++g)
            groups[k * n_groups + g].push_back(cascade.feature_seconds(k)[g]);
      }
      run();
      if (i < warm_up) continue;
      for (const std::size_t k : cascade.visited()) {
        samples[k].push_back(cascade.stage_cost(k).seconds);
        answers[k].push_back(cascade.stage_cost(k).answer_seconds);
      }
    }
    progress(i + 1, rows.size());
  }
  std::vector<StageCost> costs;
  for (std::size_t k = 0; k < samples.size(); ++k) {
    const double seconds = median(std::move(samples[k]));
    StageCost& cost = costs.emplace_back(StageCost{seconds, std::min(seconds, median(std::move(answers[k])))});
    for (std::size_t g = 1; several_groups && g < n_groups; ++g)
      if (const double s = median(std::move(groups[k * n_groups + g])); s > 0)
        cost.feature_seconds[std::string(feature_list[g].name)] = s;
  }
  return costs;
}

/// The same counted instead of measured: floating-point operations of the layers up to the stage that its late_path()
/// has not run before (a multiply-add counts 2), of the exit head, and of the groups of features beyond the first
/// (FeatureGroup::flops), over flops_per_second (1: the counts themselves). Preprocessing, confidence and gates count
/// nothing. Throws ArgumentError unless flops_per_second is
/// positive and finite.
inline std::vector<StageCost> count_costs(const CascadeSpec& spec, double flops_per_second = 1) {
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
    const double head = s.head ? static_cast<double>(spec.example_shape(k).numel()) +
                                     2.0 * static_cast<double>(s.head->n_pooled() * s.head->n_classes())
                               : 0;
    StageCost& cost = costs.emplace_back(StageCost{(flops + head) / flops_per_second, head / flops_per_second});
    const auto of_features = spec.features(k).flops();
    for (std::size_t g = 0; g < of_features.size(); ++g) {
      if (of_features[g] == 0) continue;
      const double seconds = of_features[g] / flops_per_second;
      cost.feature_seconds[std::string(feature_list[g].name)] = seconds;
      cost.seconds += seconds;
      cost.answer_seconds += seconds;
    }
  }
  return costs;
}

}  // namespace weir
