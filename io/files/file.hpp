/// Whole files: read with a size limit, written so that a reader never sees half of one.
#pragma once
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/memory/blocks.hpp>

namespace weir::detail {

/// "path: what (reason given by the system)".
inline IoError io_error(const std::filesystem::path& path, const std::string& what, int code) {
  return IoError(path.string() + ": " + what + " (" + std::generic_category().message(code) + ")");
}

/// Owns a POSIX file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { close(); }
  int get() const { return fd_; }
  /// Returns 0, or -1 with errno set, as ::close does: some file systems report a full disk only here.
  int close() {
    const int fd = fd_;
    fd_ = -1;
    return fd < 0 ? 0 : ::close(fd);
  }

 private:
  int fd_;
};

/// Waits until the disk has the file, also where a signal comes in between. Returns false with errno set.
inline bool sync(int fd) {
  int rc = ::fsync(fd);
  while (rc != 0 && errno == EINTR) rc = ::fsync(fd);
  return rc == 0;
}

/// Waits until the disk has the names in a folder, so that a rename outlives a crash. File systems that do not know how
/// to (EINVAL, ENOTSUP) are left as they are. Throws IoError.
inline void sync_folder(const std::filesystem::path& folder) {
  const std::filesystem::path name = folder.empty() ? std::filesystem::path(".") : folder;
  const FileDescriptor handle(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (handle.get() < 0) {
    if (errno == EACCES) return;  // a folder may be written to and not read
    throw io_error(name, "cannot be opened", errno);
  }
  if (!sync(handle.get()) && errno != EINVAL && errno != ENOTSUP && errno != EBADF)
    throw io_error(name, "cannot be written", errno);
}

/// Removes a file when the scope ends, unless keep() was called.
class RemoveOnExit {
 public:
  explicit RemoveOnExit(std::string path) : path_(std::move(path)) {}
  RemoveOnExit(const RemoveOnExit&) = delete;
  RemoveOnExit& operator=(const RemoveOnExit&) = delete;
  ~RemoveOnExit() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

/// Throws IoError where a file could not be written, before the work that is to fill it: makes one beside it and
/// removes it again.
inline void prove_writable(const std::filesystem::path& file) {
  std::string name = file.string() + ".XXXXXX";
  const FileDescriptor made(::mkstemp(name.data()));
  if (made.get() < 0) throw io_error(file, "cannot be written", errno);
  ::unlink(name.c_str());
}

/// What a file holds.
using Bytes = std::vector<char, BlockAllocator<char>>;

inline constexpr std::uint64_t max_file_bytes = std::uint64_t{16} << 30;

/// Bytes offset .. offset+length-1 of a regular file. Throws IoError if it cannot be read, FormatError if the file
/// is shorter than that; checks before it allocates.
inline Bytes read_file_range(const std::filesystem::path& path, std::uint64_t offset, std::uint64_t length) {
  // Non-blocking, because opening a FIFO would wait for its writer for ever; it changes nothing for regular files.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) throw io_error(path, "cannot be opened", errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw io_error(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) throw IoError(detail::message({path.string(), ": not a regular file"}));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (offset > size || length > size - offset)
    throw FormatError(
        detail::message({path.string(), ": ", length, " bytes at offset ", offset, " wanted, the file has ", size}));
  Bytes bytes(length);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::pread(file.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw io_error(path, "cannot be read", errno);
    if (n == 0) throw IoError(detail::message({path.string(), ": became shorter while it was read"}));
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

/// The whole content of a regular file. Throws IoError if it cannot be read, FormatError if it is larger than
/// limit_bytes.
inline Bytes read_file(const std::filesystem::path& path, std::uint64_t limit_bytes = max_file_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error || !std::filesystem::exists(status)) {
    const int code = error ? error.value() : ENOENT;
    const bool is_link = std::filesystem::is_symlink(path, error);
    throw io_error(path, is_link ? "is a symbolic link whose file cannot be opened" : "cannot be opened", code);
  }
  if (status.type() != std::filesystem::file_type::regular)
    throw IoError(detail::message({path.string(), ": not a regular file"}));
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) throw io_error(path, "cannot be examined", error.value());
  if (size > limit_bytes)
    throw FormatError(detail::message({path.string(), ": ", size, " bytes, more than the limit of ", limit_bytes}));
  return read_file_range(path, 0, size);
}

}  // namespace weir::detail

namespace weir {

/// Replaces path by a file with these bytes, or leaves it as it was: written beside, flushed to the disk, renamed, and
/// the folder flushed too (if only that last step fails, the file is there and IoError says so).
/// Throws IoError naming the path on any failure (a full disk too, and if path is there but not a regular file, a
/// device or folder that a rename would destroy), after removing what it had begun.
inline void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw IoError(detail::message({path.string(), ": cannot be written (not a regular file)"}));
  static std::atomic<unsigned> serial{0};
  const std::string beside = path.string() + "." + std::to_string(::getpid()) + "." + std::to_string(serial++) + ".tmp";
  detail::FileDescriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) throw detail::io_error(path, "cannot be written", errno);
  detail::RemoveOnExit unfinished(beside);
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw detail::io_error(path, "cannot be written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  if (!detail::sync(file.get()) || file.close() != 0) throw detail::io_error(path, "cannot be written", errno);
  if (std::rename(beside.c_str(), path.c_str()) != 0) throw detail::io_error(path, "cannot be replaced", errno);
  unfinished.keep();
  detail::sync_folder(path.parent_path());
}

}  // namespace weir

namespace weir::detail {

/// Whether symbolic links below a folder may lead out of it: not where the names come from a file of others, yes in a
/// folder that a user has put together.
enum class Links { stay_inside, follow };

/// The first symbolic link on the way from folder to folder / name; empty where there is none.
inline std::filesystem::path first_link(std::filesystem::path folder, const std::filesystem::path& name) {
  std::error_code error;
  for (const std::filesystem::path& part : name) {
    folder /= part;
    if (std::filesystem::is_symlink(folder, error)) return folder;
  }
  return {};
}

/// base / relative, for a name that stands in a file and is not to be trusted. Throws FormatError if it is absolute,
/// or leads out of base by "..", or, with Links::stay_inside, by a symbolic link.
inline std::filesystem::path path_inside(const std::filesystem::path& base, const std::string& relative,
                                         Links links = Links::stay_inside) {
  namespace fs = std::filesystem;
  const fs::path name(relative);
  const auto refuse = [&] { return FormatError("path '" + relative + "' leads out of " + base.string()); };
  if (const auto end = relative.find('\0'); end != std::string::npos)
    throw FormatError(detail::message({"path '", relative.substr(0, end), "' holds a zero byte behind that"}));
  if (relative.empty()) throw FormatError("a path is empty");
  if (name.is_absolute()) throw refuse();
  for (const fs::path& part : name)
    if (part == "..") throw refuse();
  const fs::path folder = base.empty() ? fs::path(".") : base;
  if (links == Links::follow) return folder / name;
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) throw io_error(base, "cannot be opened", error.value());
  const fs::path target = fs::weakly_canonical(folder / name, error);
  if (error) throw io_error(folder / name, "cannot be opened", error.value());
  const fs::path inside = target.lexically_relative(root);
  if (inside.empty() || *inside.begin() == "..")
    throw FormatError(detail::message({"path '", relative, "': ", first_link(folder, name).string(),
                                       " is a symbolic link that leads out of ", folder.string(),
                                       "; put the file itself, or a copy, into the folder"}));
  return folder / name;
}

}  // namespace weir::detail
