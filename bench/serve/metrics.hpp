/// What a server counts, as text for Prometheus (text format 0.0.4).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

namespace serve {

class Metrics {
 public:
  void request(int status) {
    const std::lock_guard lock(mutex_);
    ++requests_[status];
  }
  void answer(const std::string& exit, double seconds) {
    const std::lock_guard lock(mutex_);
    Times& t = exits_[exit];
    ++t.count;
    t.sum += seconds;
    for (std::size_t b = 0; b < bounds.size(); ++b) t.below[b] += seconds <= bounds[b] ? 1 : 0;
  }
  void reload(bool worked) {
    const std::lock_guard lock(mutex_);
    ++(worked ? reloads_ : failed_reloads_);
  }

  std::string text(std::size_t waiting, bool ready) const {
    const std::lock_guard lock(mutex_);
    std::string out;
    const auto head = [&](const char* name, const char* type, const char* help) {
      out += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
    };
    head("weir_requests_total", "counter", "Requests for answers, by HTTP status.");
    for (const auto& [status, n] : requests_)
      out += "weir_requests_total{status=\"" + std::to_string(status) + "\"} " + std::to_string(n) + "\n";
    head("weir_answer_seconds", "histogram", "From taking an image to its answer, by the stage that answered.");
    for (const auto& [exit, t] : exits_) {
      const std::string label = "exit=\"" + escaped(exit) + "\"";
      for (std::size_t b = 0; b < bounds.size(); ++b)
        out += "weir_answer_seconds_bucket{" + label + ",le=\"" + number(bounds[b]) + "\"} " +
               std::to_string(t.below[b]) + "\n";
      out += "weir_answer_seconds_bucket{" + label + ",le=\"+Inf\"} " + std::to_string(t.count) + "\n";
      out += "weir_answer_seconds_sum{" + label + "} " + number(t.sum) + "\n";
      out += "weir_answer_seconds_count{" + label + "} " + std::to_string(t.count) + "\n";
    }
    head("weir_images_waiting", "gauge", "Images under way.");
    out += "weir_images_waiting " + std::to_string(waiting) + "\n";
    head("weir_ready", "gauge", "1 where the networks are loaded.");
    out += std::string("weir_ready ") + (ready ? "1" : "0") + "\n";
    head("weir_reloads_total", "counter", "Policies that took the place of another.");
    out += "weir_reloads_total " + std::to_string(reloads_) + "\n";
    head("weir_failed_reloads_total", "counter", "Policies that could not be loaded; the one before stayed.");
    out += "weir_failed_reloads_total " + std::to_string(failed_reloads_) + "\n";
    return out;
  }

 private:
  static constexpr std::array bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5};
  struct Times {
    std::uint64_t count = 0;
    double sum = 0;
    std::array<std::uint64_t, bounds.size()> below{};
  };

  static std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", value);
    return text;
  }
  static std::string escaped(const std::string& label) {
    std::string out;
    for (const char c : label) {
      if (c == '"' || c == '\\') out += '\\';
      out += c == '\n' ? ' ' : c;
    }
    return out;
  }

  mutable std::mutex mutex_;
  std::map<int, std::uint64_t> requests_;
  std::map<std::string, Times> exits_;
  std::uint64_t reloads_ = 0, failed_reloads_ = 0;
};

}  // namespace serve
