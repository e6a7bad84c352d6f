/// A folder of results that never holds two runs.
#pragma once
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/report/markup.hpp>

namespace program {

/// What every file of a run says of where it is from.
struct Run {
  std::string id;       ///< "20261129T071203Z-4f1c9a02": when it began (UTC), and 32 random bits
  std::string command;  ///< as it was typed

  static Run begin(std::string command) {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char text[64];
    const std::size_t n = std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
    std::snprintf(text + n, sizeof text - n, "-%08x", std::random_device{}() & 0xFFFFFFFFU);
    return {text, std::move(command)};
  }
};

/// CSV text with the run in a further column.
inline std::string csv_of_run(const std::string& csv, const Run& run) {
  weir::detail::CsvTable table = weir::detail::parse_csv(csv, "results");
  table.header.emplace_back("run");
  std::string text = weir::detail::csv_line(table.header);
  for (auto& row : table.rows) {
    row.push_back(run.id);
    text += weir::detail::csv_line(row);
  }
  return text;
}

/// A plot with the run among its metadata.
inline std::string svg_of_run(std::string svg, const Run& run) {
  svg.insert(svg.find('>') + 1, "<metadata>run " + weir::detail::escape_markup(run.id) + "</metadata>");
  return svg;
}

/// Files of a run are written into a hidden folder inside the results folder. When all of them are complete, commit()
/// removes what an earlier run of the program left there and moves them to their places. So a run that fails or is
/// killed before that leaves the earlier one as it was; one that is killed in between leaves some files of one of the
/// two, never of both. What is not the program's stays untouched. The folder is locked: a second run that wants it at
/// the same time is refused.
class ResultsFolder {
 public:
  /// is_own: whether a file of that name in the folder is the program's. Makes the folder if there is none, and proves
  /// that it can be written to. Throws IoError naming it.
  ResultsFolder(std::filesystem::path folder, std::function<bool(const std::string&)> is_own)
      : folder_(std::move(folder)), is_own_(std::move(is_own)), lock_(open_locked(folder_)) {
    namespace fs = std::filesystem;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      if (is_own_(name) && !fs::is_symlink(entry.path()) && fs::is_directory(entry.path()))
        throw weir::IoError(entry.path().string() + ": is a folder where a file is to be written; move it away");
      if (locked_ && name.starts_with(staging_prefix)) fs::remove_all(entry.path());  // of a run that was killed
    }
    std::string name = (folder_ / (std::string(staging_prefix) + "XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) throw weir::detail::io_error(folder_, "cannot be written to", errno);
    staging_ = name;
    try {
      weir::write_file_atomically(staging_ / "proof", "writable\n");
    } catch (const weir::IoError&) {
      std::error_code ignored;
      fs::remove_all(staging_, ignored);
      throw;
    }
    fs::remove(staging_ / "proof");
  }
  ResultsFolder(const ResultsFolder&) = delete;
  ResultsFolder& operator=(const ResultsFolder&) = delete;
  ~ResultsFolder() {
    std::error_code ignored;
    if (!staging_.empty()) std::filesystem::remove_all(staging_, ignored);
  }

  const std::filesystem::path& folder() const { return folder_; }
  /// Where a file of this run is to be written until commit().
  std::filesystem::path path(const std::string& name) const { return staging_ / name; }

  /// Removes the earlier run's files and puts this one's in their places. Throws IoError.
  void commit() {
    namespace fs = std::filesystem;
    std::vector<fs::path> old, complete;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_))
      if (is_own_(entry.path().filename().string())) old.push_back(entry.path());
    for (const fs::directory_entry& entry : fs::directory_iterator(staging_)) complete.push_back(entry.path());
    for (const fs::path& file : old)
      if (::unlink(file.c_str()) != 0) throw weir::detail::io_error(file, "cannot be replaced", errno);
    if (!old.empty()) weir::detail::sync_folder(folder_);
    for (const fs::path& file : complete)
      if (std::rename(file.c_str(), (folder_ / file.filename()).c_str()) != 0)
        throw weir::detail::io_error(folder_ / file.filename(), "cannot be written", errno);
    weir::detail::sync_folder(folder_);
  }

 private:
  static constexpr std::string_view staging_prefix = ".weir-run-";

  int open_locked(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) throw weir::detail::io_error(folder, "cannot be made", error.value());
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) throw weir::detail::io_error(folder, "cannot be opened as a folder", errno);
    locked_ = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (!locked_ && errno == EWOULDBLOCK) {  // other failures: a file system without locks
      ::close(fd);
      throw weir::IoError(folder.string() + ": another run is writing its results here; wait, or give another folder");
    }
    return fd;
  }

  std::filesystem::path folder_;
  std::function<bool(const std::string&)> is_own_;
  bool locked_ = false;
  weir::detail::FileDescriptor lock_;
  std::filesystem::path staging_;
};

}  // namespace program
