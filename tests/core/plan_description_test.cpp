#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/plan_description.hpp>

namespace WEIR_UNIT {

TEST_CASE("plan description: cells stand in columns, those of text flush left, no blanks at the end of a line") {
  CHECK(weir::detail::aligned({{"a", "bb", "3"}, {"long", "", "1000"}}, 2) ==
        "a     bb     3\n"
        "long      1000\n");
  CHECK(weir::detail::aligned({{"a", "b"}, {"longer", ""}}, 2) == "a       b\nlonger\n");
  CHECK(weir::detail::aligned({{"1"}, {"100"}}, 0) == "  1\n100\n");
  CHECK(weir::detail::aligned({}, 1).empty());
}

TEST_CASE("plan description: numbers have the digits that are asked for, rounded") {
  CHECK(weir::detail::fixed_point(2.0 / 3, 3) == "0.667");
  CHECK(weir::detail::fixed_point(-1234.96, 1) == "-1235.0");
  CHECK(weir::detail::fixed_point(7, 0) == "7");
  CHECK(weir::detail::fixed_point(1e15, 2) == "1000000000000000.00");
}

TEST_CASE("plan description: the table says what each step is, and how much goes at once") {
  weir::PlanDescription plan{weir::Isa::avx2, 2, 4, {}};
  plan.steps.push_back({.name = "conv1",
                        .op = "Conv",
                        .fused = {"Relu", "Add"},
                        .algorithm = "direct 6x16",
                        .tensor = "t",
                        .output = {4, 8, 3, 3},
                        .flops = 1.5e6,
                        .bytes = 2560,
                        .examples = 4,
                        .rows = 0,
                        .group = 0});
  plan.steps.push_back(plan.steps[0]);
  plan.steps[1].name = "pool", plan.steps[1].op = "MaxPool", plan.steps[1].fused.clear();
  plan.steps[1].algorithm.clear(), plan.steps[1].rows = 2, plan.steps[1].flops = 250;
  CHECK(plan.flops() == 1.5e6 + 250);
  const std::vector<std::vector<std::string>> cells = weir::detail::plan_cells(plan);
  REQUIRE(cells.size() == 3);
  CHECK(cells[1] ==
        std::vector<std::string>{"conv1", "Conv+Relu+Add", "direct 6x16", "[4, 8, 3, 3]", "4", "1.500", "2.5"});
  CHECK(cells[2] == std::vector<std::string>{"pool", "MaxPool", "-", "[4, 8, 3, 3]", "2 rows", "0.000", "2.5"});
  for (const auto& row : cells) CHECK(row.size() == cells[0].size());
  const std::string text = weir::to_text(plan);
  CHECK(text.starts_with("avx2, 2 threads, batch 4, 1.500 MFLOP\nlayer  operators "));
  CHECK(text == weir::to_text(plan, cells));
  plan.threads = 1, plan.steps[1].rows = 1;
  CHECK(weir::to_text(plan).starts_with("avx2, 1 thread, batch 4, "));
  CHECK(weir::detail::plan_cells(plan)[2][4] == "1 row");
}

}  // namespace WEIR_UNIT
