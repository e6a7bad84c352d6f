// What cost_table.hpp declares.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/trace/cost_table.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace_columns.hpp>

namespace weir::detail {

WEIR_INLINE CostTable::CostTable(const std::vector<std::string>& header,
                                 const std::vector<std::vector<std::string>>& rows, std::string name)
    : name_(std::move(name)) {
  const TraceCells cells{header, rows, name_};
  const Columns columns = read_header(header);
  if (rows.empty()) throw FormatError(detail::message({name_, ": no stages"}));
  for (const auto& [batch, column] : columns.cost) model_.batches.push_back(batch);
  model_.unit = columns.unit == none ? "cost" : rows[0].at(columns.unit);
  try {
    check_cost_unit(model_.unit);
  } catch (const ArgumentError& error) {
    throw FormatError(detail::message({name_, ", column 'unit': ", error.what()}));
  }
  model_.costs.resize(model_.batches.size());
  double total = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].size() != header.size())
      throw FormatError(
          detail::message({name_, ", row ", i + 1, ": ", rows[i].size(), " cells, the header has ", header.size()}));
    const std::string& stage = rows[i][columns.stage];
    if (stage.empty()) cells.fail(i, columns.stage, "is no name");
    if (!rows_.emplace(stage, i).second) cells.fail(i, columns.stage, "is there twice");
    if (columns.unit != none && rows[i][columns.unit] != model_.unit)
      cells.fail(i, columns.unit, "is another unit than in row 1");
    const auto number = [&](std::size_t column) {
      const double value = cells.number(i, column);
      if (value < 0) cells.fail(i, column, "is negative");
      return value;
    };
    const double answer = columns.answer.contains(1) ? number(columns.answer.at(1)) : 0;
    std::size_t b = 0;
    for (const auto& [batch, column] : columns.cost) {
      const auto own = columns.answer.find(batch);
      const StageCost cost{number(column), own == columns.answer.end() ? answer : number(own->second)};
      if (cost.answer_cost > cost.cost) cells.fail(i, column, "is less than what the answer itself costs");
      model_.costs[b++].push_back(cost);
      total += cost.cost;
    }
  }
  if (!(total > 0)) throw FormatError(detail::message({name_, ": no stage costs anything, so nothing can be saved"}));
}

WEIR_INLINE CostModel CostTable::model(const std::vector<std::string>& stages) const {
  std::vector<std::string> missing;
  for (const std::string& s : stages)
    if (!has(s)) missing.push_back(s);
  if (!missing.empty()) throw FormatError(detail::message({name_, ": no line for ", list(missing)}));
  CostModel model{model_.unit, model_.batches, {}};
  for (const auto& row : model_.costs) {
    auto& costs = model.costs.emplace_back();
    for (const std::string& s : stages) costs.push_back(row[rows_.at(s)]);
  }
  return model;
}

WEIR_INLINE void CostTable::check_known(const std::vector<std::string>& stages) const {
  std::vector<std::string> unknown;
  for (const auto& [stage, row] : rows_)
    if (std::ranges::find(stages, stage) == stages.end()) unknown.push_back(stage);
  if (!unknown.empty())
    throw FormatError(detail::message({name_, ": there is no ", list(unknown), "; the stages are ", list(stages)}));
}

WEIR_INLINE std::string CostTable::list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& n : names) text += (text.empty() ? "'" : ", '") + n + "'";
  return text;
}

WEIR_INLINE CostTable::Columns CostTable::read_header(const std::vector<std::string>& header) const {
  Columns columns;
  for (std::size_t c = 0; c < header.size(); ++c) {
    const auto refuse = [&](const std::string& what) {
      return FormatError(name_ + ": column '" + header[c].substr(0, 40) + "' " + what);
    };
    bool fresh = true;
    if (header[c] == "stage" || header[c] == "unit") {
      std::size_t& at = header[c] == "stage" ? columns.stage : columns.unit;
      fresh = std::exchange(at, c) == none;
    } else {
      const auto [what, batch] = split(header[c]);
      if ((what != "cost" && what != "answer") || batch == 0)
        throw refuse("is none of stage, cost, answer, unit, and cost@B and answer@B for batches of B >= 2");
      fresh = (what == "cost" ? columns.cost : columns.answer).emplace(batch, c).second;
    }
    if (!fresh) throw refuse("is there twice");
  }
  if (columns.stage == none) throw FormatError(detail::message({name_, ": no column 'stage'"}));
  if (!columns.cost.contains(1)) throw FormatError(detail::message({name_, ": no column 'cost'"}));
  for (const auto& [batch, column] : columns.answer)
    if (!columns.cost.contains(batch))
      throw FormatError(detail::message({name_, ": column '", header[column], "' without 'cost@", batch, "'"}));
  return columns;
}

WEIR_INLINE std::pair<std::string, std::size_t> CostTable::split(const std::string& column) {
  const std::size_t at = column.find('@');
  if (at == std::string::npos) return {column, 1};
  const std::string_view digits = std::string_view(column).substr(at + 1);
  std::size_t batch = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), batch);
  const bool good = error == std::errc() && end == digits.data() + digits.size() && batch >= 2 && batch <= 1U << 20U;
  return {column.substr(0, at), good ? batch : 0};
}

}  // namespace weir::detail
