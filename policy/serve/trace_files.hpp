/// Traces as files: a CSV, and class probabilities beside it.
#pragma once
#include <filesystem>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// Where the class probabilities of the trace in this file lie, if there are any: trace.csv has
/// trace.probabilities.npy, float32 [stages, n, classes].
std::filesystem::path probabilities_beside(const std::filesystem::path& csv);

}  // namespace weir::detail

namespace weir {

/// Reads a CSV as trace_from_table has it, and the probabilities beside it. Throws FormatError and IoError naming the
/// file, and what Trace::check throws.
Trace read_trace(const std::filesystem::path& path);

/// Writes what read_trace reads back equal to the last bit; probabilities where all stages have them. Those of another
/// trace that lay beside the file are removed. Throws IoError, and what Trace::check throws.
void write_trace(const Trace& trace, const std::filesystem::path& path);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/serve/trace_files.ipp>
#endif
