// What trace_shard.hpp declares.
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
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/file.hpp>
#include <weir/policy/serve/shard.hpp>
#include <weir/policy/serve/trace_files.hpp>
#include <weir/policy/serve/trace_shard.hpp>

namespace weir::detail {

WEIR_INLINE std::filesystem::path shard_probabilities(const std::filesystem::path& shard) {
  return shard.string() + ".probabilities";
}

WEIR_INLINE std::string TraceShardHeader::line() const {
  nlohmann::json json = {{"weir_trace_shard", 1}, {"run", run}, {"shard", {shard.index, shard.count}}, {"n", n}};
  if (classes > 0) json["classes"] = classes;
  return json.dump() + "\n";
}

WEIR_INLINE TraceCsv::TraceCsv(const Trace& trace) {
  const TraceTable table = trace_to_table(trace);
  header = csv_line(table.header);
  for (const auto& row : table.rows) rows += csv_line(row);
}

WEIR_INLINE TraceShardWriter::TraceShardWriter(std::filesystem::path path, TraceShardHeader header)
    : path_(std::move(path)),
      header_(std::move(header)),
      file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666)) {
  if (file_.get() < 0) throw io_error(path_, "cannot be written", errno);
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) throw io_error(path_, "another process writes it", errno);
  const Bytes bytes = read_file(path_);
  const std::string_view text(bytes.data(), bytes.size());
  const std::string first = header_.line();
  if (text.size() < first.size() && first.starts_with(text)) {  // killed while it began
    cut(0);
    if (header_.classes > 0) open_probabilities();
    return;
  }
  if (!text.starts_with(first))
    throw FormatError(
        detail::message({path_.string(),
                         ": there already, and from another run (networks, images, loss, shard or what is "
                         "kept differ); remove it, or write elsewhere"}));
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
    throw FormatError(
        detail::message({path_.string(), ": ", labels_.size(), " rows, the shard has ", header_.n_rows()}));
  cut(labels_.empty() ? 0 : whole.size());
  if (header_.classes > 0) open_probabilities();
}

WEIR_INLINE void TraceShardWriter::append(const Trace& block) {
  if (header_.classes > 0) append_probabilities(block);
  const TraceCsv csv(block);
  if (size_ == 0) size_ = write(file_, path_, header_.line() + csv.header, 0);
  size_ = write(file_, path_, csv.rows, size_);
  sync(file_, path_);
}

WEIR_INLINE void TraceShardWriter::cut(std::size_t size) {
  size_ = size;
  if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) throw io_error(path_, "cannot be written", errno);
}

WEIR_INLINE void TraceShardWriter::open_probabilities() {
  const auto path = shard_probabilities(path_);
  side_.emplace(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666));
  if (side_->get() < 0) throw io_error(path, "cannot be written", errno);
  side_size_ = labels_.size() * row_bytes_;
  if (std::filesystem::file_size(path) < side_size_)
    throw FormatError(detail::message({path.string(), ": fewer probabilities than the rows of ", path_.string()}));
  if (::ftruncate(side_->get(), static_cast<off_t>(side_size_)) != 0) throw io_error(path, "cannot be written", errno);
}

WEIR_INLINE void TraceShardWriter::append_probabilities(const Trace& block) {
  std::vector<float> all;
  for (const StageTrace& s : block.stages)
    if (static_cast<std::size_t>(s.probabilities.cols()) != header_.classes)
      throw ShapeError(detail::message({"recording: stage '", s.name, "' has probabilities of ", s.probabilities.cols(),
                                        " classes, not ", header_.classes}));
  for (std::size_t i = 0; i < block.size(); ++i)
    for (const StageTrace& s : block.stages)
      for (Eigen::Index c = 0; c < s.probabilities.cols(); ++c)
        all.push_back(s.probabilities(static_cast<Eigen::Index>(i), c));
  const auto path = shard_probabilities(path_);
  side_size_ = write(*side_, path, {reinterpret_cast<const char*>(all.data()), all.size() * sizeof(float)}, side_size_);
  sync(*side_, path);
}

WEIR_INLINE std::size_t TraceShardWriter::write(const FileDescriptor& file, const std::filesystem::path& path,
                                                std::string_view bytes, std::size_t at) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw io_error(path, "cannot be written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    at += static_cast<std::size_t>(n);
  }
  return at;
}

WEIR_INLINE void TraceShardWriter::sync(const FileDescriptor& file, const std::filesystem::path& path) {
  if (!detail::sync(file.get())) throw io_error(path, "cannot be written", errno);
}

}  // namespace weir::detail
