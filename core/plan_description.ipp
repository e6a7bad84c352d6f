// What plan_description.hpp declares.
#pragma once
#include <algorithm>
#include <cstdio>
#include <weir/core/plan_description.hpp>

namespace weir::detail {

WEIR_INLINE std::string aligned(const std::vector<std::vector<std::string>>& rows, std::size_t left) {
  std::vector<std::size_t> width(rows.empty() ? 0 : rows[0].size(), 0);
  for (const auto& row : rows)
    for (std::size_t c = 0; c < width.size(); ++c) width[c] = std::max(width[c], row.at(c).size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < width.size(); ++c) {
      const std::string blanks(width[c] - row[c].size(), ' ');
      line += (c > 0 ? "  " : "") + (c < left ? row[c] + blanks : blanks + row[c]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

WEIR_INLINE std::string fixed_point(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

WEIR_INLINE std::vector<std::vector<std::string>> plan_cells(const PlanDescription& plan) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "operators", "algorithm", "output", "at once", "MFLOP", "KiB"}};
  for (const StepDescription& s : plan.steps) {
    std::string ops = s.op;
    for (const std::string& f : s.fused) ops += "+" + f;
    rows.push_back({s.name, ops, s.algorithm.empty() ? "-" : s.algorithm, s.output.to_string(),
                    s.rows > 0 ? std::to_string(s.rows) + (s.rows == 1 ? " row" : " rows") : std::to_string(s.examples),
                    fixed_point(s.flops * 1e-6, 3), fixed_point(s.bytes / 1024, 1)});
  }
  return rows;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE std::string to_text(const PlanDescription& plan, const std::vector<std::vector<std::string>>& cells) {
  return std::string(to_string(plan.isa)) + ", " + std::to_string(plan.threads) +
         (plan.threads == 1 ? " thread" : " threads") + ", batch " + std::to_string(plan.batch) + ", " +
         detail::fixed_point(plan.flops() * 1e-6, 3) + " MFLOP\n" + detail::aligned(cells, detail::plan_text_columns);
}
WEIR_INLINE std::string to_text(const PlanDescription& plan) { return to_text(plan, detail::plan_cells(plan)); }

}  // namespace weir
