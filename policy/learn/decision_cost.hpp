/// What the decisions of a learner's gates cost, measured.
#pragma once
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/measure/cost_model.hpp>

namespace weir::detail {

/// [stages] seconds of one decision of each gate: the median over some rounds of the mean over at most 256 examples of
/// the trace. 0 for stages without successors. Throws ShapeError where policy and trace do not fit.
std::vector<double> decision_seconds(const Policy& policy, const Trace& trace);

/// The same of the gates that these options train for a loss of middling price. A gate that came out constant there may
/// not be so at other prices: it counts as the dearest of the others.
std::vector<double> decision_seconds(const Trace& trace, const Topology& topology, TrainOptions options);

/// Adds what deciding takes to what stages cost, as a part of their answers: a path past a stage saves it. Throws
/// ShapeError for another number of stages.
std::vector<StageCost> with_decisions(std::vector<StageCost> costs, const std::vector<double>& seconds);

/// Each example decides for itself, whatever the size of its batch.
CostModel with_decisions(CostModel model, const std::vector<double>& seconds);

Trace with_decisions(Trace trace, const std::vector<double>& seconds);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/decision_cost.ipp>
#endif
