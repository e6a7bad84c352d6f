/// Which column of a trace's table holds what (trace_file.hpp says how they are called).
#pragma once
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// Reads cells as numbers and names the cell that is none.
struct TraceCells {
  const std::vector<std::string>& header;
  const std::vector<std::vector<std::string>>& rows;
  const std::string& name;

  double number(std::size_t row, std::size_t column) const {
    std::string_view text = rows[row][column];
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
      fail(row, column, "is not a finite number");
    return value;
  }

  int integer(std::size_t row, std::size_t column) const {
    const double value = number(row, column);
    if (value != std::floor(value) || std::abs(value) > 2e9) fail(row, column, "is not a class index");
    return static_cast<int>(value);
  }

  [[noreturn]] void fail(std::size_t row, std::size_t column, const std::string& what) const {
    throw FormatError(detail::message(
        {name, ", row ", row + 1, ", column '", header[column], "': '", rows[row][column].substr(0, 40), "' ", what}));
  }
};

/// The longest stage whose name and a dot begin this column; index.size() where there is none.
inline std::size_t stage_of(const std::string& column, const std::map<std::string, std::size_t>& index) {
  for (std::size_t dot = column.rfind('.'); dot != std::string::npos && dot > 0; dot = column.rfind('.', dot - 1))
    if (const auto found = index.find(column.substr(0, dot)); found != index.end()) return found->second;
  return index.size();
}

/// Throws FormatError where a column is there twice, where there are no rows, and where a row has another length than
/// the header.
inline void check_table(const TraceCells& cells) {
  std::set<std::string> columns;
  for (const std::string& column : cells.header)
    if (!columns.insert(column).second)
      throw FormatError(detail::message({cells.name, ": column '", column, "' is there twice"}));
  if (cells.rows.empty()) throw FormatError(detail::message({cells.name, ": no rows"}));
  for (std::size_t i = 0; i < cells.rows.size(); ++i)
    if (cells.rows[i].size() != cells.header.size())
      throw FormatError(detail::message(
          {cells.name, ", row ", i + 1, ": ", cells.rows[i].size(), " cells, the header has ", cells.header.size()}));
}

/// Columns by what they hold; where a table has none of a kind, its index is the number of columns.
struct TraceColumns {
  struct Stage {
    std::string name;
    std::size_t prediction, loss, cost, answer_cost, network;
    std::map<std::string, std::size_t> feature_costs{};  ///< by group of features
    std::vector<std::size_t> features{};
  };
  std::size_t label, unit, none;
  std::string cost_unit;
  std::string cost, answer_cost, feature_cost;  ///< what these columns are called behind the stage's name, in this unit
  std::vector<Stage> stages;                    ///< in the order of their predictions

  explicit TraceColumns(const TraceCells& cells) : none(cells.header.size()) {
    label = find(cells, "label");
    unit = find(cells, "cost_unit");
    read_unit(cells);
    std::map<std::string, std::size_t> index;
    for (const std::string& column : cells.header)
      if (column.size() > prediction_suffix.size() && column.ends_with(prediction_suffix)) {
        stages.push_back({column.substr(0, column.size() - prediction_suffix.size()), none, none, none, none, none});
        index[stages.back().name] = stages.size() - 1;
      }
    if (stages.empty()) throw FormatError(detail::message({cells.name, ": no column ends in '.prediction'"}));
    for (std::size_t c = 0; c < none; ++c) {
      if (c == label || c == unit) continue;
      const std::size_t k = stage_of(cells.header[c], index);
      if (k == stages.size())
        throw FormatError(detail::message({cells.name, ": column '", cells.header[c], "' belongs to no stage"}));
      add(stages[k], c, cells);
    }
    if (label == none) throw FormatError(detail::message({cells.name, ": no column 'label'"}));
  }

 private:
  static constexpr std::string_view prediction_suffix = ".prediction";

  static std::size_t find(const TraceCells& cells, const char* column) {
    return static_cast<std::size_t>(std::ranges::find(cells.header, column) - cells.header.begin());
  }

  void read_unit(const TraceCells& cells) {
    cost_unit = unit == none ? weir::cost_unit::seconds : cells.rows[0][unit];
    try {
      check_cost_unit(cost_unit);
    } catch (const ArgumentError& error) {
      throw FormatError(detail::message({cells.name, ", column 'cost_unit': ", error.what()}));
    }
    for (std::size_t i = 0; i < cells.rows.size() && unit != none; ++i)
      if (cells.rows[i][unit] != cost_unit) cells.fail(i, unit, "is another unit than in row 1");
    cost = cost_field(cost_unit);
    answer_cost = "answer_" + cost;
    feature_cost = "feature_" + cost + ".";
  }

  void add(Stage& stage, std::size_t c, const TraceCells& cells) const {
    const std::string what = cells.header[c].substr(stage.name.size() + 1);
    if (what == "prediction")
      stage.prediction = c;
    else if (what == "loss")
      stage.loss = c;
    else if (what == cost)
      stage.cost = c;
    else if (what == answer_cost)
      stage.answer_cost = c;
    else if (what.starts_with(feature_cost))
      stage.feature_costs[what.substr(feature_cost.size())] = c;
    else if (what == "seconds" || what == "answer_seconds" || what.starts_with("feature_seconds."))
      throw FormatError(
          detail::message({cells.name, ": column '", cells.header[c], "', but the costs' unit is '", cost_unit, "'"}));
    else if (what == "network")
      stage.network = c;
    else
      stage.features.push_back(c);
  }
};

}  // namespace weir::detail
