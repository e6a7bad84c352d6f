/// What gates see of the examples of a trace, as matrices.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// Rows lie contiguously, so that one example is a span.
using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The layout for the stages of a trace. Throws ShapeError where trace and topology differ in their stages.
GateInputs gate_inputs(const Topology& topology, const Trace& trace);

/// [n, inputs.size(k)] what the gate at stage k sees of every example of a trace that fits the layout.
RowMatrix gate_matrix(const GateInputs& inputs, const Trace& trace, std::size_t k);

}  // namespace weir::detail

namespace weir {

/// Names of what the gate at a stage sees, in that order: the stage's own features as the trace has them, then of each
/// stage that every path to it runs "agree(<stage>)", 1 where that one predicted the same class, and its features as
/// "<stage>.<name>". DecisionFunction::n_features() is their number. Throws ShapeError where trace and topology differ
/// in their stages, ArgumentError for a stage that is not there.
std::vector<std::string> gate_feature_names(const Topology& topology, const Trace& trace, std::size_t stage);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/evaluate/gate_matrix.ipp>
#endif
