// What cross_validate.hpp declares.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/parallel.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/folds.hpp>
#include <weir/policy/learn/train.hpp>

namespace weir::detail {

WEIR_INLINE std::vector<Estimate> cross_validate(const DesignTrace& trace, const Topology& topology,
                                                 const TrainOptions& train, const CrossValidation& options) {
  trace.check();
  const std::size_t n = trace.learn.size();
  if (options.folds < 2 || options.folds > n)
    throw ArgumentError(detail::message({"cross-validation: 2 to n folds, not ", options.folds}));
  const auto lambdas = PolicyTrainer(trace.learn, topology, train).lambda_grid(options.lambdas);
  const auto fold = deal_folds(n, options.folds, options.seed);
  const std::size_t n_points = topology.size() + lambdas.size();
  std::vector<std::vector<Estimate>> sums(options.folds, std::vector<Estimate>(n_points));
  const ThreadPool pool(options.threads);
  pool.split(static_cast<std::int64_t>(options.folds), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto f = static_cast<std::size_t>(first); f < static_cast<std::size_t>(last); ++f) {
      std::vector<Eigen::Index> seen, held_out;
      for (std::size_t i = 0; i < fold.size(); ++i)
        (fold[i] == f ? held_out : seen).push_back(static_cast<Eigen::Index>(i));
      const Trace learn = trace.learn.rows(seen), judge = trace.judge.rows(held_out);
      TrainOptions quiet = train;
      quiet.progress = nullptr;
      quiet.folds = std::min(quiet.folds, learn.size());
      const auto path = PolicyTrainer(learn, topology, quiet).train_path(lambdas);
      const double share = static_cast<double>(judge.size()) / static_cast<double>(n);
      for (std::size_t p = 0; p < n_points; ++p)
        sums[f][p] = Estimate::mix(share, Estimate::of(evaluate(path[p].policy, judge)), {});
    }
  });
  std::vector<Estimate> total(n_points);
  for (const auto& part : sums)
    for (std::size_t p = 0; p < n_points; ++p) {
      total[p].cost += part[p].cost;
      total[p].loss += part[p].loss;
      total[p].excess += part[p].excess;
      total[p].difference += part[p].difference;
    }
  return total;
}

WEIR_INLINE double system_cost(const std::vector<Estimate>& path, const Budget& budget) {
  const auto points = tradeoff_points(path, budget.on);
  const bool cost = budget.on == BudgetOn::cost;
  double sum = 0;
  for (const double scale : {0.5, 1.0, 2.0}) {
    Budget b = budget;
    b.value *= scale;
    const auto mix = at_budget(points, b);
    if (!mix) return std::numeric_limits<double>::infinity();
    const double at = cost ? points[mix->a].loss * mix->p + points[mix->b].loss * (1 - mix->p)
                           : points[mix->a].cost * mix->p + points[mix->b].cost * (1 - mix->p);
    sum += cost ? at : std::log(at);
  }
  return cost ? sum / 3 : std::exp(sum / 3);
}

}  // namespace weir::detail
