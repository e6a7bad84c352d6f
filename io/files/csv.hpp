/// Comma-separated values as RFC 4180 has them; semicolons and tabs are read too.
#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

/// A header and rows, each as long as the header; every field as text, without its quotes.
struct CsvTable {
  std::string source;  ///< file name, for messages
  std::vector<std::string> header;
  std::size_t header_line = 1;  ///< line (from 1) on which it begins
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> lines;  ///< line (from 1) of the file on which rows[i] begins

  /// Index of a column. Throws FormatError naming the file if there is none of that name.
  std::size_t column(std::string_view name) const;
  bool has_column(std::string_view name) const { return std::find(header.begin(), header.end(), name) != header.end(); }

  /// "file:line", for messages about rows[i].
  std::string where(std::size_t i) const { return source + ":" + std::to_string(lines[i]); }
};

/// What separates the fields: of the header line, outside quotes, commas if it has any, else semicolons or else tabs.
char csv_separator(std::string_view text);
/// Whether a spreadsheet would take the field for a formula: it begins with = + - @ tab or CR and is no number.
/// Apostrophes in front count as none, so that guarding and taking the guard off again is exact for every field.
bool looks_like_formula(std::string_view field);

/// Reads text with a header line. Fields are separated by commas, or, where the header has none, by semicolons or tabs.
/// They may be quoted with ", then they may hold separators, line breaks and doubled quotes; lines end in LF or CRLF; a
/// byte order mark and empty lines are skipped. The apostrophe that csv_line puts in front of a formula goes. Throws
/// FormatError naming source:line on a quote that is not closed or stands inside a field, on a row longer or shorter
/// than the header, and on text in UTF-16 or with lines that end in CR only.
CsvTable parse_csv(std::string_view text, std::string source);

/// As parse_csv, from a file of at most 1 GiB. Throws IoError too.
CsvTable read_csv(const std::filesystem::path& path);

/// One line of CSV text with its line feed; fields are quoted where they need it (RFC 4180), and also where they hold
/// another separator that parse_csv knows. What a spreadsheet would take for a formula (a name such as =1+1) gets an
/// apostrophe in front. parse_csv reads it back.
std::string csv_line(const std::vector<std::string>& fields);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/io/files/csv.ipp>
#endif
