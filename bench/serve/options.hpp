/// The options of serve.
#pragma once
#include <cstddef>
#include <string>

#include "../cascade_options.hpp"

namespace serve {

struct Options : program::CascadeArguments {
  std::string host = "127.0.0.1", token_file;
  int port = 8080;
  std::size_t queue = 256, max_bytes = std::size_t{16} << 20, connections = 64;
  double time_limit_s = 10;
  double audit = 0, audit_budget = 0, audit_confidence = 0.95;
  std::string audit_state;
  bool audit_safer = false;

  Options() : CascadeArguments(2) {}
};

}  // namespace serve
