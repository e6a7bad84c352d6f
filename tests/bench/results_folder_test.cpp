#include "../../bench/results_folder.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <weir/core/error.hpp>
#include <weir/io/files/file.hpp>

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
  // A link to a folder is as good as the folder; one that leads nowhere is not.
  fs::create_directory(temp / "real");
  fs::create_directory_symlink(temp / "real", temp / "link");
  {
    program::ResultsFolder linked(temp / "link", ours);
    weir::write_file_atomically(linked.path("run_1"), "x");
    linked.commit();
  }
  CHECK(names(temp / "real") == std::set<std::string>{"run_1"});
  fs::create_directory_symlink(temp / "gone", temp / "dead");
  CHECK_THROWS_AS(program::ResultsFolder(temp / "dead", ours), weir::IoError);
}

TEST_CASE("ResultsFolder: killed at any moment, a folder never holds files of two runs") {
  for (int delay = 0; delay < 40; ++delay) {
    const TempFolder temp;
    const fs::path out = temp / "out";
    const auto run = [&](const std::string& id) {
      program::ResultsFolder folder(out, ours);
      for (int f = 0; f < 6; ++f) weir::write_file_atomically(folder.path("run_" + id + std::to_string(f)), id);
      for (int f = 0; f < 6; ++f) weir::write_file_atomically(folder.path("run_" + std::to_string(f)), id);
      folder.commit();
    };
    run("a");
    const pid_t child = ::fork();
    if (child == 0) {
      run("b");
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(150 * delay));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    std::set<std::string> runs;
    for (const std::string& name : names(out))
      if (ours(name)) runs.insert(slurp(out / name));
    CHECK(runs.size() <= 1);
    run("c");
    CHECK(names(out).size() == 12);
    for (const std::string& name : names(out)) CHECK(slurp(out / name) == "c");
  }
}

TEST_CASE("prove_writable, csv_of_run, svg_of_run") {
  const TempFolder temp;
  CHECK_NOTHROW(weir::detail::prove_writable(temp / "a.json"));
  CHECK(temp.count() == 0);
  CHECK_THROWS_AS(weir::detail::prove_writable(temp / "none/a.json"), weir::IoError);
  const program::Run run{"20260101T000000Z-00000000", "adapt"};
  CHECK(program::csv_of_run("a,b\n1,\"x,y\"\n", run) == "a,b,run\n1,\"x,y\",20260101T000000Z-00000000\n");
  CHECK(program::svg_of_run("<svg><g/></svg>", run) ==
        "<svg><metadata>run 20260101T000000Z-00000000</metadata><g/></svg>");
}

TEST_CASE("Run: ids differ and begin with the time") {
  const auto a = program::Run::begin("x"), b = program::Run::begin("x");
  CHECK(a.id != b.id);
  CHECK(a.id.size() == 25);
  CHECK(a.id[8] == 'T');
  CHECK(a.id.substr(15, 2) == "Z-");
}

}  // namespace WEIR_UNIT
