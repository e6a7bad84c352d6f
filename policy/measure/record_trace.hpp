/// record_trace: what every stage of a cascade answers on labelled examples.
#pragma once
#include <cstddef>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir {

/// Runs all stages on label.size() examples, in batches; the maker is asked for rows 0, 1, .... costs [stages] are
/// stored as given, in `unit`; class probabilities are kept where asked for. Every row is equal to the last bit however
/// examples are batched, on any number of threads of the executor. Throws ArgumentError for a label that is no class,
/// NotFiniteError for an answer that is NaN or infinite, ShapeError for another number of costs.
Trace record_trace(CascadeExecutor& executor, const InputMaker& maker, std::vector<int> label, const Loss& loss,
                   const std::vector<StageCost>& costs, const std::string& unit = cost_unit::seconds,
                   std::size_t batch = 16, bool probabilities = false);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/measure/record_trace.ipp>
#endif
