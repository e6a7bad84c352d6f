#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/shape.hpp>
#include <weir/layers/build/integers/arithmetic.hpp>

namespace WEIR_UNIT {

namespace integers = weir::detail::integers;
using weir::Constant, weir::Shape;
using List = std::vector<std::int64_t>;

namespace {

constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                       most = std::numeric_limits<std::int64_t>::max();

Constant constant(Shape shape, List values) { return integers::make(shape, std::move(values)); }

/// The values of what a rule makes of constants, of a node with attributes; "refused" where it fails.
struct Answer {
  bool refused = false;
  Shape shape;
  List values;
};
using Rule = integers::Result (*)(const weir::NodeArguments&, integers::Inputs);
Answer of(Rule rule, const std::string& op, const std::vector<Constant>& inputs,
          std::map<std::string, weir::Attribute> attributes = {}, int opset = 18) {
  weir::NodeDef node{"n", op, {}, {"y"}, std::move(attributes)};
  std::vector<const Constant*> pointers;
  for (const Constant& c : inputs) {
    node.inputs.push_back("x" + std::to_string(pointers.size()));
    pointers.push_back(&c);
  }
  try {
    const auto made = rule(weir::NodeArguments(node, opset, "net.onnx", pointers), pointers);
    return {false, made->at(0).shape, made->at(0).ints};
  } catch (const weir::Error&) {
    return {true, {}, {}};
  }
}

}  // namespace

TEST_CASE("constant integers: every operation as in wider integers, refused where the result is none") {
  const List ends = {least, least + 1, -7, -2, -1, 0, 1, 2, 3, 7, most - 1, most};
  __extension__ using Wide = __int128;
  struct Operation {
    Rule rule;
    Wide (*wide)(Wide, Wide);
    bool divides;
  };
  const Operation operations[] = {
      {integers::combine<integers::Add>, [](Wide a, Wide b) { return a + b; }, false},
      {integers::combine<integers::Sub>, [](Wide a, Wide b) { return a - b; }, false},
      {integers::combine<integers::Mul>, [](Wide a, Wide b) { return a * b; }, false},
      {integers::combine<integers::Div>, [](Wide a, Wide b) { return a / b; }, true},
      {integers::combine<integers::Max>, [](Wide a, Wide b) { return a > b ? a : b; }, false},
      {integers::combine<integers::Min>, [](Wide a, Wide b) { return a < b ? a : b; }, false},
      {integers::combine<integers::Less>, [](Wide a, Wide b) { return Wide{a < b}; }, false},
      {integers::combine<integers::LessOrEqual>, [](Wide a, Wide b) { return Wide{a <= b}; }, false},
      {integers::combine<integers::Greater>, [](Wide a, Wide b) { return Wide{a > b}; }, false},
      {integers::combine<integers::GreaterOrEqual>, [](Wide a, Wide b) { return Wide{a >= b}; }, false},
      {integers::combine<integers::Equal>, [](Wide a, Wide b) { return Wide{a == b}; }, false},
      {integers::combine<integers::And>, [](Wide a, Wide b) { return Wide{a != 0 && b != 0}; }, false},
      {integers::combine<integers::Or>, [](Wide a, Wide b) { return Wide{a != 0 || b != 0}; }, false},
      // The remainder has the sign of the divisor.
      {integers::mod, [](Wide a, Wide b) { return ((a % b) + b) % b; }, true},
  };
  int number = 0;
  for (const Operation& o : operations) {
    for (const std::int64_t a : ends)
      for (const std::int64_t b : ends) {
        INFO("operation ", number, " of ", a, " and ", b);
        const Answer answer = of(o.rule, "Op", {constant({}, {a}), constant({}, {b})});
        if (o.divides && b == 0) {
          CHECK(answer.refused);
          continue;
        }
        const Wide wanted = o.wide(a, b);
        CHECK(answer.refused == (wanted > most || wanted < least));
        if (!answer.refused) CHECK(answer.values == List{static_cast<std::int64_t>(wanted)});
      }
    ++number;
  }
}

TEST_CASE("constant integers: broadcast, chosen by a condition, negated, remainders as in C") {
  const Constant column = constant({2, 1}, {10, 20}), row = constant({3}, {1, 2, 3});
  const Answer sum = of(integers::combine<integers::Add>, "Add", {column, row});
  CHECK(sum.shape == Shape{2, 3});
  CHECK(sum.values == List{11, 12, 13, 21, 22, 23});
  CHECK(of(integers::combine<integers::Add>, "Add", {row, constant({2}, {1, 2})}).refused);
  CHECK(of(integers::combine<integers::Add>, "Add", {row}).refused);  // the second is missing
  CHECK(of(integers::where, "Where", {constant({3}, {1, 0, 7}), column, row}).values == List{10, 2, 10, 20, 2, 20});
  CHECK(of(integers::negate, "Neg", {row}).values == List{-1, -2, -3});
  CHECK(of(integers::negate, "Neg", {constant({}, {least})}).refused);
  CHECK(of(integers::logical_not, "Not", {constant({3}, {0, 1, -4})}).values == List{1, 0, 0});
  const Constant a = constant({4}, {7, -7, 7, -7}), b = constant({4}, {3, 3, -3, -3});
  CHECK(of(integers::mod, "Mod", {a, b}, {{"fmod", std::int64_t{1}}}).values == List{1, -1, 1, -1});
  CHECK(of(integers::mod, "Mod", {a, b}).values == List{1, 2, -2, -1});
  CHECK(of(integers::mod, "Mod", {a, constant({}, {0})}, {{"fmod", std::int64_t{1}}}).refused);
}

TEST_CASE("constant integers: results of any size are refused") {
  const std::int64_t many = std::int64_t{1} << 11;
  const Constant column = constant({many, 1}, List(static_cast<std::size_t>(many), 1)),
                 row = constant({1, many}, List(static_cast<std::size_t>(many), 1));
  CHECK(of(integers::combine<integers::Mul>, "Mul", {column, row}).refused);
  CHECK_FALSE(of(integers::combine<integers::Mul>, "Mul", {column, column}).refused);
}

TEST_CASE("constant integers: reduced over all axes, or as a vector; overflow and nothing are refused") {
  const Rule sum = integers::reduce<integers::Add>;
  const Constant x = constant({2, 2}, {1, 2, 3, 4});
  CHECK(of(sum, "ReduceSum", {x}).values == List{10});
  CHECK(of(sum, "ReduceSum", {x}).shape == Shape{1, 1});
  CHECK(of(sum, "ReduceSum", {x}, {{"keepdims", std::int64_t{0}}}).shape == Shape{});
  CHECK(of(sum, "ReduceSum", {x, constant({2}, {0, -1})}).values == List{10});
  CHECK(of(sum, "ReduceSum", {x, constant({1}, {0})}).refused);  // one of two
  CHECK(of(sum, "ReduceSum", {x, constant({2}, {0, 2})}).refused);
  CHECK(of(sum, "ReduceSum", {x}, {{"noop_with_empty_axes", std::int64_t{1}}}).values == x.ints);
  CHECK(of(sum, "ReduceSum", {constant({2}, {most, 1})}).refused);
  CHECK(of(sum, "ReduceSum", {constant({0}, {})}).refused);
  CHECK(of(integers::reduce<integers::Max>, "ReduceMax", {x}).values == List{4});
  CHECK(of(integers::reduce<integers::Mul>, "ReduceProd", {x}).values == List{24});
}

}  // namespace WEIR_UNIT
