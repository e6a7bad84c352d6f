/// What a way of learning is worth: a path of policies judged on examples that they were not learned from.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/core/parallel.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/design_trace.hpp>
#include <weir/policy/learn/train.hpp>

namespace weir::detail {

struct CrossValidation {
  std::size_t folds = 3;
  std::size_t lambdas = 10;  ///< prices of loss, in geometric steps over PolicyTrainer::lambda_grid's range
  std::uint64_t seed = 0;    ///< of the folds
  int threads = 1;           ///< the result does not depend on it
};

/// For each fold a path is learned from `trace.learn` without it and every policy of the path is sent through the fold
/// of `trace.judge`. Returned are the means over all examples: first of the fixed exits, which need no learning, then
/// for each price. `cost` is that of the stages of `trace.judge`. Time: folds paths. Throws what PolicyTrainer and
/// DesignTrace::check throw, and ArgumentError unless 2 <= folds <= n.
std::vector<Estimate> cross_validate(const DesignTrace& trace, const Topology& topology, const TrainOptions& train,
                                     const CrossValidation& options);

/// One number for a path, the smaller the better: the geometric mean of the hull's costs at half the budget, the budget
/// and twice the budget of loss; for a budget of cost the mean of the losses there. Three points, since a single one
/// moves with single examples. Infinity where a budget cannot be kept.
double system_cost(const std::vector<Estimate>& path, const Budget& budget);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/cross_validate.ipp>
#endif
