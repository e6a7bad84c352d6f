// What batch_prices.hpp declares.
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
#include <weir/policy/learn/batch_prices.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir::detail {

WEIR_INLINE std::vector<double> reach_shares(const Topology& topology, const ActionTable& actions) {
  std::vector<double> share;
  for (const auto& stage : reached(topology, actions))
    share.push_back(static_cast<double>(std::ranges::count(stage, true)) / static_cast<double>(stage.size()));
  return share;
}

WEIR_INLINE CostModel select_costs(const CostModel& model, const Trace& trace, const std::vector<std::size_t>& keep) {
  CostModel part{model.unit, model.batches, {}};
  Trace bare;
  for (const StageTrace& s : trace.stages) bare.stages.push_back({s.name, 0, {}, {}, {}, {}, s.network});
  for (const auto& costs : model.costs) {
    bare.set_costs(costs, model.unit);
    part.costs.push_back(bare.select(keep).costs());
  }
  return part;
}

WEIR_INLINE double expected_risk(const Budget& budget, std::size_t n) {
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
    points.push_back({p.mean_cost, budget.on == BudgetOn::difference ? p.mean_difference : p.mean_excess});
  const auto mix = at_budget(points, budget);
  if (!mix) refuse_budget(points, budget, trainer.trace().cost_unit);
  auto share = reach_shares(trainer.topology(), path[mix->a].actions);
  const auto other = reach_shares(trainer.topology(), path[mix->b].actions);
  for (std::size_t k = 0; k < share.size(); ++k) share[k] = mix->p * share[k] + (1 - mix->p) * other[k];
  return share;
}

WEIR_INLINE BatchPrices settle_prices(const Trace& trace, const Topology& topology, const CostModel& model,
                                      const TrainOptions& train, const Budget& budget, const BatchPricing& options,
                                      std::vector<double> share) {
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
    auto found = shares_at(trainer, trainer.train_path(options.lambdas), budget);
    auto costs = model.expected(options.batch, found);
    prices.settled = true;
    for (std::size_t k = 0; k < costs.size(); ++k)
      if (std::abs(costs[k].cost - prices.costs[k].cost) > options.tolerance * prices.costs[k].cost)
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

}  // namespace weir::detail
