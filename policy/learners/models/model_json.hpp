/// Checked reading of numbers from a stored model. A policy file may be damaged or hostile. Every from_json refuses
/// keys that it does not know: one that is misspelt would otherwise count for nothing without a word.
#pragma once
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>

namespace weir::model_json {

/// json[key], or FormatError.
inline const nlohmann::json& field(const nlohmann::json& json, const char* key) {
  if (!json.is_object() || !json.contains(key)) throw FormatError(detail::message({"model: '", key, "' is missing"}));
  return json.at(key);
}

/// A finite number, or FormatError naming `key`.
inline double to_number(const nlohmann::json& value, const char* key) {
  if (!value.is_number()) throw FormatError(detail::message({"model: '", key, "' must be a number"}));
  const double number = value.get<double>();
  if (!std::isfinite(number)) throw FormatError(detail::message({"model: '", key, "' must be finite"}));
  return number;
}

inline double number(const nlohmann::json& json, const char* key) { return to_number(field(json, key), key); }

inline std::vector<double> numbers(const nlohmann::json& json, const char* key) {
  const auto& array = field(json, key);
  if (!array.is_array()) throw FormatError(detail::message({"model: '", key, "' must be an array"}));
  std::vector<double> values;
  values.reserve(array.size());
  for (const auto& value : array) values.push_back(to_number(value, key));
  return values;
}

/// The same as floats, or FormatError that begins with `what`.
inline std::vector<float> floats(const nlohmann::json& json, const char* key, const std::string& what) {
  const auto values = numbers(json, key);
  for (const double v : values)
    if (std::abs(v) > 3e38) throw FormatError(detail::message({what, ": '", key, "' is too large for a float"}));
  return {values.begin(), values.end()};
}

/// An integer in [0, limit), or FormatError.
inline std::size_t to_index(const nlohmann::json& value, const char* key, std::size_t limit) {
  if (!value.is_number_integer() || value < 0 || value.get<std::size_t>() >= limit)
    throw FormatError(detail::message({"model: '", key, "' must be an integer in [0, ", limit, ")"}));
  return value.get<std::size_t>();
}

inline std::size_t index(const nlohmann::json& json, const char* key, std::size_t limit) {
  return to_index(field(json, key), key, limit);
}

inline std::vector<std::size_t> indices(const nlohmann::json& json, const char* key, std::size_t limit) {
  const auto& array = field(json, key);
  if (!array.is_array()) throw FormatError(detail::message({"model: '", key, "' must be an array"}));
  std::vector<std::size_t> values;
  values.reserve(array.size());
  for (const auto& value : array) values.push_back(to_index(value, key, limit));
  return values;
}

}  // namespace weir::model_json
