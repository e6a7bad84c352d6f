// What csv.hpp declares.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/file.hpp>

namespace weir::detail {

WEIR_INLINE char csv_separator(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of("\r\n"), text.size());
  bool quoted = false, semicolon = false, tab = false;
  for (const char c : text.substr(begin)) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    if (c == ',') return ',';
    semicolon = semicolon || c == ';';
    tab = tab || c == '\t';
  }
  return semicolon ? ';' : tab ? '\t' : ',';
}

WEIR_INLINE bool looks_like_formula(std::string_view field) {
  field.remove_prefix(std::min(field.find_first_not_of('\''), field.size()));
  if (field.empty() || std::string_view("=+-@\t\r").find(field[0]) == std::string_view::npos) return false;
  double number = 0;
  const std::string_view digits = field.substr(field[0] == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc::invalid_argument || end != digits.data() + digits.size();
}

WEIR_INLINE CsvTable parse_csv(std::string_view text, std::string source) {
  CsvTable table;
  table.source = std::move(source);
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    throw FormatError(detail::message({table.source, ":1: the text is UTF-16; save it as UTF-8"}));
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const std::size_t cr = text.find('\r');
  if (text.find('\n') == std::string_view::npos && cr != std::string_view::npos && cr + 1 < text.size())
    throw FormatError(detail::message({table.source, ":1: lines end in CR only; save it with LF or CRLF"}));
  const char separator = csv_separator(text);
  std::size_t line = 1;
  std::size_t i = 0;
  const auto fail = [&](std::size_t at, const std::string& what) {
    throw FormatError(detail::message({table.source, ":", at, ": ", what}));
  };
  const auto at_line_end = [&] {
    return i == text.size() || text[i] == '\n' || (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
  };
  const auto read_field = [&] {
    std::string field;
    if (i == text.size() || text[i] != '"') {
      for (; !at_line_end() && text[i] != separator; ++i) {
        if (text[i] == '"') fail(line, "a quote inside a field that is not quoted");
        field += text[i];
      }
      if (field.starts_with('\'') && looks_like_formula(field)) field.erase(0, 1);
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
    if (!at_line_end() && text[i] != separator) fail(line, "text after a closing quote");
    if (field.starts_with('\'') && looks_like_formula(field)) field.erase(0, 1);
    return field;
  };
  while (i < text.size()) {
    const std::size_t first_line = line;
    const bool empty = at_line_end();
    std::vector<std::string> row;
    if (!empty) {
      row.push_back(read_field());
      while (!at_line_end()) {
        ++i;  // the separator
        row.push_back(read_field());
        if (!table.header.empty() && row.size() > table.header.size())
          fail(first_line, detail::message({"more fields than the header's ", table.header.size()}));
      }
    }
    if (i < text.size()) i += text[i] == '\r' ? 2 : 1;
    ++line;
    if (empty) continue;
    if (table.header.empty()) {
      table.header = std::move(row);
      table.header_line = first_line;
      continue;
    }
    if (row.size() < table.header.size())
      fail(first_line, detail::message({row.size(), " fields, the header has ", table.header.size()}));
    table.rows.push_back(std::move(row));
    table.lines.push_back(first_line);
  }
  if (table.header.empty()) fail(1, "no header line");
  return table;
}

WEIR_INLINE CsvTable read_csv(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, std::uint64_t{1} << 30);
  return parse_csv({bytes.data(), bytes.size()}, path.string());
}

WEIR_INLINE std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    const std::string field = (looks_like_formula(fields[i]) ? "'" : "") + fields[i];
    if (field.find_first_of(",;\t\"\r\n") == std::string::npos) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) line += c == '"' ? std::string(2, c) : std::string(1, c);
    line += '"';
  }
  return line + '\n';
}

WEIR_INLINE std::size_t CsvTable::column(std::string_view name) const {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) {
    std::string there;
    for (const std::string& h : header) there += (there.empty() ? "" : ", ") + h.substr(0, 40);
    throw FormatError(detail::message(
        {source, ":", header_line, ": no column '", name, "' in the header line (", there.substr(0, 200), ")"}));
  }
  return static_cast<std::size_t>(found - header.begin());
}

}  // namespace weir::detail
