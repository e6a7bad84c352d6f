/// Cost model: what each stage adds to the time of an example.
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>
#include <weir/policy/cascade.hpp>

namespace weir {

/// Median of a copy; the mean of the two middle values for an even count, 0 for none.
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// Seconds that each stage adds to an example: [stages] medians over single-image runs, on the cascade's own context
/// (threads, instruction set), from the decision before (or the start) to the decision behind the stage: preprocessing,
/// layers, exit head, features and a gate. Runs alternate between the longest way through all stages (topology order,
/// where it is a path) and, for stages that are not on it, a path that leads to them, so that all are measured in turn.
///
/// decide_cost(stage, x) is called as a gate would be, its result is not used; progress(done, total) after each row.
/// rows: which rows the maker is asked for, one after the other; the first `warm_up` runs do not count.
template <typename Gate, typename OnProgress>
std::vector<double> measure_costs(Cascade& cascade, const InputMaker& maker, const std::vector<std::size_t>& rows,
                                  std::size_t warm_up, const Gate& decide_cost, const OnProgress& progress) {
  const Topology& topology = cascade.spec().topology;
  std::vector<std::vector<std::size_t>> paths;  // each: action to take at every stage
  std::vector<bool> covered(topology.size(), false);
  for (std::size_t target = topology.size(); target-- > 0;) {
    if (covered[target]) continue;
    // The longest path to target: predecessors as late as possible.
    std::vector<std::size_t> actions(topology.size(), 0);
    for (std::size_t k = target; k > 0;) {
      covered[k] = true;
      std::size_t from = k;
      while (from-- > 0) {
        const auto& next = topology.stages[from].next;
        const auto it = std::find(next.begin(), next.end(), k);
        if (it == next.end()) continue;
        actions[from] = 1 + static_cast<std::size_t>(it - next.begin());
        break;
      }
      k = from;
    }
    covered[0] = true;
    paths.push_back(std::move(actions));
  }
  std::vector<std::vector<double>> samples(topology.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const auto& actions : paths) {
      cascade.run_one_with(maker, rows[i], [&](std::size_t k, std::span<const double> x) {
        decide_cost(k, x);
        return actions[k];
      });
      if (i < warm_up) continue;
      for (const std::size_t k : cascade.visited()) samples[k].push_back(cascade.stage_seconds(k));
    }
    progress(i + 1, rows.size());
  }
  std::vector<double> seconds;
  for (const auto& s : samples) seconds.push_back(median(s));
  return seconds;
}

}  // namespace weir
