// Tries ONNX's own test data on weir, operator by operator. README.md beside this file says more.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/layers/build_network.hpp>

#include "trial.hpp"

namespace {

using onnx_suite::Outcome, onnx_suite::Trial, onnx_suite::Way;
namespace fs = std::filesystem;

constexpr std::array<const char*, onnx_suite::way_count> way_names = {"as given", "floats at run time",
                                                                      "one at run time", "free batch", "constant"};

bool is_known(const std::string& op) {
  static const auto names = weir::operator_names();
  static const auto folded = weir::detail::folded_operator_names();
  return std::ranges::find(names, op) != names.end() || std::ranges::find(folded, op) != folded.end();
}

/// A line for each trial: way, outcome and text, tab-separated. Run in a process of its own, so that a case that
/// crashes or does not end is one wrong case.
std::string try_case(const std::string& name, const std::string& model, const onnx_suite::ModelOutline& outline,
                     const std::vector<onnx_suite::DataSet>& sets) {
  std::string out;
  for (const auto& data : sets)
    for (const Trial& t : onnx_suite::try_all(name, model, outline, data)) {
      std::string text = t.text;
      std::replace(text.begin(), text.end(), '\n', ' ');
      out += std::to_string(static_cast<int>(t.way)) + '\t' + std::to_string(static_cast<int>(t.outcome)) + '\t' +
             text + '\n';
    }
  return out;
}

template <class F>
std::vector<Trial> in_own_process(F work) {
  int ends[2];
  if (pipe(ends) != 0) throw weir::IoError("no pipe");
  std::cout.flush();
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    std::string text;
    int status = 0;
    try {
      text = work();
    } catch (const std::exception& e) {
      text = std::string("0\t2\tthrows what is not a weir::Error: ") + e.what() + '\n';
      status = 1;
    }
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t n = write(ends[1], text.data() + done, text.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    _exit(status);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(ends[0], buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  std::vector<Trial> trials;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    trials.push_back({static_cast<Way>(line[0] - '0'), static_cast<Outcome>(line[2] - '0'), line.substr(4)});
    at = end + 1;
  }
  if (WIFSIGNALED(status))
    trials.push_back(
        {Way::as_given, Outcome::wrong,
         WTERMSIG(status) == SIGALRM ? "takes more than a minute" : "signal " + std::to_string(WTERMSIG(status))});
  return trials;
}

/// "case: reason" lines; # begins a comment.
std::map<std::string, std::string> read_reasons(const fs::path& path) {
  std::map<std::string, std::string> reasons;
  std::ifstream file(path);
  if (!file) throw weir::IoError("cannot read " + path.string());
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.empty() || line[0] == '#') continue;
    if (colon == std::string::npos) throw weir::FormatError(path.string() + ": no reason in '" + line + "'");
    reasons[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return reasons;
}

struct Row {
  int cases = 0, pass = 0, by_type = 0, with_reason = 0, refused = 0, wrong = 0;
  std::array<int, onnx_suite::way_count> tried{}, passed{};
};

class Suite {
 public:
  Suite(std::map<std::string, std::string> reasons, std::string only, bool verbose)
      : reasons_(std::move(reasons)), only_(std::move(only)), verbose_(verbose) {}

  void run(const fs::path& folder) {
    const std::string name = folder.filename().string();
    if (!only_.empty() && name != only_) return;
    const std::string model = onnx_suite::file_text(folder / "model.onnx");
    const auto outline = onnx_suite::outline(model);
    std::string unknown;
    for (const std::string& op : outline.operators)
      if (!is_known(op)) unknown += (unknown.empty() ? "" : ", ") + op;
    if (!unknown.empty()) {
      ++unknown_cases_[unknown];
      return;
    }
    Row& row = rows_[outline.operators.size() == 1 ? *outline.operators.begin() : "(several operators)"];
    ++row.cases;
    std::vector<onnx_suite::DataSet> sets;
    bool readable = true;
    for (int i = 0; fs::exists(folder / ("test_data_set_" + std::to_string(i))); ++i) {
      auto data = onnx_suite::read_data(folder / ("test_data_set_" + std::to_string(i)), outline);
      readable = readable && data.has_value();
      if (data) sets.push_back(std::move(*data));
    }
    std::vector<Trial> trials;
    if (readable) trials = in_own_process([&] { return try_case(name, model, outline, sets); });
    const bool floating =
        readable && (outline.inputs.empty() || std::any_of(outline.inputs.begin(), outline.inputs.end(),
                                                           [](auto& p) { return onnx_suite::is_floating(p.type); }));
    judge(name, row, trials, floating);
  }

  /// Prints the table. True if nothing is wrong, or refused without a reason.
  bool report() const {
    std::printf("| operator | cases | pass | refused by type | refused, reason given | refused | wrong |");
    for (const char* way : way_names) std::printf(" %s |", way);
    std::printf("\n|---|--:|--:|--:|--:|--:|--:|");
    for (std::size_t w = 0; w < way_names.size(); ++w) std::printf("--:|");
    std::printf("\n");
    Row sum;
    for (const auto& [op, row] : rows_) {
      print(op, row);
      add(sum, row);
    }
    print("all", sum);
    std::printf("\nRefused, by reason (the first case of each):\n");
    for (const auto& [why, cases] : refusals_)
      std::printf("%4zu  %s  [%s]\n", cases.size(), why.c_str(), cases.front().c_str());
    int others = 0;
    for (const auto& [ops, n] : unknown_cases_) others += n;
    std::printf("\n%d cases of operators that weir does not have:", others);
    for (const auto& [ops, n] : unknown_cases_) std::printf(" %s (%d);", ops.c_str(), n);
    std::printf("\n");
    for (const std::string& line : faults_) std::printf("%s\n", line.c_str());
    return sum.wrong == 0 && sum.refused == 0 && sum.cases > 0;
  }

 private:
  void judge(const std::string& name, Row& row, const std::vector<Trial>& trials, bool floating) {
    std::string wrong, why;
    bool pass = false;
    for (const Trial& t : trials) {
      const auto w = static_cast<std::size_t>(t.way);
      ++row.tried[w];
      row.passed[w] += t.outcome == Outcome::pass;
      pass = pass || t.outcome == Outcome::pass;
      if (t.outcome == Outcome::wrong && wrong.empty()) wrong = std::string(way_names[w]) + ": " + t.text;
      if (t.outcome == Outcome::refused &&
          (why.empty() || t.way == Way::floats_at_run_time || t.way == Way::one_at_run_time))
        why = t.text;
      if (verbose_)
        std::printf("%s, %s: %s %s\n", name.c_str(), way_names[w],
                    std::array{"pass", "refused", "WRONG"}[static_cast<std::size_t>(t.outcome)], t.text.c_str());
    }
    const auto reason = reasons_.find(name);
    const bool excused = reason != reasons_.end() && reason->second.starts_with("wrong data: ");
    if (!wrong.empty() && excused) {
      ++row.with_reason;
      refusals_[reason->second].push_back(name);
    } else if (!wrong.empty()) {
      ++row.wrong;
      faults_.push_back("WRONG " + name + ", " + wrong);
    } else if (pass) {
      ++row.pass;
      if (reason != reasons_.end()) faults_.push_back("note: " + name + " passes now, its reason may go");
    } else if (!floating) {
      ++row.by_type;
    } else if (reason != reasons_.end()) {
      ++row.with_reason;
      refusals_[reason->second].push_back(name);
    } else {
      ++row.refused;
      refusals_[without_name(why, name)].push_back(name);
      faults_.push_back("REFUSED without a reason in the list: " + name + ", " + why);
    }
  }

  static std::string without_name(std::string why, const std::string& name) {
    if (const std::size_t at = why.find(name); at != std::string::npos) why.erase(at, name.size());
    return why;
  }

  static void add(Row& sum, const Row& row) {
    sum.cases += row.cases, sum.pass += row.pass, sum.by_type += row.by_type, sum.with_reason += row.with_reason;
    sum.refused += row.refused, sum.wrong += row.wrong;
    for (std::size_t w = 0; w < onnx_suite::way_count; ++w)
      sum.tried[w] += row.tried[w], sum.passed[w] += row.passed[w];
  }

  static void print(const std::string& op, const Row& r) {
    std::printf("| %s | %d | %d | %d | %d | %d | %d |", op.c_str(), r.cases, r.pass, r.by_type, r.with_reason,
                r.refused, r.wrong);
    for (std::size_t w = 0; w < onnx_suite::way_count; ++w)
      if (r.tried[w] > 0)
        std::printf(" %d of %d |", r.passed[w], r.tried[w]);
      else
        std::printf(" |");
    std::printf("\n");
  }

  std::map<std::string, std::string> reasons_;
  std::string only_;
  bool verbose_;
  std::map<std::string, Row> rows_;
  std::map<std::string, std::vector<std::string>> refusals_;
  std::map<std::string, int> unknown_cases_;
  std::vector<std::string> faults_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: onnx_suite DATA REASONS [CASE]: DATA holds node/, simple/, pytorch-converted/ ...\n");
    return 2;
  }
  const fs::path data = argv[1];
  if (!fs::exists(data / "node")) {
    std::printf("skipped: there is no %s (Debian: libonnx-testdata)\n", (data / "node").c_str());
    return 77;
  }
  try {
    Suite suite(read_reasons(argv[2]), argc > 3 ? argv[3] : "", argc > 3);
    for (const char* part : {"node", "simple", "pytorch-converted", "pytorch-operator"}) {
      std::vector<fs::path> folders;
      if (fs::exists(data / part))
        for (const auto& entry : fs::directory_iterator(data / part))
          if (fs::exists(entry.path() / "model.onnx")) folders.push_back(entry.path());
      std::sort(folders.begin(), folders.end());
      for (const fs::path& folder : folders) suite.run(folder);
    }
    return suite.report() ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
