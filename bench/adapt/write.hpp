/// The files of a run.
#pragma once
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>
#include <weir/io/files/file.hpp>

#include "../results_folder.hpp"
#include "policy_out.hpp"
#include "report/decisions.hpp"
#include "report/page.hpp"
#include "summary.hpp"

namespace adapt {

/// "policy.json" for the first mode, "policy_<mode>.json" for every other; decisions likewise.
inline std::string file_of_mode(const Results& r, const TestedMode& m, const std::string& stem,
                                const std::string& end) {
  return stem + (&m == &r.modes.front() ? "" : "_" + m.name) + end;
}

/// The policy files of a run, where they lie when its results are complete.
inline std::vector<std::filesystem::path> policy_files(const Results& r, const program::ResultsFolder& out) {
  std::vector<std::filesystem::path> all;
  for (const TestedMode& m : r.modes) all.push_back(out.folder() / file_of_mode(r, m, "policy", ".json"));
  return all;
}

/// The names of the classes, one a line, which run and serve find beside a policy; "" where there are none, or one that
/// is no line.
inline std::string class_lines(const Data& data) {
  std::string lines;
  for (const std::string& name : data.classes.names()) {
    if (name.find_first_of("\r\n") != std::string::npos) return "";
    lines += name + "\n";
  }
  return lines;
}

/// Writes what a run found out into its folder, where it takes its place with out.commit().
inline void write_results(const Results& r, const nlohmann::json& summary, const std::vector<Compared>& compared,
                          const program::ResultsFolder& out) {
  weir::write_file_atomically(out.path("summary.json"), to_text(summary));
  weir::write_file_atomically(out.path("curve.csv"), curve_csv(r));
  const std::string svg = tradeoff_plot(Page(r), 720, 430, "Accuracy against measured time, " + r.data.name).svg();
  weir::write_file_atomically(out.path("tradeoff.svg"), program::svg_of_run(svg, r.run));
  for (const TestedMode& m : r.modes) {
    const std::string name = file_of_mode(r, m, "policy", ".json");
    weir::write_file_atomically(out.path(file_of_mode(r, m, "decisions", ".csv")), decisions_csv(r, m));
    write_policy(r, m, out.path(name), out.folder() / name);
  }
  weir::write_file_atomically(out.path("report.html"), report_html(r, compared));
  if (const std::string names = class_lines(r.data); !names.empty())
    weir::write_file_atomically(out.path(weir::detail::class_names_file), names);
}

/// Where the files lie, and how to go on from there.
inline std::string written_text(const Results& r, const program::ResultsFolder& out) {
  const auto whole = [](const std::filesystem::path& p) {
    return std::filesystem::absolute(p).lexically_normal().string();
  };
  const std::string& bundle = r.options.bundle;
  std::string text = "written to " + whole(out.folder()) +
                     ": report.html (open it in a browser), summary.json, curve.csv, decisions.csv";
  for (const TestedMode& m : r.modes) text += ", " + file_of_mode(r, m, "policy", ".json");
  for (const MadeCopy& copy : r.models.made_copies)
    if (copy.kept) text += ", " + copy.file;
  if (!bundle.empty())
    return text + "\nto be copied elsewhere: " + whole(bundle) +
           ": the policies, their networks, and main.cpp, which runs them";
  return std::ranges::any_of(r.modes, [&](const TestedMode& m) { return r.names_outside(m); })
             ? text +
                   "\nthe policies name networks outside this folder: `weir run POLICY IMAGES --allow-outside` takes "
                   "them from there, as serve and CascadeOptions do; with --bundle DIR all of it lies in one folder"
             : text;
}

}  // namespace adapt
