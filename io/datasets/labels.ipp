// What labels.hpp declares.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/io/datasets/idx.hpp>
#include <weir/io/datasets/labels.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/npy.hpp>

namespace weir::detail {

WEIR_INLINE int checked_label(std::int64_t value, const std::string& where) {
  if (value < 0 || value > std::numeric_limits<int>::max())
    throw FormatError(detail::message(
        {where, ": ", value, " is not a label; labels are numbers from 0, in the order of the network's answers"}));
  return static_cast<int>(value);
}

WEIR_INLINE int parse_label(std::string_view text, const std::string& where, const ClassNames& names) {
  if (const auto known = names.find(std::string(text))) return *known;
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return checked_label(value, where);
  const std::string what = where + ": '" + std::string(text.substr(0, 40)) + "' is not a label";
  if (!names.empty())
    throw FormatError(detail::message({what, ": neither a number nor one of the ", names.size(), " classes of ",
                                       names.source(), names.nearest_hint(text)}));
  throw FormatError(
      detail::message({what,
                       "; labels are numbers from 0, in the order of the network's answers. For names give a list of "
                       "classes: --classes FILE, one name a line, or \"classes\": [\"...\"] in models.json"}));
}

WEIR_INLINE std::string header_hint(const CsvTable& table, const std::string& header) {
  std::string first;
  for (const std::string& field : table.header) first += (first.empty() ? "" : ",") + field.substr(0, 40);
  return "; the first line must be the header " + header + ", it is " + first.substr(0, 120);
}

WEIR_INLINE Labels labels_of_csv(const CsvTable& table, const ClassNames& names) {
  Labels labels{{}, table.source, {}};
  std::size_t column = 0;
  if (table.has_column("label")) {
    column = table.column("label");
  } else if (table.header.size() > 1) {
    throw FormatError(detail::message({table.source, ":", table.header_line, ": no column 'label'",
                                       header_hint(table, "label, or one with a column label")}));
  } else {
    const std::string where = table.source + ":" + std::to_string(table.header_line);
    labels.values.push_back(parse_label(table.header[0], where, names));
    labels.lines.push_back(table.header_line);
  }
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    labels.values.push_back(parse_label(table.rows[i][column], table.where(i), names));
    labels.lines.push_back(table.lines[i]);
  }
  return labels;
}

WEIR_INLINE Labels labels_of_npy(const NpyArray& array, const std::string& source) {
  if (array.shape.rank() != 1)
    throw FormatError(detail::message({source, ": labels have the shape [N], not ", array.shape.to_string()}));
  std::vector<std::int64_t> values;
  try {
    values = array.to_ints();
  } catch (const FormatError& e) {
    throw FormatError(detail::message({source, ": ", e.what()}));
  }
  Labels labels{{}, source, {}};
  labels.values.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    labels.values.push_back(checked_label(values[i], source + ", label " + std::to_string(i)));
  return labels;
}

WEIR_INLINE Labels read_labels(const std::filesystem::path& path, const ClassNames& names) {
  const std::string kind = path.extension().string();
  if (kind == ".npy") return labels_of_npy(read_npy(path), path.string());
  if (kind == ".csv" || kind == ".tsv" || kind == ".txt") return labels_of_csv(read_csv(path), names);
  const IdxArray array = read_idx(path);
  if (array.shape.rank() != 1)
    throw FormatError(detail::message({path.string(), ": labels have the shape [N], not ", array.shape.to_string()}));
  Labels labels{{}, path.string(), {}};
  labels.values.reserve(array.bytes.size());
  for (const char c : array.bytes) labels.values.push_back(static_cast<unsigned char>(c));
  return labels;
}

WEIR_INLINE std::string Labels::where(std::size_t i) const {
  return lines.empty() ? source + ", label " + std::to_string(i) : source + ":" + std::to_string(lines.at(i));
}

}  // namespace weir::detail
