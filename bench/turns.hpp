/// Contenders in processes of their own, of which one at a time may run: threads of the others can disturb nobody.
#pragma once
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <weir/core/error.hpp>
#include <weir/io/report/printable.hpp>

namespace program {

/// A stopped process that runs something again and again for a while whenever it is its turn.
class Contender {
 public:
  /// prepare() is called in the new process, and gives what is timed. Throws weir::Error where there can be no process.
  Contender(std::string name, const std::function<std::function<void()>()>& prepare) : name_(std::move(name)) {
    signal(SIGPIPE, SIG_IGN);  // a process that has failed is reported, by take_turn()
    int ask[2], answer[2];
    if (pipe(ask) != 0 || pipe(answer) != 0) throw weir::Error(name_ + ": no pipe");
    std::fflush(stdout);
    child_ = fork();
    if (child_ < 0) throw weir::Error(name_ + ": no process");
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // stopped, it would outlive an interrupted program
      close(ask[1]);
      close(answer[0]);
      serve(prepare, ask[0], answer[1]);
    }
    close(ask[0]);
    close(answer[1]);
    ask_ = ask[1];
    answer_ = answer[0];
    take_turn();  // what happens only once
  }
  Contender(Contender&& other) noexcept
      : name_(std::move(other.name_)),
        child_(std::exchange(other.child_, -1)),
        ask_(other.ask_),
        answer_(other.answer_) {}
  Contender& operator=(Contender&&) = delete;
  ~Contender() {
    if (child_ < 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    close(ask_);
    close(answer_);
  }

  const std::string& name() const { return name_; }

  /// Seconds of the fastest of at least five runs, and as many as fit into ten milliseconds. Throws weir::Error where
  /// the process has failed; it has said why.
  double take_turn() {
    kill(child_, SIGCONT);
    double seconds = 0;
    const char go = 1;
    if (write(ask_, &go, 1) != 1 || read(answer_, &seconds, sizeof seconds) != sizeof seconds)
      throw weir::Error(name_ + ": its process has failed");
    kill(child_, SIGSTOP);
    return seconds;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

  /// Never returns.
  static void serve(const std::function<std::function<void()>()>& prepare, int ask, int answer) {
    try {
      const std::function<void()> run = prepare();
      char go = 0;
      while (read(ask, &go, 1) == 1) {
        const auto begin = Clock::now();
        double best = 1e30;
        for (int i = 0; i < 5 || seconds_since(begin) < 0.01; ++i) {
          const auto start = Clock::now();
          run();
          best = std::min(best, seconds_since(start));
        }
        if (write(answer, &best, sizeof best) != sizeof best) break;
      }
    } catch (const std::exception& e) {
      std::fprintf(stderr, "error: %s\n", weir::detail::printable(e.what()).c_str());
    }
    _exit(1);
  }

  std::string name_;
  pid_t child_ = -1;
  int ask_ = -1, answer_ = -1;
};

}  // namespace program
