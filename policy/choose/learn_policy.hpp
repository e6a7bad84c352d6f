/// learn_policy: from recorded traces to a policy that keeps a budget, in one call.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <weir/core/compile.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/choose/limits.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// Which differences gates are charged for to keep a budget on this: net ones for a net budget, else excess.
LossSide loss_side(BudgetOn on);

}  // namespace weir::detail

namespace weir {

/// By default: at most 1 % of the examples that the full network gets right are lost, with 95 % confidence.
struct LearnOptions {
  Budget budget{.value = 0.01, .margin = Margin::upper_limit, .confidence = 0.95};
  FurtherLimits limits{};                       ///< certified together with the budget; with Margin::upper_limit
  std::string learner{detail::predicted_loss};  ///< gate_learner_names() lists them
  std::size_t prices = 30;                      ///< prices of loss that a policy is learned for
  std::size_t folds = 5;                        ///< see TrainOptions
  std::uint64_t seed = 0;
  std::function<void(std::size_t done, std::size_t total)> progress{};
};

/// Learns gates on `training` for a path of prices, and takes the cheapest policy that keeps the budget on
/// `calibration`, examples that no gate has seen. The parts of PolicyTrainer and choose() put together; use those for
/// more than is said here.
///
/// Throws ArgumentError for a budget that cannot be kept (naming how many examples it takes), limits that
/// FurtherLimits::check refuses, an unknown learner, or traces whose stages or costs differ; ShapeError where they do
/// not fit the topology.
Choice learn_policy(const Trace& training, const Trace& calibration, const Topology& topology,
                    const LearnOptions& options = {});

/// The same for stages that follow one another, the usual case.
Choice learn_policy(const Trace& training, const Trace& calibration, const LearnOptions& options = {});

/// What to_text() writes as policy.json: the choice, the stages of the trace that it was learned from, and the budget.
/// It decides on traces and features; `cascade` and the stages' sources, which say what networks to run, are left
/// empty (serve/stored_cascade.hpp writes them).
PolicyFile policy_file(const Choice& choice, const Trace& trace, const Budget& budget);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/choose/learn_policy.ipp>
#endif
