/// What stages cost when images run in batches: that depends on which images get there, and so on the policy itself.
#pragma once
#include <cstddef>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir::detail {

/// [stages] share of the examples that get to each stage under a table of actions.
std::vector<double> reach_shares(const Topology& topology, const ActionTable& actions);

/// The model of Trace::select(keep) of this trace, of which only names and networks are read: stages left out add their
/// layers to the next one of their network. Throws ArgumentError, ShapeError where they do not fit.
CostModel select_costs(const CostModel& model, const Trace& trace, const std::vector<std::size_t>& keep);

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

/// The mean loss that a policy has to have on about n examples so that the budget's upper limit holds for it; the
/// budget itself where none is asked for.
double expected_risk(const Budget& budget, std::size_t n);

/// Settles what the stages of a trace cost in batches. A late stage of a cascade sees few examples of a batch, which
/// makes each of them dearer; how few is for the policy to say, which is learned from these costs. So both are found in
/// turn: stages are priced for the shares that get there (CostModel::expected), a path is learned at these prices, and
/// the shares are taken from its policy that keeps the budget on the training examples (out of fold, where
/// TrainOptions::folds > 1), until no price moves by more than the tolerance, or the rounds are over. From the third
/// round on shares go half way only: prices may swing between two policies.
///
/// It begins with all examples at every stage, or with the shares given. Fewer examples at a stage make it dearer,
/// which makes them fewer still: several prices may be fixed points of this; from full batches that with the busiest
/// late stages is found. Nothing but the policy trace is looked at, so calibration stays untouched. Deterministic.
/// Where costs do not depend on the batch, or it is 1, nothing is learned: the costs are those of the model.
///
/// Throws what PolicyTrainer throws, ShapeError where model and trace differ in their stages, ArgumentError for a
/// budget that cannot be kept.
BatchPrices settle_prices(const Trace& trace, const Topology& topology, const CostModel& model,
                          const TrainOptions& train, const Budget& budget, const BatchPricing& options,
                          std::vector<double> share = {});

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/batch_prices.ipp>
#endif
