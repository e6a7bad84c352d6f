/// From a calibration trace to what a cascade in service compares its images with.
#pragma once
#include <weir/core/compile.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/shift_reference.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir {

/// Where the calibration examples left under this policy, what the features of the first stage were (but for the
/// predicted class), and how often their answer was not the full network's. Throws ArgumentError for a trace without
/// examples or with features that are not finite, and what evaluate() throws.
ShiftReference shift_reference(const MixedPolicy& policy, const Trace& calibration, double run_length = 10000);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/choose/watched_reference.ipp>
#endif
