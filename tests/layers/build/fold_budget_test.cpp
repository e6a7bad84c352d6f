#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/shape.hpp>
#include <weir/layers/build/fold_budget.hpp>

namespace WEIR_UNIT {

using weir::detail::FoldBudget, weir::Shape;

TEST_CASE("fold budget: so much in all, four elements more for each that the file holds; then it says where") {
  constexpr std::int64_t free = std::int64_t{1} << 24;
  FoldBudget budget;
  for (int i = 0; i < 16; ++i) CHECK_NOTHROW(budget.spend(free / 16, "here"));
  CHECK_THROWS_WITH_AS(budget.spend(1, "net.onnx, node 'n'"), "net.onnx, node 'n': constant results are too large",
                       weir::ShapeError);
  FoldBudget with_file;
  weir::Constant constant;
  constant.ints.assign(10, 0);
  with_file.add(constant);
  CHECK_NOTHROW(with_file.spend(free + 40, "here"));
  CHECK_THROWS_AS(with_file.spend(1, "here"), weir::ShapeError);
  FoldBudget at_once;
  CHECK_THROWS_AS(at_once.spend(free + 1, "here"), weir::ShapeError);
}

TEST_CASE("fold budget: a node is folded if it makes little, or little more than it reads") {
  const weir::NodeDef node{"n", "Expand", {"a", "", "b"}, {"y"}, {}};
  FoldBudget budget;
  const auto folded = [&](std::int64_t a, std::int64_t b, std::int64_t y) {
    // What was left out does not count, whatever stands for it.
    return budget.is_worth_it(node, {{a}, {1 << 20}, {b}}, {{y}});
  };
  CHECK(folded(1, 1, 1 << 16));
  CHECK_FALSE(folded(1, 1, (1 << 16) + 1));
  CHECK(folded(10000, 2500, 100000));
  CHECK_FALSE(folded(10000, 2500, 100001));
  CHECK(folded(1 << 21, 0, 1 << 24));
  CHECK_FALSE(folded(1 << 22, 0, (1 << 24) + 1));  // beyond the budget
  budget.spend((1 << 24) - 5, "here");
  CHECK(folded(1, 1, 5));
  CHECK_FALSE(folded(1, 1, 6));
  CHECK_FALSE(budget.is_worth_it(node, {{1}, {}, {1}}, {{3}, {3}}));  // of all outputs together
}

}  // namespace WEIR_UNIT
