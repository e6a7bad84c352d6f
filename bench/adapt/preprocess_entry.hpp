/// How a network's input is made, as a policy file keeps it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/io/files/file.hpp>

namespace adapt {

/// The entry of a network in a models.json that load_preprocess() accepts, as it stands there; null without a file.
inline nlohmann::json preprocess_entry(const std::string& models_json, const std::string& network_file) {
  if (models_json.empty()) return nullptr;
  const weir::detail::Bytes bytes = weir::detail::read_file(models_json, std::uint64_t{16} << 20);
  const nlohmann::json models = nlohmann::json::parse(bytes.begin(), bytes.end());
  for (const auto& entry : models.at("models"))
    if (entry.value("file", "") == std::filesystem::path(network_file).filename().string()) return entry;
  return nullptr;
}

}  // namespace adapt
