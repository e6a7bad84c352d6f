/// The traces of a run as files, for build/bench/policy and for other frameworks.
#pragma once
#include <filesystem>
#include <weir/policy/serve/trace_files.hpp>

#include "mode.hpp"

namespace adapt {

/// <folder>/<mode>_policy.csv, _calibration.csv and _test.csv.
inline void save_traces(const Mode& m, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  weir::write_trace(m.policy, folder / (m.name + "_policy.csv"));
  weir::write_trace(m.calibration, folder / (m.name + "_calibration.csv"));
  weir::write_trace(m.test, folder / (m.name + "_test.csv"));
}

}  // namespace adapt
