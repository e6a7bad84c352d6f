/// adapt --compare: another run's summary.json beside this one's.
#pragma once
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/report/report.hpp>

#include "html.hpp"

namespace adapt {

/// Reads what another run left. Throws FormatError where it is no summary.json of adapt, IoError.
inline nlohmann::json read_summary(const std::filesystem::path& path) {
  const weir::detail::Bytes bytes = weir::detail::read_file(path, std::uint64_t{64} << 20);
  auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  const auto is_mode = [](const nlohmann::json& a) {
    return a.is_object() && a.contains("mode") && a["mode"].is_string();
  };
  if (!json.is_object() || !json.contains("adaptive") || !json["adaptive"].is_array() || !json.contains("full") ||
      !json["full"].is_object() || !std::ranges::all_of(json["adaptive"], is_mode))
    throw weir::FormatError(path.string() + ": is no summary.json that adapt wrote (no 'full' and 'adaptive')");
  return json;
}

/// A line of the comparison: what, this run, the other run.
struct Compared {
  std::string what, here, there;
  bool is_heading = false;
};

namespace detail {

inline const nlohmann::json* field(const nlohmann::json& object, const char* name) {
  return object.is_object() && object.contains(name) ? &object[name] : nullptr;
}
template <typename Format>
std::string number_of(const nlohmann::json& object, const char* name, const Format& format) {
  const nlohmann::json* value = field(object, name);
  return value && value->is_number() ? format(value->get<double>()) : "-";
}
inline std::string words_of(const nlohmann::json& object, const char* name) {
  const nlohmann::json* value = field(object, name);
  if (!value || value->is_null()) return "-";
  const std::string text = value->is_string() ? value->get<std::string>()
                                              : value->dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return text.size() <= 200 ? text : text.substr(0, 200) + "...";
}

}  // namespace detail

/// All that two summaries can be compared by: data and machine, the full network, and each mode that either has.
inline std::vector<Compared> compare(const nlohmann::json& here, const nlohmann::json& there) {
  std::vector<Compared> lines;
  const auto percent = [](double x) { return percent_text(x); };
  const auto add = [&](const char* what, std::string a, std::string b) {
    if (a != "-" || b != "-") lines.push_back({what, std::move(a), std::move(b)});
  };
  const auto words = [&](const char* what, const char* name) {
    add(what, detail::words_of(here, name), detail::words_of(there, name));
  };
  words("run", "run");
  words("data", "dataset");
  words("test images", "n_test");
  words("calibration images", "n_calibration");
  lines.push_back({"budget", detail::number_of(here, "budget", percent), detail::number_of(there, "budget", percent)});
  words("machine", "machine");
  words("threads", "threads");
  words("instruction set", "isa");
  const nlohmann::json none = nlohmann::json::object();
  const auto figures = [&](const nlohmann::json& a, const nlohmann::json& b, bool is_full) {
    const auto line = [&](const char* what, const char* name, const auto& text) {
      add(what, detail::number_of(a, name, text), detail::number_of(b, name, text));
    };
    if (!is_full) line("speed-up", "speedup", times_text);
    line("mean time", "mean_s", time_text);
    line("p50", "p50_s", time_text);
    line("p99", "p99_s", time_text);
    line("right", "accuracy", percent);
    if (is_full) return;
    line("new mistakes", "excess_loss", percent);
    line("accuracy lost", "net_loss", percent);
  };
  const auto names = [&](const nlohmann::json& a, const char* name) { return detail::words_of(a, name); };
  lines.push_back({"full network", names(here["full"], "name"), names(there["full"], "name"), true});
  figures(here["full"], there["full"], true);
  std::vector<std::string> modes;
  for (const nlohmann::json* s : {&here, &there})
    for (const nlohmann::json& a : (*s)["adaptive"])
      if (const auto mode = a["mode"].get<std::string>(); std::ranges::find(modes, mode) == modes.end())
        modes.push_back(mode);
  const auto of = [&](const nlohmann::json& s, const std::string& mode) -> const nlohmann::json& {
    for (const nlohmann::json& a : s["adaptive"])
      if (a["mode"] == mode) return a;
    return none;
  };
  for (const std::string& mode : modes) {
    const nlohmann::json &a = of(here, mode), &b = of(there, mode);
    lines.push_back({mode, names(a, "learner"), names(b, "learner"), true});
    figures(a, b, false);
  }
  return lines;
}

/// On the terminal.
inline weir::detail::ReportTable compared_table(const std::vector<Compared>& lines) {
  weir::detail::ReportTable t;
  t.header = {"", "this run", "other run"};
  const auto plain = [](std::string text) {  // "us" and "x", which every terminal has
    for (const auto& [from, to] : {std::pair{"\u00b5", "u"}, std::pair{"\u00d7", "x"}})
      for (std::size_t at = 0; (at = text.find(from)) != std::string::npos;)
        text.replace(at, std::string_view(from).size(), to);
    return text;
  };
  for (const Compared& l : lines) t.rows.push_back({l.what, plain(l.here), plain(l.there)});
  return t;
}

/// In the page.
inline std::string compare_html(const std::vector<Compared>& lines) {
  Table t;
  t.caption = "This run beside another";
  t.header = {"Figure", "This run", "Other run"};
  t.classes = {"-", "long", "long"};
  for (const Compared& l : lines) {
    t.rows.push_back({l.what, l.here, l.there});
    t.strong.push_back(l.is_heading);
  }
  return element("h2", "Beside another run") + t.html();
}

}  // namespace adapt
