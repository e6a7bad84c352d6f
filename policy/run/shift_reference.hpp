/// ShiftReference: what the examples of the calibration were like, as a policy file has it.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/run/shift_monitor.hpp>

namespace weir::detail {

/// Bins of each number: few, because a stream pays for them at every example.
inline constexpr std::size_t shift_reference_bins = 20;

}  // namespace weir::detail

namespace weir {

struct ShiftReference {
  std::vector<std::string> features{};  ///< of stage 0 that are watched, by name
  std::vector<ShiftTest> tests{};       ///< [1 + features] of the exits, then of each feature
  std::size_t n = 0;                    ///< calibration examples
  std::size_t disagreements = 0;        ///< of them, those whose answer was not the full network's
  double run_length = 10000;            ///< mean number of examples between false alarms, at least
};

/// {"n", "disagreements", "run_length", "features": [names], "tests": [{"edges", "counts"}, ...]}
void to_json(nlohmann::json& json, const ShiftReference& reference);

/// Throws FormatError for anything but what to_json wrote.
void from_json(const nlohmann::json& json, ShiftReference& reference);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/run/shift_reference.ipp>
#endif
