/// The machine and the compiler of a run, in words.
#pragma once
#include <sys/utsname.h>

#include <fstream>
#include <string>
#include <thread>

namespace adapt {

/// "Intel(R) ..., 2 threads visible", as /proc/cpuinfo has it.
inline std::string machine() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  std::string line, name = "unknown CPU";
  while (std::getline(cpuinfo, line))
    if (line.rfind("model name", 0) == 0 && line.find(':') != std::string::npos) {
      name = line.substr(line.find(':') + 2);
      break;
    }
  utsname u{};
  uname(&u);
  return name + ", " + std::to_string(std::thread::hardware_concurrency()) + " logical CPUs, " + u.sysname + " " +
         u.machine;
}

inline std::string compiler() {
#if defined(__clang__)
  return "clang " + std::string(__clang_version__);
#else
  return "g++ " + std::string(__VERSION__);
#endif
}

}  // namespace adapt
