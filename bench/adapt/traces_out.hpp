/// The traces of each mode as CSV files, for bench/bounds and for other tools.
#pragma once
#include <filesystem>
#include <string>
#include <weir/io/file.hpp>
#include <weir/policy/trace_file.hpp>

#include "mode.hpp"

namespace adapt {

/// One field as RFC 4180 has it.
inline std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// trace_to_table as text.
inline std::string trace_csv(const weir::Trace& trace) {
  const weir::TraceTable table = weir::trace_to_table(trace);
  std::string text;
  const auto line = [&](const std::vector<std::string>& fields) {
    for (std::size_t c = 0; c < fields.size(); ++c) text += (c > 0 ? "," : "") + csv_field(fields[c]);
    text += "\n";
  };
  line(table.header);
  for (const auto& row : table.rows) line(row);
  return text;
}

/// folder/MODE_policy.csv, MODE_calibration.csv and MODE_test.csv.
inline void save_traces(const Mode& m, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto write = [&](const std::string& part, const weir::Trace& trace) {
    weir::write_file_atomically(folder / (m.name + "_" + part + ".csv"), trace_csv(trace));
  };
  write("policy", m.policy);
  write("calibration", m.calibration);
  write("test", m.test);
}

}  // namespace adapt
