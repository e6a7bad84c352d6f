/// The traces of a run as files, for build/bench/policy and for other frameworks.
#pragma once
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>
#include <weir/io/file.hpp>
#include <weir/io/npy.hpp>
#include <weir/policy/trace_file.hpp>

#include "mode.hpp"

namespace adapt {

/// A field as RFC 4180 has it.
inline std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

/// `path` as trace_from_table reads it, and beside it, where probabilities were recorded, `<path without
/// .csv>.probabilities.npy`: float32 [stages, n, classes].
inline void save_trace(const weir::Trace& trace, const std::filesystem::path& path) {
  const weir::TraceTable table = weir::trace_to_table(trace);
  std::string csv;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) csv += (c > 0 ? "," : "") + csv_field(cells[c]);
    csv += '\n';
  };
  line(table.header);
  for (const auto& row : table.rows) line(row);
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
