// What merge_trace_shards.hpp declares.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/files/npy.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/merge_trace_shards.hpp>
#include <weir/policy/serve/trace_files.hpp>
#include <weir/policy/serve/trace_shard.hpp>
#include <weir/policy/trace/trace_file.hpp>

namespace weir::detail {

/// A shard's file in two: its first line and the CSV behind it. Throws FormatError.
struct TraceShardText {
  TraceShardHeader header;
  std::string_view csv;

  TraceShardText(std::string_view text, const std::string& name) {
    const std::size_t end = text.find('\n');
    try {
      if (end == std::string_view::npos || end > 1000) throw FormatError("not a shard of a trace");
      const auto json = parse_bounded(text.substr(0, end), 4);
      refuse_unknown_keys(json, {"weir_trace_shard", "run", "shard", "n", "classes"});
      if (model_json::index(json, "weir_trace_shard", 1000) != 1) throw FormatError("'weir_trace_shard' must be 1");
      const auto shard = model_json::indices(json, "shard", max_shards + 1);
      if (shard.size() != 2 || shard[0] >= shard[1]) throw FormatError("'shard' must be [index, count]");
      header = {text_field(json, "run"), {shard[0], shard[1]}, model_json::index(json, "n", std::size_t{1} << 40U)};
      if (json.contains("classes")) header.classes = model_json::index(json, "classes", std::size_t{1} << 24U);
    } catch (const Error& e) {
      throw FormatError(detail::message({name, ", line 1: ", e.what()}));
    }
    csv = text.substr(end + 1);
  }
};

/// [stages, n, classes] from the probabilities of shards, in the order of their rows. Throws FormatError for a file of
/// another size.
inline Tensor joined_probabilities(const std::vector<std::filesystem::path>& shards,
                                   const std::vector<std::size_t>& n_rows, std::size_t stages, std::size_t classes) {
  std::size_t n = 0, before = 0;
  for (std::size_t f = 0; f < shards.size(); n += n_rows[f++]) {  // before any memory is asked for
    const auto path = shard_probabilities(shards[f]);
    std::error_code error;
    const auto bytes = std::filesystem::file_size(path, error);
    if (error || bytes != n_rows[f] * stages * classes * sizeof(float))
      throw FormatError(detail::message(
          {path.string(), ": ", (error ? error.message() : std::to_string(bytes) + " bytes"),
           ", not the probabilities of ", n_rows[f], " rows, ", stages, " stages and ", classes, " classes"}));
  }
  Tensor all(
      Shape{static_cast<std::int64_t>(stages), static_cast<std::int64_t>(n), static_cast<std::int64_t>(classes)});
  for (std::size_t f = 0; f < shards.size(); before += n_rows[f++]) {
    const Bytes bytes =
        read_file_range(shard_probabilities(shards[f]), 0, n_rows[f] * stages * classes * sizeof(float));
    const std::size_t one = classes * sizeof(float);
    for (std::size_t i = 0; i < n_rows[f]; ++i)
      for (std::size_t k = 0; k < stages; ++k)
        std::memcpy(all.data() + (k * n + before + i) * classes, bytes.data() + (i * stages + k) * one, one);
  }
  return all;
}

WEIR_INLINE Trace merge_trace_shards(const std::vector<std::filesystem::path>& shards,
                                     const std::filesystem::path& out) {
  if (shards.empty()) throw ArgumentError("merging: no shards");
  std::vector<std::string> rows;             // by shard; empty as long as it is missing
  std::vector<std::filesystem::path> files;  // likewise
  std::vector<bool> seen;
  std::string header;
  TraceShardHeader run;
  for (const auto& path : shards) {
    const Bytes bytes = read_file(path);
    const TraceShardText text({bytes.data(), bytes.size()}, path.string());
    const auto refuse = [&](const std::string& what) { return FormatError(path.string() + ": " + what); };
    const std::size_t columns_end = text.csv.find('\n') + 1;
    if (seen.empty()) {
      run = text.header;
      rows.resize(run.shard.count);
      files.resize(run.shard.count);
      seen.resize(run.shard.count);
      header = text.csv.substr(0, columns_end);
    }
    const std::size_t i = text.header.shard.index;
    if (!(TraceShardHeader{text.header.run, run.shard, text.header.n, text.header.classes} == run) ||
        text.header.shard.count != run.shard.count || text.csv.substr(0, columns_end) != header)
      throw refuse("of another run than " + shards[0].string());
    if (seen[i]) throw refuse("shard " + std::to_string(i) + " is there twice");
    seen[i] = true;
    files[i] = path;
    rows[i] = text.csv.substr(columns_end);
    const auto n = static_cast<std::size_t>(std::ranges::count(rows[i], '\n'));
    if (n != text.header.n_rows() || (n > 0 && rows[i].back() != '\n'))
      throw refuse("unfinished: " + std::to_string(n) + " of " + std::to_string(text.header.n_rows()) +
                   " rows; record it again, it goes on where it stopped");
  }
  std::string csv = header;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!seen[i]) throw FormatError(detail::message({"merging: shard ", i, " of ", rows.size(), " is missing"}));
    csv += rows[i];
  }
  const CsvTable table = parse_csv(csv, out.string());
  Trace trace = trace_from_table(table.header, table.rows, {}, out.string());
  Tensor probabilities;
  if (run.classes > 0) {
    std::vector<std::size_t> n_rows;
    for (const std::string& text : rows) n_rows.push_back(static_cast<std::size_t>(std::ranges::count(text, '\n')));
    probabilities = joined_probabilities(files, n_rows, trace.stages.size(), run.classes);
  }
  std::filesystem::remove(probabilities_beside(out));  // of what was there before
  write_file_atomically(out, csv);
  if (run.classes > 0) write_npy(probabilities_beside(out), probabilities.view());
  return trace;
}

}  // namespace weir::detail
