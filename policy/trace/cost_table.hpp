/// CostTable: what stages cost, as a table states it.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir::detail {

/// Costs from a table with one row for each stage and the columns, in any order,
///
///     stage        name of the stage
///     cost         what running it adds to an example's cost, its answer included (StageTrace::cost)
///     answer       optional: the part of it that only answering there costs (exit head, features, gate); else 0
///     unit         optional, the same in all rows: seconds, FLOP, J or any other; else "cost"
///     cost@B       optional, for any B >= 2: cost of one example in a batch of B; without such columns a cost does not
///     answer@B     depend on the batch. answer@B: as `answer` where it is left out
///
/// io's CsvTable gives header and rows: CostTable(csv.header, csv.rows, file). Rows in messages count from 1, without
/// the header.
class CostTable {
 public:
  /// Throws FormatError naming `name`, row and column for a column that is missing, unknown or twice there, a stage
  /// twice there or without a name, a cell that is empty, NaN, infinite, negative or no number, an answer that costs
  /// more than its stage, and a table in which nothing costs anything.
  CostTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
            std::string name = "costs");

  const std::string& unit() const { return model_.unit; }
  bool has(const std::string& stage) const { return rows_.contains(stage); }

  /// The costs of these stages, in this order. Throws FormatError naming the stages that the table lacks.
  CostModel model(const std::vector<std::string>& stages) const;

  /// Throws FormatError naming the lines that are of none of these stages, and the stages.
  void check_known(const std::vector<std::string>& stages) const;

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  struct Columns {
    std::size_t stage = none, unit = none;
    std::map<std::size_t, std::size_t> cost, answer;  // by size of batch
  };

  static std::string list(const std::vector<std::string>& names);

  Columns read_header(const std::vector<std::string>& header) const;

  /// "cost" -> {cost, 1}, "cost@16" -> {cost, 16}; the size is 0 where it is none.
  static std::pair<std::string, std::size_t> split(const std::string& column);

  std::string name_;
  CostModel model_{cost_unit::seconds, {}, {}};  // stages are the rows, in the table's order
  std::map<std::string, std::size_t> rows_;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/trace/cost_table.ipp>
#endif
