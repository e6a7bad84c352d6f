// random_networks FOLDER COUNT KEPT [JOBS]: compares weir with ONNX Runtime on the networks of generate.py, each in a
// process of its own. Files of a network that is answered wrongly are copied to KEPT. README.md beside this says more.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <weir/core/error.hpp>
#include <weir/io/files/file.hpp>

#include "examine.hpp"

namespace {

namespace fs = std::filesystem;
using random_networks::Finding, random_networks::Question, random_networks::Verdict;

struct Job {
  pid_t pid = 0;
  int index = 0, from = -1;
};

/// Starts the examination of network `index`; what it finds comes through the pipe.
Job start(const std::string& stem, int index) {
  int ends[2];
  if (pipe(ends) != 0) throw weir::IoError("no pipe");
  std::cout.flush();
  const pid_t child = fork();
  if (child == 0) {
    alarm(120);
    Finding f;
    char way = '0';
    try {
      const Question q = random_networks::read_question(stem);
      random_networks::Examination examination(q, static_cast<unsigned>(index) + 1);
      f = examination.run();
      way = static_cast<char>('0' + examination.in_bands() + 2 * examination.in_parts());
    } catch (const std::exception& e) {
      f = {Verdict::wrong, "an exception that is no weir::Error", e.what()};
    }
    std::string text = std::to_string(static_cast<int>(f.verdict)) + way + f.check + '\n' + f.what;
    text.resize(std::min<std::size_t>(text.size(), 4000));  // fits the pipe: nobody reads before this process ends
    _exit(write(ends[1], text.data(), text.size()) < 0 ? 1 : 0);
  }
  close(ends[1]);
  return {child, index, ends[0]};
}

Finding finish(const Job& job, int status) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(job.from, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(n));
  close(job.from);
  if (WIFSIGNALED(status))
    return {Verdict::wrong, WTERMSIG(status) == SIGALRM ? "two minutes are not enough" : "a crash",
            "signal " + std::to_string(WTERMSIG(status))};
  const std::size_t line = text.find('\n');
  if (line == std::string::npos) return {Verdict::wrong, "nothing came back", {}};
  Finding f{static_cast<Verdict>(text[0] - '0'), text.substr(2, line - 2), text.substr(line + 1)};
  if (((text[1] - '0') & 1) != 0) f.ways.emplace_back("steps by bands of rows");
  if (((text[1] - '0') & 2) != 0) f.ways.emplace_back("steps by parts of a batch");
  return f;
}

/// A message without what differs from file to file: names in quotes, numbers, the file.
std::string shape_of(const std::string& message) {
  std::string out;
  const std::size_t file = message.find(".onnx");
  bool quoted = false;
  for (std::size_t i = file == std::string::npos ? 0 : file + 5; i < message.size(); ++i) {
    const char c = message[i];
    if (c == '\'') quoted = !quoted;
    if (quoted) continue;
    if (c >= '0' && c <= '9') {
      if (out.empty() || out.back() != '#') out += '#';
    } else {
      out += c;
    }
  }
  return out;
}

class Table {
 public:
  explicit Table(fs::path kept) : kept_(std::move(kept)) {}

  void add(const std::string& stem, const Finding& f) {
    const weir::detail::Bytes text = weir::detail::read_file(stem + ".json");
    const auto about = nlohmann::json::parse(text.begin(), text.end());
    const auto v = static_cast<std::size_t>(f.verdict);
    ++total_[v];
    for (const auto& kind : about["kinds"]) ++by_kind_[kind.get<std::string>()][v];
    for (const std::string& way : f.ways) ++by_kind_[way][v];
    if (f.verdict == Verdict::refused || (f.verdict == Verdict::agreed && !f.what.empty())) {
      auto& [n, example] = refusals_[f.verdict == Verdict::agreed ? f.what : shape_of(f.what)];
      if (n++ == 0) example = std::to_string(about["seed"].get<std::int64_t>());
    }
    if (f.verdict != Verdict::wrong) return;
    fs::create_directories(kept_);
    const std::string seed = std::to_string(about["seed"].get<std::int64_t>());
    for (const char* end : {".onnx", ".taps.onnx", ".json", ".in", ".ref"})
      fs::copy_file(stem + end, kept_ / (seed + end), fs::copy_options::overwrite_existing);
    std::printf("WRONG seed %s: %s: %s\n  opset %d, batch %d, ops", seed.c_str(), f.check.c_str(), f.what.c_str(),
                about["opset"].get<int>(), about["fixed"].get<int>());
    for (const auto& op : about["ops"]) std::printf(" %s", op.get<std::string>().c_str());
    std::printf("\n  kinds");
    for (const auto& kind : about["kinds"]) std::printf(" %s", kind.get<std::string>().c_str());
    std::printf("\n");
  }

  /// True if nothing is wrong.
  bool report() const {
    std::printf(
        "\n| kind | networks | agreed | weir refuses | ONNX Runtime refuses | wrong |\n|---|--:|--:|--:|--:|--:|\n");
    for (const auto& [kind, n] : by_kind_) print(kind, n);
    print("all", total_);
    if (!refusals_.empty())
      std::printf("\nWhat weir does not answer as far as ONNX Runtime does (number, seed of one):\n");
    for (const auto& [why, n] : refusals_) std::printf("%5d %s  %s\n", n.first, n.second.c_str(), why.c_str());
    return total_[3] == 0 && total_[0] > 0;
  }

 private:
  using Counts = std::array<int, 4>;
  static void print(const std::string& name, const Counts& n) {
    std::printf("| %s | %d | %d | %d | %d | %d |\n", name.c_str(), n[0] + n[1] + n[2] + n[3], n[0], n[1], n[2], n[3]);
  }

  fs::path kept_;
  Counts total_{};
  std::map<std::string, Counts> by_kind_;
  std::map<std::string, std::pair<int, std::string>> refusals_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: random_networks FOLDER COUNT KEPT [JOBS]\n");
    return 2;
  }
  try {
    const int count = std::stoi(argv[2]), most = argc > 4 ? std::stoi(argv[4]) : 1;
    Table table(argv[3]);
    std::map<pid_t, Job> running;
    const auto stem = [&](int i) { return (fs::path(argv[1]) / std::to_string(i)).string(); };
    for (int next = 0; next < count || !running.empty();) {
      if (next < count && static_cast<int>(running.size()) < most) {
        const Job job = start(stem(next), next);
        running[job.pid] = job;
        ++next;
        continue;
      }
      int status = 0;
      const pid_t ended = wait(&status);
      const auto job = running.find(ended);
      if (job == running.end()) continue;
      table.add(stem(job->second.index), finish(job->second, status));
      running.erase(job);
    }
    return table.report() ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
