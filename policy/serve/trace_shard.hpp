/// Trace shards: a long recording, written down block by block, that goes on where it was stopped.
#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/csv.hpp>
#include <weir/io/file.hpp>
#include <weir/policy/policy_file.hpp>
#include <weir/policy/serve/shard.hpp>
#include <weir/policy/trace_file.hpp>

namespace weir {

/// The first line of a shard's file, as JSON; the trace's table as CSV follows (see trace_from_table).
struct TraceShardHeader {
  std::string run;  ///< what is recorded: equal for all shards of a run, and for a run that goes on
  Shard shard;
  std::size_t n = 0;  ///< images of the whole run

  std::size_t n_rows() const { return shard.range(n).second - shard.range(n).first; }
  std::string line() const {
    const nlohmann::json json = {
        {"weir_trace_shard", 1}, {"run", run}, {"shard", {shard.index, shard.count}}, {"n", n}};
    return json.dump() + "\n";
  }
  bool operator==(const TraceShardHeader&) const = default;
};

/// header and rows of a trace as CSV text. trace_from_table(read_csv(..)) gives it back equal to the last bit.
struct TraceCsv {
  std::string header, rows;

  explicit TraceCsv(const Trace& trace) {
    const TraceTable table = trace_to_table(trace);
    header = csv_line(table.header);
    for (const auto& row : table.rows) rows += csv_line(row);
  }
};

namespace detail {

/// A shard's file in two: its first line and the CSV behind it. Throws FormatError.
struct TraceShardText {
  TraceShardHeader header;
  std::string_view csv;

  TraceShardText(std::string_view text, const std::string& name) {
    const std::size_t end = text.find('\n');
    try {
      if (end == std::string_view::npos || end > 1000) throw FormatError("not a shard of a trace");
      const auto json = parse_bounded(text.substr(0, end), 4);
      if (model_json::index(json, "weir_trace_shard", 1000) != 1) throw FormatError("'weir_trace_shard' must be 1");
      const auto shard = model_json::indices(json, "shard", max_shards + 1);
      if (shard.size() != 2 || shard[0] >= shard[1]) throw FormatError("'shard' must be [index, count]");
      header = {text_field(json, "run"), {shard[0], shard[1]}, model_json::index(json, "n", std::size_t{1} << 40U)};
    } catch (const Error& e) {
      throw FormatError(name + ", line 1: " + e.what());
    }
    csv = text.substr(end + 1);
  }
};

}  // namespace detail

/// A shard's file that is being written. One process at a time; a killed one leaves at most a row cut off, which the
/// next one drops.
class TraceShardWriter {
 public:
  /// Begins the file or goes on with it. Throws FormatError if path holds anything else than a shard that this header
  /// began, or damaged rows; IoError (also while another process writes it).
  TraceShardWriter(std::filesystem::path path, TraceShardHeader header)
      : path_(std::move(path)),
        header_(std::move(header)),
        file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666)) {
    if (file_.get() < 0) throw detail::io_error(path_, "cannot be written", errno);
    if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) throw detail::io_error(path_, "another process writes it", errno);
    const Bytes bytes = read_file(path_);
    const std::string_view text(bytes.data(), bytes.size());
    const std::string first = header_.line();
    if (text.size() < first.size() && first.starts_with(text)) {  // killed while it began
      cut(0);
      return;
    }
    if (!text.starts_with(first))
      throw FormatError(path_.string() +
                        ": there already, and from another run (networks, images, loss or shard "
                        "differ); remove it, or write elsewhere");
    const std::string_view whole = text.substr(0, text.rfind('\n') + 1);
    if (whole.size() > first.size()) {
      const CsvTable table = parse_csv(whole.substr(first.size()), path_.string());
      if (!table.rows.empty()) labels_ = trace_from_table(table.header, table.rows, {}, path_.string()).label;
    }
    if (labels_.size() > header_.n_rows())
      throw FormatError(path_.string() + ": " + std::to_string(labels_.size()) + " rows, the shard has " +
                        std::to_string(header_.n_rows()));
    cut(labels_.empty() ? 0 : whole.size());
  }

  /// Labels of the rows that were there.
  const std::vector<int>& labels() const { return labels_; }

  /// Writes a block's rows down, to the disk.
  void append(const Trace& block) {
    const TraceCsv csv(block);
    if (size_ == 0) write(header_.line() + csv.header);
    write(csv.rows);
    if (::fsync(file_.get()) != 0) throw detail::io_error(path_, "cannot be written", errno);
  }

 private:
  void cut(std::size_t size) {
    size_ = size;
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0)
      throw detail::io_error(path_, "cannot be written", errno);
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw detail::io_error(path_, "cannot be written", errno);
      bytes.remove_prefix(static_cast<std::size_t>(n));
      size_ += static_cast<std::size_t>(n);
    }
  }

  std::filesystem::path path_;
  TraceShardHeader header_;
  detail::FileDescriptor file_;
  std::vector<int> labels_;
  std::size_t size_ = 0;
};

/// Puts the shards of a run together, in any order: out gets the bytes that one process alone would have written, all
/// or nothing. Returns the trace. Throws FormatError naming the file for a shard that is damaged, unfinished, twice
/// there or of another run, and for one that is missing; IoError.
inline Trace merge_trace_shards(const std::vector<std::filesystem::path>& shards, const std::filesystem::path& out) {
  if (shards.empty()) throw ArgumentError("merging: no shards");
  std::vector<std::string> rows;  // by shard; empty as long as it is missing
  std::vector<bool> seen;
  std::string header;
  TraceShardHeader run;
  for (const auto& path : shards) {
    const Bytes bytes = read_file(path);
    const detail::TraceShardText text({bytes.data(), bytes.size()}, path.string());
    const auto refuse = [&](const std::string& what) { return FormatError(path.string() + ": " + what); };
    const std::size_t columns_end = text.csv.find('\n') + 1;
    if (seen.empty()) {
      run = text.header;
      rows.resize(run.shard.count);
      seen.resize(run.shard.count);
      header = text.csv.substr(0, columns_end);
    }
    const std::size_t i = text.header.shard.index;
    if (!(TraceShardHeader{text.header.run, run.shard, text.header.n} == run) ||
        text.header.shard.count != run.shard.count || text.csv.substr(0, columns_end) != header)
      throw refuse("of another run than " + shards[0].string());
    if (seen[i]) throw refuse("shard " + std::to_string(i) + " is there twice");
    seen[i] = true;
    rows[i] = text.csv.substr(columns_end);
    const auto n = static_cast<std::size_t>(std::ranges::count(rows[i], '\n'));
    if (n != text.header.n_rows() || (n > 0 && rows[i].back() != '\n'))
      throw refuse("unfinished: " + std::to_string(n) + " of " + std::to_string(text.header.n_rows()) +
                   " rows; record it again, it goes on where it stopped");
  }
  std::string csv = header;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!seen[i])
      throw FormatError("merging: shard " + std::to_string(i) + " of " + std::to_string(rows.size()) + " is missing");
    csv += rows[i];
  }
  const CsvTable table = parse_csv(csv, out.string());
  Trace trace = trace_from_table(table.header, table.rows, {}, out.string());
  write_file_atomically(out, csv);
  return trace;
}

}  // namespace weir
