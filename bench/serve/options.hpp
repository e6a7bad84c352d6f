/// The options of serve.
#pragma once
#include <cstddef>
#include <string>

namespace serve {

struct Options {
  std::string policy, networks, classes, isa, host = "127.0.0.1", token_file;
  bool allow_outside = false;
  int port = 8080, workers = 1, threads = 1;
  std::size_t batch = 16, queue = 256, max_bytes = std::size_t{16} << 20, connections = 64;
  double max_wait_ms = 2, time_limit_s = 10;
  double audit = 0, audit_budget = 0, audit_confidence = 0.95;
  std::string audit_state;
  bool audit_safer = false;
};

}  // namespace serve
