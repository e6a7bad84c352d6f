/// Cost model: what each stage adds to the cost of an example, in measured seconds or counted operations.
#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir::detail {

/// Median of a copy; the mean of the two middle values for an even count, 0 for none.
double median(std::vector<double> values);

/// Stages of a path from stage 0 to `target`, in order, with as late predecessors as there are: the longest way where
/// every later stage may follow. The topology's check has passed.
std::vector<std::size_t> late_path(const Topology& topology, std::size_t target);

/// Actions [path][stage] that lead along the late_path() of the last stage and, for stages that are not on it, along
/// theirs, so that together they run every stage.
struct CoveringPaths {
  std::vector<std::vector<std::size_t>> stages;   ///< of each path, in order
  std::vector<std::vector<std::size_t>> actions;  ///< what to do at every stage on it; 0 elsewhere

  explicit CoveringPaths(const Topology& topology) {
    std::vector<bool> covered(topology.size(), false);
    for (std::size_t target = topology.size(); target-- > 0;) {
      if (covered[target]) continue;
      const auto& path = stages.emplace_back(late_path(topology, target));
      auto& action = actions.emplace_back(topology.size(), 0);
      for (std::size_t i = 0; i < path.size(); ++i) {
        covered[path[i]] = true;
        if (i == 0) continue;
        const auto& next = topology.stages[path[i - 1]].next;
        action[path[i - 1]] = 1 + static_cast<std::size_t>(std::ranges::find(next, path[i]) - next.begin());
      }
    }
  }
};

/// What is run to measure costs.
struct CostRuns {
  std::vector<std::size_t> batches{1};  ///< sizes, ascending
  std::size_t rounds = 400;
  std::size_t warm_up = 10;  ///< of the rounds, the first ones, which do not count
};

/// What each stage adds to an example, in seconds: medians over runs, on the cascade's own context (threads,
/// instruction set), from the decision before (or the start) to the decision behind the stage: preprocessing, layers,
/// and the answer (exit head, features, gate). Runs alternate between the CoveringPaths and between the sizes of batch,
/// so that all are measured in turn; a size b is run in every ceil(b / (4 smallest size))-th round.
///
/// Where gates see more than confidence_group, each round also runs single examples with the other groups of features
/// timed (StageCost::feature_costs: medians, with a reading of the clock in each, some 20 ns). A group takes the same
/// for each example of a batch, so that counts for all sizes; `seconds` is of the plain runs, with all groups in it.
///
/// decide_cost(stage, x) is called as a gate would be, its result is not used; progress(done, total) after each round.
/// rows: which rows the maker is asked for, from row `round` on, and again from the first when they are used up.
/// Throws ArgumentError unless each size is counted at least once, and for batches of a cascade that does not flow in
/// batches.
template <typename Decide, typename OnProgress>
CostModel measure_cost_model(CascadeExecutor& cascade, const InputMaker& maker, const std::vector<std::size_t>& rows,
                             const CostRuns& runs, const Decide& decide_cost, const OnProgress& progress) {
  if (rows.empty() || runs.rounds <= runs.warm_up)
    throw ArgumentError(detail::message({"costs: ", rows.empty() ? 0 : runs.rounds, " runs, of which ", runs.warm_up,
                                         " only warm up, measure nothing"}));
  if (runs.batches.empty() || runs.batches.front() == 0) throw ArgumentError("costs: sizes of batch must be 1 or more");
  if (runs.batches.back() > 1 && !cascade.spec().flows_in_batches())
    throw ArgumentError("costs: the cascade does not run in batches");
  const std::size_t n_stages = cascade.spec().topology.size();
  const CoveringPaths paths(cascade.spec().topology);
  using Samples = std::vector<std::vector<double>>;  // [stages][runs]
  std::vector<Samples> seconds(runs.batches.size(), Samples(n_stages)), answers = seconds;
  const bool several_groups = cascade.spec().feature_options.groups.size() > 1;
  std::vector<Samples> groups(several_groups ? n_stages : 0, Samples(feature_list().size()));  // [stages][groups]
  std::vector<CascadeAnswer> out;
  for (std::size_t round = 0; round < runs.rounds; ++round) {
    for (std::size_t b = 0; b < runs.batches.size(); ++b) {
      const std::size_t batch = runs.batches[b], every = (batch + 4 * runs.batches[0] - 1) / (4 * runs.batches[0]);
      if (round % every != 0) continue;
      for (std::size_t p = 0; p < paths.stages.size(); ++p) {
        const auto decide = [&](std::size_t k, std::span<const double> x) {
          decide_cost(k, x);
          return paths.actions[p][k];
        };
        if (batch == 1) {
          cascade.run_one_with(maker, rows[round % rows.size()], decide);
        } else {
          const InputMaker of_round = [&](std::size_t net, std::size_t row, View to) {
            maker(net, rows[(round + row) % rows.size()], to);
          };
          cascade.run_batch_with(
              of_round, batch, [&](std::size_t) { return decide; }, out);
        }
        if (round < runs.warm_up) continue;
        for (const std::size_t k : paths.stages[p]) {
          seconds[b][k].push_back(cascade.stage_cost(k).cost / static_cast<double>(batch));
          answers[b][k].push_back(cascade.stage_cost(k).answer_cost / static_cast<double>(batch));
        }
      }
    }
    for (std::size_t p = 0; several_groups && p < paths.stages.size(); ++p) {
      cascade.time_features(true);
      cascade.run_one_with(maker, rows[round % rows.size()], [&](std::size_t k, std::span<const double> x) {
        decide_cost(k, x);
        return paths.actions[p][k];
      });
      cascade.time_features(false);
      for (const std::size_t k : paths.stages[p])
        for (std::size_t g = 1; round >= runs.warm_up && g < feature_list().size(); ++g)
          groups[k][g].push_back(cascade.feature_seconds(k)[g]);
    }
    progress(round + 1, runs.rounds);
  }
  CostModel model{cost_unit::seconds, runs.batches, {}};
  for (std::size_t b = 0; b < runs.batches.size(); ++b) {
    auto& costs = model.costs.emplace_back();
    for (std::size_t k = 0; k < n_stages; ++k) {
      if (seconds[b][k].empty())
        throw ArgumentError(
            detail::message({"costs: ", runs.rounds, " rounds are too few for batches of ", runs.batches[b]}));
      const double all = median(std::move(seconds[b][k]));
      StageCost& cost = costs.emplace_back(StageCost{all, std::min(all, median(std::move(answers[b][k])))});
      for (std::size_t g = 1; several_groups && g < feature_list().size(); ++g)
        if (const double s = median(groups[k][g]); s > 0) cost.feature_costs[std::string(feature_list()[g].name)] = s;
    }
  }
  model.check();
  return model;
}

/// The same only for single examples: [stages]. Each of `rows` is run once, in order; the first `warm_up` of them do
/// not count.
template <typename Decide, typename OnProgress>
std::vector<StageCost> measure_costs(CascadeExecutor& cascade, const InputMaker& maker,
                                     const std::vector<std::size_t>& rows, std::size_t warm_up,
                                     const Decide& decide_cost, const OnProgress& progress) {
  const CostRuns runs{{1}, rows.size(), warm_up};
  return measure_cost_model(cascade, maker, rows, runs, decide_cost, progress).costs.front();
}

/// The same counted instead of measured: floating-point operations of the layers up to the stage that its late_path()
/// has not run before (a multiply-add counts 2), of the exit head, and of the groups of features beyond the first
/// (FeatureGroup::flops), over flops_per_second (1: the counts themselves). Preprocessing, confidence and gates count
/// nothing. Throws ArgumentError unless flops_per_second is
/// positive and finite.
std::vector<StageCost> count_costs(const CascadeSpec& spec, double flops_per_second = 1);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/measure/cost_model.ipp>
#endif
