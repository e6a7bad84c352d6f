/// Puts the shards of a trace together.
#pragma once
#include <filesystem>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// Puts the shards of a run together, in any order: out gets the bytes that one process alone would have written, all
/// or nothing, and where probabilities were kept they go to probabilities_beside(out), which takes their memory twice.
/// Returns the trace without them. Throws FormatError naming the file for a shard that is damaged, unfinished, twice
/// there or of another run, and for one that is missing; IoError.
Trace merge_trace_shards(const std::vector<std::filesystem::path>& shards, const std::filesystem::path& out);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/serve/merge_trace_shards.ipp>
#endif
