#include "../../bench/results_folder.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <set>

#include "../io/io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::slurp, io_test::TempFolder;
namespace fs = std::filesystem;

namespace {

bool ours(const std::string& name) { return name.starts_with("run_"); }

std::set<std::string> names(const fs::path& folder) {
  std::set<std::string> all;
  for (const auto& entry : fs::directory_iterator(folder)) all.insert(entry.path().filename().string());
  return all;
}

}  // namespace

TEST_CASE("ResultsFolder: an earlier run goes when the new one is complete, a user's files stay") {
  const TempFolder temp;
  const fs::path out = temp / "a/b";
  {
    program::ResultsFolder first(out, ours);
    weir::write_file_atomically(first.path("run_1"), "first");
    weir::write_file_atomically(first.path("run_2"), "first");
    CHECK(names(out).size() == 1);  // nothing but the hidden folder
    first.commit();
  }
  CHECK(names(out) == std::set<std::string>{"run_1", "run_2"});
  temp.write("a/b/mine.json", "mine");
  temp.write("a/b/run_1.bak/x", "mine");
  {
    program::ResultsFolder second(out, [](const std::string& n) { return n == "run_1" || n == "run_2"; });
    weir::write_file_atomically(second.path("run_2"), "second");
    CHECK(slurp(out / "run_1") == "first");
  }  // it failed: nothing has changed
  CHECK(names(out) == std::set<std::string>{"run_1", "run_2", "mine.json", "run_1.bak"});
  CHECK(slurp(out / "run_2") == "first");
  {
    program::ResultsFolder third(out, [](const std::string& n) { return n == "run_1" || n == "run_2"; });
    weir::write_file_atomically(third.path("run_2"), "third");
    third.commit();
  }
  CHECK(names(out) == std::set<std::string>{"run_2", "mine.json", "run_1.bak"});
  CHECK(slurp(out / "run_2") == "third");
  CHECK(slurp(out / "run_1.bak/x") == "mine");
}

TEST_CASE("ResultsFolder: two runs at once are refused, what a killed one left is cleared away") {
  const TempFolder temp;
  {
    program::ResultsFolder first(temp.path(), ours);
    CHECK(contains(message_of<weir::IoError>([&] { program::ResultsFolder(temp.path(), ours); }), "another run"));
  }
  if (const pid_t child = ::fork(); child == 0) {  // dies without a destructor
    program::ResultsFolder killed(temp.path(), ours);
    weir::write_file_atomically(killed.path("run_1"), "half");
    ::_exit(0);
  } else {
    int status = 0;
    ::waitpid(child, &status, 0);
  }
  CHECK(temp.count() == 1);
  { const program::ResultsFolder next(temp.path(), ours); }
  CHECK(temp.count() == 0);
}

TEST_CASE("ResultsFolder: a folder that cannot be written to is refused at once") {
  const TempFolder temp;
  temp.write("file", "x");
  CHECK_THROWS_AS(program::ResultsFolder(temp / "file", ours), weir::IoError);
  CHECK_THROWS_AS(program::ResultsFolder(temp / "file/sub", ours), weir::IoError);
  CHECK_THROWS_AS(program::ResultsFolder("/proc/none", ours), weir::IoError);
  fs::create_directories(temp / "out/run_1");
  CHECK(contains(message_of<weir::IoError>([&] { program::ResultsFolder(temp / "out", ours); }), "move it away"));
  CHECK(names(temp / "out") == std::set<std::string>{"run_1"});
}

TEST_CASE("Run: ids differ and begin with the time") {
  const auto a = program::Run::begin("x"), b = program::Run::begin("x");
  CHECK(a.id != b.id);
  CHECK(a.id.size() == 25);
  CHECK(a.id[8] == 'T');
  CHECK(a.id.substr(15, 2) == "Z-");
}

}  // namespace WEIR_UNIT
