/// One table of all budgets, as bench/policy/RESULTS.md has it.
#pragma once
#include <cstddef>
#include <string>
#include <vector>
#include <weir/io/report/markup.hpp>
#include <weir/policy/evaluate/statistics.hpp>

namespace compare {

inline std::string fixed(double v, int digits = 2) { return weir::detail::format_fixed(v, digits); }
inline std::string range(const weir::Interval& i) { return fixed(i.low) + " to " + fixed(i.high); }

inline std::string markdown_line(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) line += " " + cell + " |";
  return line + "\n";
}

/// A table whose first column is text and whose others are numbers.
inline std::string markdown_table(const std::vector<std::string>& header,
                                  const std::vector<std::vector<std::string>>& rows) {
  std::string text = markdown_line(header) + "|---|";
  for (std::size_t c = 1; c < header.size(); ++c) text += "--:|";
  text += "\n";
  for (const auto& row : rows) text += markdown_line(row);
  return text + "\n";
}

/// A contestant's name where people read it.
inline std::string shown_name(const std::string& name) {
  return name == "logistic" ? "the paper's reduction (logistic)" : name;
}

/// What one contestant comes to at one budget.
struct JoinedCell {
  double speedup = 0, excess = 0;  ///< excess loss: a share, not per cent
  std::size_t above = 0;           ///< divisions whose excess loss is above the budget
  weir::Interval difference;       ///< speed-up of the learned policy - this one's
};

/// A row for each contestant, with the cells of the budgets in their order.
struct JoinedRow {
  std::string name, kind;  ///< Contestant's
  std::vector<JoinedCell> cells;
};

/// The learned policy is not compared with itself, nor with the oracle, which is above no budget.
inline std::string joined_table(const std::vector<double>& budgets, const std::vector<JoinedRow>& rows) {
  std::vector<std::string> header{"who"};
  for (const double b : budgets)
    header.insert(header.end(),
                  {weir::detail::format_short(100 * b) + " %: speed-up", "excess, %", "above", "learned less this"});
  std::vector<std::vector<std::string>> lines;
  for (const JoinedRow& row : rows) {
    const bool learned = row.kind == "learned", oracle = row.kind == "oracle";
    lines.push_back({learned ? "**learned, the default**" : shown_name(row.name)});
    for (const JoinedCell& c : row.cells)
      lines.back().insert(lines.back().end(),
                          {fixed(c.speedup), fixed(100 * c.excess), oracle ? "" : std::to_string(c.above),
                           learned || oracle ? "" : range(c.difference)});
  }
  return markdown_table(header, lines);
}

}  // namespace compare
