/// What stages cost when images run in batches: that depends on who gets there, and so on the policy itself.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir {

/// [stages] share of the examples that get to each stage under a table of actions.
inline std::vector<double> reach_shares(const Topology& topology, const ActionTable& actions) {
  std::vector<double> share;
  for (const auto& stage : reached(topology, actions))
    share.push_back(static_cast<double>(std::ranges::count(stage, true)) / static_cast<double>(stage.size()));
  return share;
}

/// The model of Trace::select(keep) of this trace, whose names and networks alone are read: stages left out add their
/// layers to the next one of their network. Throws ArgumentError, ShapeError where they do not fit.
inline CostModel select_costs(const CostModel& model, const Trace& trace, const std::vector<std::size_t>& keep) {
  CostModel part{model.unit, model.batches, {}};
  Trace bare;
  for (const StageTrace& s : trace.stages) bare.stages.push_back({s.name, 0, {}, {}, {}, {}, s.network});
  for (const auto& costs : model.costs) {
    bare.set_costs(costs, model.unit);
    part.costs.push_back(bare.select(keep).costs());
  }
  return part;
}

struct BatchPricing {
  std::size_t batch = 1;     ///< examples that begin together
  std::size_t rounds = 8;    ///< of learning and pricing, at most
  double tolerance = 0.01;   ///< prices that move by a smaller share than this have settled
  std::size_t lambdas = 12;  ///< of the path that is learned in each round
};

/// Prices of stages, and what they were made from.
struct BatchPrices {
  std::vector<StageCost> costs;  ///< [stages] of one example, expected in batches
  std::vector<double> share;     ///< [stages] of examples that get there
  std::size_t rounds = 0;        ///< that were learned
  bool settled = true;
};

namespace detail {

/// The mean loss that a policy has to have on about n examples so that the budget's upper limit holds for it; the
/// budget itself where none is asked for.
inline double expected_risk(const Budget& budget, std::size_t n) {
  if (budget.margin == Margin::none || budget.on != BudgetOn::excess) return budget.value;
  std::size_t seen = 0;
  while (seen < n && clopper_pearson_upper(seen + 1, n, budget.confidence) <= budget.value) ++seen;
  return static_cast<double>(seen) / static_cast<double>(n);
}

/// Who gets where under the path's policy, or mix of two, that keeps the budget on the training examples.
inline std::vector<double> shares_at(const PolicyTrainer& trainer, const std::vector<PathPoint>& path, Budget budget) {
  budget.value = expected_risk(budget, trainer.trace().size());
  std::vector<TradeoffPoint> points;
  for (const PathPoint& p : path)
    points.push_back({p.mean_seconds, budget.on == BudgetOn::difference ? p.mean_difference : p.mean_excess});
  const auto mix = at_budget(points, budget);
  if (!mix) refuse_budget(points, budget, trainer.trace().cost_unit);
  auto share = reach_shares(trainer.topology(), path[mix->a].actions);
  const auto other = reach_shares(trainer.topology(), path[mix->b].actions);
  for (std::size_t k = 0; k < share.size(); ++k) share[k] = mix->p * share[k] + (1 - mix->p) * other[k];
  return share;
}

}  // namespace detail

/// Settles what the stages of a trace cost in batches. A late stage of a cascade sees few examples of a batch, which
/// makes each of them dearer; how few is for the policy to say, which is learned from these costs. So both are found in
/// turn: stages are priced for the shares that get there (CostModel::expected), a path is learned at these prices, and
/// the shares are taken from its policy that keeps the budget on the training examples (out of fold, where
/// TrainOptions::folds > 1), until no price moves by more than the tolerance, or for so many rounds. From the third
/// round on shares go half way only: prices may swing between two policies.
///
/// It begins with everybody at every stage, or with the shares given. Fewer examples at a stage make it dearer, which
/// makes them fewer still: several prices may be fixed points of this; from full batches that with the busiest late
/// stages is found. Nothing but the policy trace is looked at, so calibration stays untouched. Deterministic. Where
/// costs do not depend on the batch, or it is 1, nothing is learned: the costs are those of the model.
///
/// Throws what PolicyTrainer throws, ShapeError where model and trace differ in their stages, ArgumentError for a
/// budget that cannot be kept.
inline BatchPrices settle_prices(const Trace& trace, const Topology& topology, const CostModel& model,
                                 const TrainOptions& train, const Budget& budget, const BatchPricing& options,
                                 std::vector<double> share = {}) {
  model.check();
  if (share.empty()) share.assign(model.n_stages(), 1.0);
  BatchPrices prices{model.expected(options.batch, share), share};
  if (options.batch == 1 || !model.depends_on_batch()) return prices;
  Trace priced = trace;
  TrainOptions quiet = train;
  quiet.progress = nullptr;
  for (prices.settled = false; !prices.settled && prices.rounds < options.rounds; ++prices.rounds) {
    priced.set_costs(prices.costs, model.unit);
    const PolicyTrainer trainer(priced, topology, quiet);
    auto found = detail::shares_at(trainer, trainer.train_path(options.lambdas), budget);
    auto costs = model.expected(options.batch, found);
    prices.settled = true;
    for (std::size_t k = 0; k < costs.size(); ++k)
      if (std::abs(costs[k].seconds - prices.costs[k].seconds) > options.tolerance * prices.costs[k].seconds)
        prices.settled = false;
    if (!prices.settled && prices.rounds >= 2) {
      for (std::size_t k = 0; k < found.size(); ++k) found[k] = (found[k] + prices.share[k]) / 2;
      costs = model.expected(options.batch, found);
    }
    prices.share = std::move(found);
    prices.costs = std::move(costs);
  }
  return prices;
}

}  // namespace weir
