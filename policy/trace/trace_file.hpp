/// Traces from tables and from probabilities of any framework: policies can be learned without the engine.
#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir {

/// One stage from the class probabilities that it gave to n examples.
///
/// probabilities [n, classes] by rows (softmax already applied), label [n]. Features are confidence_features; the
/// prediction is the largest probability, the lower class of equals. Throws ShapeError where sizes disagree, and
/// ArgumentError naming stage and row for a probability that is NaN, negative, or a row that does not add up to 1, and
/// for a label that is no class.
StageTrace stage_from_probabilities(const std::string& name, double cost, std::span<const float> probabilities,
                                    std::size_t classes, std::span<const int> label, const Loss& loss = Loss("top1"),
                                    bool class_features = true);

}  // namespace weir

namespace weir::detail {

/// A table of text: what a CSV file holds. CsvTable of io has these two members too.
struct TraceTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

/// A trace from a table with one row per example and the columns, in any order,
///
///     label                 true class, an integer
///     <stage>.prediction    predicted class, an integer: names the stages; their order is the order of these columns
///     <stage>.loss          optional; 0/1 by whether the prediction is the label where it is left out
///     <stage>.seconds       optional; its mean becomes the stage's cost, else `costs[stage]` is taken
///     <stage>.answer_seconds, <stage>.network   optional: StageTrace's, the same network in all rows
///     cost_unit             optional, the same in all rows: costs are of this unit, and where it is not `seconds`
///                           they are called <stage>.cost, <stage>.answer_cost and <stage>.feature_cost.<group>
///     <stage>.feature_seconds.<group>   optional: StageTrace's
///     <stage>.<feature>     every other column that begins with a stage's name: a feature of it
///
/// Stage names may hold dots. io's CsvTable gives header and rows: trace_from_table(csv.header, csv.rows, {}, file).
/// Rows in messages count from 1, without the header. Throws FormatError naming `name`, row and column for a cell that
/// is empty, NaN, infinite or no number, a column that belongs to no stage, a column twice, no cost, or rows of
/// another length than the header.
Trace trace_from_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                       const std::map<std::string, double>& costs = {}, const std::string& name = "trace");

/// The table that trace_from_table reads back equal to the last bit.
TraceTable trace_to_table(const Trace& trace);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/trace/trace_file.ipp>
#endif
