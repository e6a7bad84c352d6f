/// Trace shards: a long recording, written down block by block, that goes on where it was stopped.
#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/csv.hpp>
#include <weir/io/file.hpp>
#include <weir/policy/policy_file.hpp>
#include <weir/policy/serve/shard.hpp>
#include <weir/policy/serve/trace_files.hpp>

namespace weir {

/// The first line of a shard's file, as JSON; the trace's table as CSV follows (see trace_from_table).
struct TraceShardHeader {
  std::string run;  ///< what is recorded: equal for all shards of a run, and for a run that goes on
  Shard shard;
  std::size_t n = 0;        ///< images of the whole run
  std::size_t classes = 0;  ///< of the class probabilities that are kept beside the rows; 0: none are

  std::size_t n_rows() const { return shard.range(n).second - shard.range(n).first; }
  std::string line() const {
    nlohmann::json json = {{"weir_trace_shard", 1}, {"run", run}, {"shard", {shard.index, shard.count}}, {"n", n}};
    if (classes > 0) json["classes"] = classes;
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
      if (json.contains("classes")) header.classes = model_json::index(json, "classes", std::size_t{1} << 24U);
    } catch (const Error& e) {
      throw FormatError(name + ", line 1: " + e.what());
    }
    csv = text.substr(end + 1);
  }
};

}  // namespace detail

/// A shard's class probabilities: float32 [rows, stages, classes] in the machine's byte order, beside the rows.
inline std::filesystem::path shard_probabilities(const std::filesystem::path& shard) {
  return shard.string() + ".probabilities";
}

/// A shard's file that is being written, and its probabilities. One process at a time; a killed one leaves at most a
/// row cut off, or probabilities of rows that it did not come to write, which the next one drops.
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
      if (header_.classes > 0) open_probabilities();
      return;
    }
    if (!text.starts_with(first))
      throw FormatError(path_.string() +
                        ": there already, and from another run (networks, images, loss, shard or what is "
                        "kept differ); remove it, or write elsewhere");
    const std::string_view whole = text.substr(0, text.rfind('\n') + 1);
    if (whole.size() > first.size()) {
      const CsvTable table = parse_csv(whole.substr(first.size()), path_.string());
      if (!table.rows.empty()) {
        const Trace rows = trace_from_table(table.header, table.rows, {}, path_.string());
        labels_ = rows.label;
        row_bytes_ = rows.stages.size() * header_.classes * sizeof(float);
      }
    }
    if (labels_.size() > header_.n_rows())
      throw FormatError(path_.string() + ": " + std::to_string(labels_.size()) + " rows, the shard has " +
                        std::to_string(header_.n_rows()));
    cut(labels_.empty() ? 0 : whole.size());
    if (header_.classes > 0) open_probabilities();
  }

  /// Labels of the rows that were there.
  const std::vector<int>& labels() const { return labels_; }

  /// Writes a block's rows down, to the disk; its probabilities first, so that no row is ever without. Throws
  /// ShapeError where probabilities are to be kept and a stage has none, or of other classes.
  void append(const Trace& block) {
    if (header_.classes > 0) append_probabilities(block);
    const TraceCsv csv(block);
    if (size_ == 0) size_ = write(file_, path_, header_.line() + csv.header, 0);
    size_ = write(file_, path_, csv.rows, size_);
    sync(file_, path_);
  }

 private:
  void cut(std::size_t size) {
    size_ = size;
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0)
      throw detail::io_error(path_, "cannot be written", errno);
  }

  void open_probabilities() {
    const auto path = shard_probabilities(path_);
    side_.emplace(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666));
    if (side_->get() < 0) throw detail::io_error(path, "cannot be written", errno);
    side_size_ = labels_.size() * row_bytes_;
    if (std::filesystem::file_size(path) < side_size_)
      throw FormatError(path.string() + ": fewer probabilities than the rows of " + path_.string());
    if (::ftruncate(side_->get(), static_cast<off_t>(side_size_)) != 0)
      throw detail::io_error(path, "cannot be written", errno);
  }

  void append_probabilities(const Trace& block) {
    std::vector<float> all;
    for (const StageTrace& s : block.stages)
      if (static_cast<std::size_t>(s.probabilities.cols()) != header_.classes)
        throw ShapeError("recording: stage '" + s.name + "' has probabilities of " +
                         std::to_string(s.probabilities.cols()) + " classes, not " + std::to_string(header_.classes));
    for (std::size_t i = 0; i < block.size(); ++i)
      for (const StageTrace& s : block.stages)
        for (Eigen::Index c = 0; c < s.probabilities.cols(); ++c)
          all.push_back(s.probabilities(static_cast<Eigen::Index>(i), c));
    const auto path = shard_probabilities(path_);
    side_size_ =
        write(*side_, path, {reinterpret_cast<const char*>(all.data()), all.size() * sizeof(float)}, side_size_);
    sync(*side_, path);
  }

  /// Writes bytes at `at`, and returns where they end.
  static std::size_t write(const detail::FileDescriptor& file, const std::filesystem::path& path,
                           std::string_view bytes, std::size_t at) {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw detail::io_error(path, "cannot be written", errno);
      bytes.remove_prefix(static_cast<std::size_t>(n));
      at += static_cast<std::size_t>(n);
    }
    return at;
  }

  static void sync(const detail::FileDescriptor& file, const std::filesystem::path& path) {
    if (::fsync(file.get()) != 0) throw detail::io_error(path, "cannot be written", errno);
  }

  std::filesystem::path path_;
  TraceShardHeader header_;
  detail::FileDescriptor file_;
  std::optional<detail::FileDescriptor> side_;  ///< of the probabilities
  std::vector<int> labels_;
  std::size_t size_ = 0, side_size_ = 0, row_bytes_ = 0;
};

namespace detail {

/// [stages, n, classes] from the probabilities of shards, in the order of their rows. Throws FormatError for a file of
/// another size.
inline Tensor joined_probabilities(const std::vector<std::filesystem::path>& shards,
                                   const std::vector<std::size_t>& n_rows, std::size_t stages, std::size_t classes) {
  std::size_t n = 0, before = 0;
  for (std::size_t f = 0; f < shards.size(); n += n_rows[f++]) {  // before any memory is asked for
    const auto path = shard_probabilities(shards[f]);
    std::error_code none;
    const auto bytes = std::filesystem::file_size(path, none);
    if (none || bytes != n_rows[f] * stages * classes * sizeof(float))
      throw FormatError(path.string() + ": " + (none ? none.message() : std::to_string(bytes) + " bytes") +
                        ", not the probabilities of " + std::to_string(n_rows[f]) + " rows, " + std::to_string(stages) +
                        " stages and " + std::to_string(classes) + " classes");
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

}  // namespace detail

/// Puts the shards of a run together, in any order: out gets the bytes that one process alone would have written, all
/// or nothing, and where probabilities were kept they go to probabilities_beside(out), which takes their memory twice.
/// Returns the trace without them. Throws FormatError naming the file for a shard that is damaged, unfinished, twice
/// there or of another run, and for one that is missing; IoError.
inline Trace merge_trace_shards(const std::vector<std::filesystem::path>& shards, const std::filesystem::path& out) {
  if (shards.empty()) throw ArgumentError("merging: no shards");
  std::vector<std::string> rows;             // by shard; empty as long as it is missing
  std::vector<std::filesystem::path> files;  // likewise
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
    if (!seen[i])
      throw FormatError("merging: shard " + std::to_string(i) + " of " + std::to_string(rows.size()) + " is missing");
    csv += rows[i];
  }
  const CsvTable table = parse_csv(csv, out.string());
  Trace trace = trace_from_table(table.header, table.rows, {}, out.string());
  Tensor probabilities;
  if (run.classes > 0) {
    std::vector<std::size_t> n_rows;
    for (const std::string& text : rows) n_rows.push_back(static_cast<std::size_t>(std::ranges::count(text, '\n')));
    probabilities = detail::joined_probabilities(files, n_rows, trace.stages.size(), run.classes);
  }
  std::filesystem::remove(probabilities_beside(out));  // of what was there before
  write_file_atomically(out, csv);
  if (run.classes > 0) write_npy(probabilities_beside(out), probabilities.view());
  return trace;
}

}  // namespace weir
