/// Comma-separated values as RFC 4180 has them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/file.hpp>

namespace weir {

/// A header and rows, each as long as the header; every field as text, without its quotes.
struct CsvTable {
  std::string source;  ///< file name, for messages
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> lines;  ///< line (from 1) of the file on which rows[i] begins

  /// Index of a column. Throws FormatError naming the file if there is none of that name.
  std::size_t column(std::string_view name) const {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) throw FormatError(source + ":1: no column '" + std::string(name) + "'");
    return static_cast<std::size_t>(found - header.begin());
  }
  bool has_column(std::string_view name) const { return std::find(header.begin(), header.end(), name) != header.end(); }

  /// "file:line", for messages about rows[i].
  std::string where(std::size_t i) const { return source + ":" + std::to_string(lines[i]); }
};

/// Reads text with a header line. Fields may be quoted with ", then they may hold commas, line breaks and doubled
/// quotes; lines end in LF or CRLF; a byte order mark and empty lines are skipped. Throws FormatError naming
/// source:line on a quote that is not closed or stands inside a field, and on a row longer or shorter than the header.
inline CsvTable parse_csv(std::string_view text, std::string source) {
  CsvTable table;
  table.source = std::move(source);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::size_t line = 1;
  std::size_t i = 0;
  const auto fail = [&](std::size_t at, const std::string& what) {
    throw FormatError(table.source + ":" + std::to_string(at) + ": " + what);
  };
  const auto at_line_end = [&] {
    return i == text.size() || text[i] == '\n' || (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
  };
  const auto read_field = [&] {
    std::string field;
    if (i == text.size() || text[i] != '"') {
      for (; !at_line_end() && text[i] != ','; ++i) {
        if (text[i] == '"') fail(line, "a quote inside a field that is not quoted");
        field += text[i];
      }
      return field;
    }
    const std::size_t first_line = line;
    for (++i;; ++i) {
      if (i == text.size()) fail(first_line, "a quote is not closed");
      if (text[i] == '"' && (i + 1 == text.size() || text[i + 1] != '"')) break;
      if (text[i] == '"') ++i;
      if (text[i] == '\n') ++line;
      field += text[i];
    }
    ++i;
    if (!at_line_end() && text[i] != ',') fail(line, "text after a closing quote");
    return field;
  };
  while (i < text.size()) {
    const std::size_t first_line = line;
    const bool empty = at_line_end();
    std::vector<std::string> row;
    if (!empty) {
      row.push_back(read_field());
      while (!at_line_end()) {
        ++i;  // the comma
        row.push_back(read_field());
        if (!table.header.empty() && row.size() > table.header.size())
          fail(first_line, "more fields than the header's " + std::to_string(table.header.size()));
      }
    }
    if (i < text.size()) i += text[i] == '\r' ? 2 : 1;
    ++line;
    if (empty) continue;
    if (table.header.empty()) {
      table.header = std::move(row);
      continue;
    }
    if (row.size() < table.header.size())
      fail(first_line, std::to_string(row.size()) + " fields, the header has " + std::to_string(table.header.size()));
    table.rows.push_back(std::move(row));
    table.lines.push_back(first_line);
  }
  if (table.header.empty()) fail(1, "no header line");
  return table;
}

/// As parse_csv, from a file of at most 1 GiB. Throws IoError too.
inline CsvTable read_csv(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, std::uint64_t{1} << 30);
  return parse_csv({bytes.data(), bytes.size()}, path.string());
}

/// One line of CSV text with its line feed; fields are quoted where they need it (RFC 4180). parse_csv reads it back.
inline std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    const std::string& field = fields[i];
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) line += c == '"' ? std::string(2, c) : std::string(1, c);
    line += '"';
  }
  return line + '\n';
}

}  // namespace weir
