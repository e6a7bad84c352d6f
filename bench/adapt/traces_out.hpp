/// The traces of a run as files, for build/bench/policy and for other frameworks.
#pragma once
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>
#include <weir/io/csv.hpp>
#include <weir/io/file.hpp>
#include <weir/io/npy.hpp>
#include <weir/policy/trace_file.hpp>

#include "mode.hpp"

namespace adapt {

/// `path` as trace_from_table reads it, and beside it, where probabilities were recorded, `<path without
/// .csv>.probabilities.npy`: float32 [stages, n, classes].
inline void save_trace(const weir::Trace& trace, const std::filesystem::path& path) {
  const weir::TraceTable table = weir::trace_to_table(trace);
  std::string csv = weir::csv_line(table.header);
  for (const auto& row : table.rows) csv += weir::csv_line(row);
  weir::write_file_atomically(path, csv);
  const Eigen::Index classes = trace.stages.front().probabilities.cols();
  if (classes == 0) return;
  weir::Tensor all(weir::Shape{static_cast<std::int64_t>(trace.stages.size()), static_cast<std::int64_t>(trace.size()),
                               static_cast<std::int64_t>(classes)});
  float* to = all.data();
  for (const weir::StageTrace& s : trace.stages)
    for (Eigen::Index i = 0; i < s.probabilities.rows(); ++i)
      for (Eigen::Index c = 0; c < classes; ++c) *to++ = s.probabilities(i, c);
  weir::write_npy(std::filesystem::path(path).replace_extension(".probabilities.npy"), all.view());
}

/// <folder>/<mode>_policy.csv, _calibration.csv and _test.csv.
inline void save_traces(const Mode& m, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  save_trace(m.policy, folder / (m.name + "_policy.csv"));
  save_trace(m.calibration, folder / (m.name + "_calibration.csv"));
  save_trace(m.test, folder / (m.name + "_test.csv"));
}

}  // namespace adapt
