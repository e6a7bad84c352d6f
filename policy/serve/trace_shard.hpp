/// Trace shards: a long recording, written down block by block, that goes on where it was stopped.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/io/files/file.hpp>
#include <weir/policy/serve/shard.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// The first line of a shard's file, as JSON; the trace's table as CSV follows (see trace_from_table).
struct TraceShardHeader {
  std::string run;  ///< what is recorded: equal for all shards of a run, and for a run that goes on
  Shard shard;
  std::size_t n = 0;        ///< images of the whole run
  std::size_t classes = 0;  ///< of the class probabilities that are kept beside the rows; 0: none are

  std::size_t n_rows() const { return shard.range(n).second - shard.range(n).first; }
  std::string line() const;
  bool operator==(const TraceShardHeader&) const = default;
};

/// header and rows of a trace as CSV text. trace_from_table(read_csv(..)) gives it back equal to the last bit.
struct TraceCsv {
  std::string header, rows;

  explicit TraceCsv(const Trace& trace);
};

/// A shard's class probabilities: float32 [rows, stages, classes] in the machine's byte order, beside the rows.
std::filesystem::path shard_probabilities(const std::filesystem::path& shard);

/// A shard's file that is being written, and its probabilities. One process at a time; a killed one leaves at most a
/// row cut off, or probabilities of rows that it did not come to write, which the next one drops.
class TraceShardWriter {
 public:
  /// Begins the file or goes on with it. Throws FormatError if path holds anything else than a shard that this header
  /// began, or damaged rows; IoError (also while another process writes it).
  TraceShardWriter(std::filesystem::path path, TraceShardHeader header);

  /// Labels of the rows that were there.
  const std::vector<int>& labels() const { return labels_; }

  /// Writes a block's rows down, to the disk; its probabilities first, so that no row is ever without. Throws
  /// ShapeError where probabilities are to be kept and a stage has none, or of other classes.
  void append(const Trace& block);

 private:
  void cut(std::size_t size);

  void open_probabilities();

  void append_probabilities(const Trace& block);

  /// Writes bytes at `at`, and returns where they end.
  static std::size_t write(const FileDescriptor& file, const std::filesystem::path& path, std::string_view bytes,
                           std::size_t at);

  static void sync(const FileDescriptor& file, const std::filesystem::path& path);

  std::filesystem::path path_;
  TraceShardHeader header_;
  FileDescriptor file_;
  std::optional<FileDescriptor> side_;  ///< of the probabilities
  std::vector<int> labels_;
  std::size_t size_ = 0, side_size_ = 0, row_bytes_ = 0;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/serve/trace_shard.ipp>
#endif
