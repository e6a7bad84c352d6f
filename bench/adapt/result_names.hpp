/// Which files in a folder of results or traces are a run's own, to be replaced by the next run.
#pragma once
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace adapt {

/// "selection", "early_exit", "early_exit_NETWORK" and "search".
inline bool is_mode(std::string_view name) {
  return name == "selection" || name == "search" || name == "early_exit" || name.starts_with("early_exit_");
}

/// Whether a file of that name among the results is a network that a run made (copies.hpp).
inline bool is_member(std::string_view name) {
  constexpr std::string_view begin = "member_", end = "_int8.onnx";
  return name.starts_with(begin) && name.ends_with(end) && name.size() > begin.size() + end.size();
}

/// Whether a file of that name in a folder of traces is one that this program writes.
inline bool is_trace(const std::string& name) {
  if (name == "traces.json") return true;
  for (const std::string_view part : {"_policy", "_calibration", "_test"})
    for (const std::string_view kind : {".csv", ".probabilities.npy"}) {
      const std::string end = std::string(part) + std::string(kind);
      if (name.ends_with(end) && is_mode(std::string_view(name).substr(0, name.size() - end.size()))) return true;
    }
  return false;
}

/// The same in a folder of results, which may hold traces too.
inline bool is_result(const std::string& name) {
  for (const auto& [begin, end] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"policy_", ".json"}, {"decisions_", ".csv"}})
    if (name.starts_with(begin) && name.ends_with(end) && name.size() > begin.size() + end.size() &&
        is_mode(std::string_view(name).substr(begin.size(), name.size() - begin.size() - end.size())))
      return true;
  if (is_member(name)) return true;
  for (const std::string_view own :
       {"report.html", "summary.json", "curve.csv", "tradeoff.svg", "policy.json", "decisions.csv", "classes.txt"})
    if (name == own) return true;
  return is_trace(name);
}

inline bool same_folder(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code error;
  return std::filesystem::weakly_canonical(a, error) == std::filesystem::weakly_canonical(b, error);
}

}  // namespace adapt
