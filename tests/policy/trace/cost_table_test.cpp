#include <doctest/doctest.h>

#include <string>
#include <vector>
#include <weir/core/known_names.hpp>
#include <weir/policy/trace/cost_table.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace WEIR_UNIT {

using weir::detail::CostTable, weir::StageCost;

namespace {

using Header = std::vector<std::string>;
using Rows = std::vector<std::vector<std::string>>;

std::string refusal(const Header& header, const Rows& rows) {
  try {
    static_cast<void>(CostTable(header, rows, "c.csv"));
  } catch (const weir::FormatError& error) {
    return error.what();
  }
  return "taken";
}

}  // namespace

TEST_CASE("cost table: one cost for each stage, found by name in any order") {
  const CostTable table({"cost", "stage"}, {{"3", "b"}, {" 0.5 ", "a"}});
  CHECK(table.unit() == "cost");
  CHECK(table.has("a"));
  CHECK(!table.has("c"));
  const auto model = table.model({"a", "b"});
  CHECK(model.unit == "cost");
  CHECK(!model.depends_on_batch());
  CHECK(model.costs == std::vector<std::vector<StageCost>>{{{0.5, 0}, {3, 0}}});
  CHECK(table.model({"b"}).costs[0] == std::vector<StageCost>{{3, 0}});
}

TEST_CASE("cost table: answers, a unit, and sizes of batch in any order") {
  const CostTable table({"stage", "cost@16", "cost", "answer", "cost@4", "answer@16", "unit"},
                        {{"a, \"b\"", "2", "8", "1", "4", "0.5", "EUR"}, {"c", "6", "9", "0", "7", "0", "EUR"}});
  const auto model = table.model({"a, \"b\"", "c"});
  CHECK(model.unit == "EUR");
  CHECK(model.batches == std::vector<std::size_t>{1, 4, 16});
  CHECK(model.costs == std::vector<std::vector<StageCost>>{{{8, 1}, {9, 0}}, {{4, 1}, {7, 0}}, {{2, 0.5}, {6, 0}}});
  model.check();
  CHECK(CostTable({"stage", "cost", "unit"}, {{"a", "1", "seconds"}}).unit() == "seconds");
}

TEST_CASE("cost table: what is wrong is refused with file, row and column") {
  const Header plain{"stage", "cost"};
  CHECK(refusal(plain, {{"a", "1"}, {"b", "0"}}) == "taken");
  for (const char* bad : {"", "nan", "inf", "-inf", "x", "1e999", "1;2"})
    CHECK(refusal(plain, {{"a", "1"}, {"b", bad}}) ==
          "c.csv, row 2, column 'cost': '" + std::string(bad) + "' is not a finite number");
  CHECK(refusal(plain, {{"a", "-1"}}) == "c.csv, row 1, column 'cost': '-1' is negative");
  CHECK(refusal(plain, {{"a", "1"}, {"a", "1"}}) == "c.csv, row 2, column 'stage': 'a' is there twice");
  CHECK(refusal(plain, {{"", "1"}}) == "c.csv, row 1, column 'stage': '' is no name");
  CHECK(refusal(plain, {}) == "c.csv: no stages");
  CHECK(refusal(plain, {{"a"}}) == "c.csv, row 1: 1 cells, the header has 2");
  CHECK(refusal(plain, {{"a", "0"}, {"b", "0"}}) == "c.csv: no stage costs anything, so nothing can be saved");
  CHECK(refusal({"cost"}, {{"1"}}) == "c.csv: no column 'stage'");
  CHECK(refusal({"stage"}, {{"a"}}) == "c.csv: no column 'cost'");
  CHECK(refusal({"stage", "cost@4"}, {{"a", "1"}}) == "c.csv: no column 'cost'");
  CHECK(refusal({"stage", "cost", "cost"}, {{"a", "1", "1"}}) == "c.csv: column 'cost' is there twice");
  CHECK(refusal({"stage", "stage", "cost"}, {{"a", "a", "1"}}) == "c.csv: column 'stage' is there twice");
  CHECK(refusal({"stage", "cost", "cost@4", "cost@04"}, {{"a", "1", "1", "1"}}) ==
        "c.csv: column 'cost@04' is there twice");
  CHECK(refusal({"stage", "cost", "answer@4"}, {{"a", "1", "1"}}) == "c.csv: column 'answer@4' without 'cost@4'");
  for (const char* bad : {"price", "cost@", "cost@1", "cost@0", "cost@-4", "cost@4x", "cost@9999999999999999999999",
                          "unit@4", "@4", "cost@4@4"})
    CHECK(refusal({"stage", "cost", bad}, {{"a", "1", "1"}}) ==
          "c.csv: column '" + std::string(bad) +
              "' is none of stage, cost, answer, unit, and cost@B and answer@B for batches of B >= 2");
  CHECK(refusal({"stage", "cost", "answer"}, {{"a", "1", "1.5"}}) ==
        "c.csv, row 1, column 'cost': '1' is less than what the answer itself costs");
  CHECK(refusal({"stage", "cost", "answer", "cost@4"}, {{"a", "2", "1.5", "1"}}) ==
        "c.csv, row 1, column 'cost@4': '1' is less than what the answer itself costs");
  CHECK(refusal({"stage", "cost", "unit"}, {{"a", "1", "J"}, {"b", "1", "mJ"}}) ==
        "c.csv, row 2, column 'unit': 'mJ' is another unit than in row 1");
  CHECK(refusal({"stage", "cost", "unit"}, {{"a", "1", ""}}).starts_with("c.csv, column 'unit': "));
}

TEST_CASE("cost table: missing and unknown stages are named") {
  const CostTable table({"stage", "cost"}, {{"a", "1"}, {"x", "1"}, {"y", "1"}}, "c.csv");
  CHECK_THROWS_WITH_AS(static_cast<void>(table.model({"a", "b", "c"})), "c.csv: no line for 'b', 'c'",
                       weir::FormatError);
  CHECK_THROWS_WITH_AS(table.check_known({"a", "b"}), "c.csv: there is no 'x', 'y'; the stages are 'a', 'b'",
                       weir::FormatError);
  table.check_known({"y", "x", "a", "more"});
}

}  // namespace WEIR_UNIT
