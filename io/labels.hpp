/// Class labels from a CSV, .npy or IDX file.
#pragma once
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/csv.hpp>
#include <weir/io/idx.hpp>
#include <weir/io/npy.hpp>

namespace weir {

namespace detail {

/// A label, 0 or above. Throws FormatError that names where it stood.
inline int checked_label(std::int64_t value, const std::string& where) {
  if (value < 0 || value > std::numeric_limits<int>::max())
    throw FormatError(where + ": " + std::to_string(value) + " is not a label");
  return static_cast<int>(value);
}

inline int parse_label(std::string_view text, const std::string& where) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw FormatError(where + ": '" + std::string(text.substr(0, 40)) + "' is not a label");
  return checked_label(value, where);
}

/// The label column of a CSV, or its only column; a file without header line begins with the first label.
inline std::vector<int> labels_of_csv(const CsvTable& table) {
  std::vector<int> labels;
  std::size_t column = 0;
  if (table.has_column("label") || table.header.size() > 1)
    column = table.column("label");
  else
    labels.push_back(parse_label(table.header[0], table.source + ":1"));
  labels.reserve(labels.size() + table.rows.size());
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    labels.push_back(parse_label(table.rows[i][column], table.where(i)));
  return labels;
}

inline std::vector<int> labels_of_npy(const NpyArray& array, const std::string& source) {
  if (array.shape.rank() != 1)
    throw FormatError(source + ": labels have the shape [N], not " + array.shape.to_string());
  std::vector<std::int64_t> values;
  try {
    values = array.to_ints();
  } catch (const FormatError& e) {
    throw FormatError(source + ": " + e.what());
  }
  std::vector<int> labels;
  labels.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    labels.push_back(checked_label(values[i], source + ", label " + std::to_string(i)));
  return labels;
}

}  // namespace detail

/// The labels of images 0, 1, ... from a .npy file (integers [N]), a .csv or .txt file (a column `label`, or one label
/// per line) or else an IDX file ([N], gzipped or not). Labels are 0 to 2^31 - 1. Throws FormatError naming the file
/// and line, IoError.
inline std::vector<int> read_labels(const std::filesystem::path& path) {
  const std::string kind = path.extension().string();
  if (kind == ".npy") return detail::labels_of_npy(read_npy(path), path.string());
  if (kind == ".csv" || kind == ".txt") return detail::labels_of_csv(read_csv(path));
  const IdxArray array = read_idx(path);
  if (array.shape.rank() != 1)
    throw FormatError(path.string() + ": labels have the shape [N], not " + array.shape.to_string());
  std::vector<int> labels;
  labels.reserve(array.bytes.size());
  for (const char c : array.bytes) labels.push_back(static_cast<unsigned char>(c));
  return labels;
}

}  // namespace weir
