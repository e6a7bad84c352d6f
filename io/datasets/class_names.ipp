// What class_names.hpp declares.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/io/files/file.hpp>

namespace weir::detail {

WEIR_INLINE ClassNames read_class_names(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, std::uint64_t{16} << 20);
  std::string_view text(bytes.data(), bytes.size());
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    names.emplace_back(line);
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  if (names.empty())
    throw FormatError(detail::message({path.string(), ": no class names; write one a line, class 0 first"}));
  return {std::move(names), path.string()};
}

WEIR_INLINE ClassNames class_names_of_models(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, std::uint64_t{16} << 20);
  const auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) throw FormatError(detail::message({path.string(), ": not a JSON object"}));
  std::optional<std::vector<std::string>> found;
  const auto take = [&](const nlohmann::json& object) {
    if (!object.is_object() || !object.contains("classes") || !object.at("classes").is_array()) return;
    std::vector<std::string> names;
    for (const auto& name : object.at("classes")) {
      if (!name.is_string()) throw FormatError(detail::message({path.string(), ": 'classes' must be a list of names"}));
      names.push_back(name.get<std::string>());
    }
    if (found && *found != names)
      throw FormatError(
          detail::message({path.string(), ": two lists 'classes' differ; all networks answer the same classes"}));
    found = std::move(names);
  };
  take(json);
  if (json.contains("models") && json.at("models").is_array())
    for (const auto& entry : json.at("models")) take(entry);
  return found ? ClassNames(std::move(*found), path.string()) : ClassNames();
}

WEIR_INLINE ClassNames class_names_of(const std::filesystem::path& path) {
  if (path.extension() != ".json") return read_class_names(path);
  ClassNames names = class_names_of_models(path);
  if (names.empty()) throw FormatError(detail::message({path.string(), ": no list \"classes\" of names"}));
  return names;
}

WEIR_INLINE ClassNames::ClassNames(std::vector<std::string> names, std::string source)
    : names_(std::move(names)), source_(std::move(source)) {
  for (std::size_t c = 0; c < names_.size(); ++c) {
    if (names_[c].empty()) throw FormatError(detail::message({source_, ": class ", c, " has no name"}));
    const auto [there, is_new] = class_of_.emplace(names_[c], static_cast<int>(c));
    if (!is_new)
      throw FormatError(
          detail::message({source_, ": '", names_[c], "' is the name of the classes ", there->second, " and ", c}));
  }
}

WEIR_INLINE std::optional<int> ClassNames::find(const std::string& name) const {
  const auto it = class_of_.find(name);
  return it == class_of_.end() ? std::nullopt : std::optional(it->second);
}

WEIR_INLINE std::string ClassNames::nearest_hint(std::string_view name) const {
  return detail::nearest_hint(name, std::vector<std::string_view>(names_.begin(), names_.end()));
}

}  // namespace weir::detail
