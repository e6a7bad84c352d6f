/// What long work shows on a terminal: what, how far, time left. Quiet in a pipe.
#pragma once
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <weir/io/report/printable.hpp>

namespace program {

/// One line that is drawn over itself; erased when the work ends.
class ProgressLine {
 public:
  explicit ProgressLine(const std::string& what)
      : what_(weir::detail::printable(what)), on_(isatty(STDERR_FILENO) == 1) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() {
    if (drawn_) std::fprintf(stderr, "\r\033[K");
  }

  void operator()(std::size_t done, std::size_t total) {
    const auto now = Clock::now();
    if (!on_ || (done < total && now - last_ < std::chrono::milliseconds(200))) return;
    last_ = now;
    const double spent = std::chrono::duration<double>(now - start_).count();
    const double left = done == 0 ? 0 : spent / static_cast<double>(done) * static_cast<double>(total - done);
    std::fprintf(stderr, "\r\033[K%s: %zu of %zu, %.0f s left", what_.c_str(), done, total, left);
    std::fflush(stderr);
    drawn_ = true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool on_, drawn_ = false;
  Clock::time_point start_ = Clock::now(), last_{};
};

}  // namespace program
