/// The traces of a run as files, for build/bench/policy and for other frameworks.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <weir/io/files/file.hpp>
#include <weir/policy/serve/trace_files.hpp>

#include "../results_folder.hpp"
#include "mode.hpp"

namespace adapt {

/// <mode>_policy.csv, _calibration.csv and _test.csv, and traces.json, which says what run they are of.
inline void save_traces(const TestedMode& m, const program::ResultsFolder& folder, const program::Run& run) {
  weir::write_trace(m.policy, folder.path(m.name + "_policy.csv"));
  weir::write_trace(m.calibration, folder.path(m.name + "_calibration.csv"));
  weir::write_trace(m.test, folder.path(m.name + "_test.csv"));
  const nlohmann::json json = {{"run", run.id}, {"command", run.command}};
  weir::write_file_atomically(folder.path("traces.json"),
                              json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace adapt
