#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <thread>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/io/files/file.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::slurp;
using weir::FormatError, weir::IoError;
namespace fs = std::filesystem;

namespace {

std::string text(const weir::detail::Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

/// While it lives, no file can grow beyond limit: writing fails as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t limit) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit small{limit, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, signal_);
  }

 private:
  rlimit old_{};
  void (*signal_)(int);
};

}  // namespace

TEST_CASE("read_file: whole files and ranges") {
  const io_test::TempFolder folder;
  const auto path = folder.write("a", "0123456789");
  CHECK(text(weir::detail::read_file(path)) == "0123456789");
  CHECK(text(weir::detail::read_file(path, 10)) == "0123456789");
  CHECK(text(weir::detail::read_file_range(path, 3, 4)) == "3456");
  CHECK(weir::detail::read_file_range(path, 10, 0).empty());
  CHECK(weir::detail::read_file(folder.write("empty", "")).empty());
  CHECK(contains(message_of<FormatError>([&] { weir::detail::read_file(path, 9); }),
                 "10 bytes, more than the limit of 9"));
  CHECK_THROWS_AS(weir::detail::read_file_range(path, 11, 0), FormatError);
  CHECK_THROWS_AS(weir::detail::read_file_range(path, 3, 8), FormatError);
  const std::uint64_t huge = ~std::uint64_t{0};
  CHECK_THROWS_AS(weir::detail::read_file_range(path, huge, 1), FormatError);
  CHECK_THROWS_AS(weir::detail::read_file_range(path, 1, huge), FormatError);
  CHECK_THROWS_AS(weir::detail::read_file_range(path, huge, huge), FormatError);
}

TEST_CASE("read_file: what is no regular file is refused, without waiting for it") {
  const io_test::TempFolder folder;
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  for (const fs::path& path : {folder.path(), folder / "fifo", fs::path("/dev/zero"), folder / "none", fs::path("")}) {
    INFO(path.string());
    CHECK_THROWS_AS(weir::detail::read_file(path), IoError);
    CHECK_THROWS_AS(weir::detail::read_file_range(path, 0, 1), IoError);
  }
  CHECK(contains(message_of<IoError>([&] { weir::detail::read_file(folder / "none"); }),
                 "none: cannot be opened (No such file"));
}

TEST_CASE("write_file_atomically: makes and replaces files, and leaves nothing else") {
  const io_test::TempFolder folder;
  const auto path = folder / "out";
  for (const std::string& content :
       {std::string("first"), std::string(), std::string("a\0b", 3), std::string(3 << 20, 'x')}) {
    weir::write_file_atomically(path, content);
    CHECK(slurp(path) == content);
    CHECK(folder.count() == 1);
  }
}

TEST_CASE("write_file_atomically: a full disk is an IoError and leaves the old file") {
  const io_test::TempFolder folder;
  const auto path = folder.write("out", "old");
  {
    const FileSizeLimit limit(4096);
    CHECK(contains(message_of<IoError>([&] { weir::write_file_atomically(path, std::string(10'000, 'x')); }),
                   "out: cannot be written"));
  }
  CHECK(slurp(path) == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("write_file_atomically: devices, folders and missing folders are refused and stay as they are") {
  const io_test::TempFolder folder;
  fs::create_directory(folder / "d");
  fs::create_symlink("/dev/full", folder / "link");
  const fs::path full = "/dev/full";
  for (const fs::path& path : {full, folder / "link", folder / "d", folder / "none/out", fs::path("")}) {
    INFO(path.string());
    CHECK_THROWS_AS(weir::write_file_atomically(path, "x"), IoError);
  }
  CHECK(fs::is_character_file(full));
  CHECK(fs::is_directory(folder / "d"));
  CHECK(folder.count() == 2);
}

TEST_CASE("write_file_atomically: a reader never sees half a file, many writers do not disturb each other") {
  const io_test::TempFolder folder;
  const auto path = folder / "out";
  weir::write_file_atomically(path, std::string(5000, 'a'));
  std::vector<std::thread> writers;
  for (const char c : {'b', 'c'})
    writers.emplace_back([&path, c] {
      for (int i = 0; i < 40; ++i) weir::write_file_atomically(path, std::string(5000, c));
    });
  for (int i = 0; i < 200; ++i) {
    const std::string seen = slurp(path);
    REQUIRE(seen.size() == 5000);
    REQUIRE(seen.find_first_not_of(seen[0]) == std::string::npos);
  }
  for (std::thread& t : writers) t.join();
  CHECK(folder.count() == 1);
}

TEST_CASE("path_inside: names inside the folder only") {
  const io_test::TempFolder folder;
  const io_test::TempFolder other;
  folder.write("a/b", "x");
  other.write("secret", "x");
  fs::create_symlink(other.path(), folder / "away");
  fs::create_symlink(folder / "a", folder / "here");
  for (const char* name : {"a/b", "a", "./a/b", "none/such", "here/b", "..a", "a..b"}) {
    INFO(name);
    CHECK(weir::detail::path_inside(folder.path(), name) == folder.path() / name);
  }
  for (const std::string& name :
       {std::string(), std::string(".."), std::string("../x"), std::string("a/../../x"), std::string("a/../b"),
        std::string("/etc/passwd"), std::string("away/secret"), std::string("away"), std::string("a\0b", 3)}) {
    INFO(name);
    CHECK_THROWS_AS(weir::detail::path_inside(folder.path(), name), FormatError);
  }
  CHECK(
      contains(message_of<FormatError>([&] { (void)weir::detail::path_inside(folder.path(), std::string("a\0b", 3)); }),
               "path 'a' holds a zero byte behind that"));
  CHECK_THROWS_AS(weir::detail::path_inside(folder / "none", "a"), IoError);
  CHECK_NOTHROW((void)weir::detail::path_inside("", "a"));
  const auto why = message_of<FormatError>([&] { (void)weir::detail::path_inside(folder.path(), "away/secret"); });
  CHECK(contains(why, "away is a symbolic link that leads out of"));
  CHECK(contains(why, "put the file itself"));
  CHECK(weir::detail::path_inside(folder.path(), "away/secret", weir::detail::Links::follow) == folder / "away/secret");
  CHECK_THROWS_AS(weir::detail::path_inside(folder.path(), "away/../x", weir::detail::Links::follow), FormatError);
}

TEST_CASE("sync_folder: folders that can be flushed are, missing ones are an error") {
  const io_test::TempFolder folder;
  CHECK_NOTHROW(weir::detail::sync_folder(folder.path()));
  CHECK_NOTHROW(weir::detail::sync_folder(""));
  CHECK_THROWS_AS(weir::detail::sync_folder(folder / "none"), IoError);
}

}  // namespace WEIR_UNIT
