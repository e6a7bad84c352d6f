#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/shape.hpp>
#include <weir/layers/attributes/indices.hpp>

namespace WEIR_UNIT {

using weir::detail::Indices, weir::Shape;

namespace {

const weir::NodeDef node{"gather", "Gather", {"data", "indices"}, {"y"}, {}};

Indices of(const weir::Constant* constant) {
  return Indices::read(weir::NodeArguments(node, 13, "net.onnx", {nullptr, constant}), 1);
}

}  // namespace

TEST_CASE("indices: known ones are checked when a layer is made, and count from the end if negative") {
  const weir::Constant constant{{2, 3}, {}, {0, 4, -5, 2, -1, 3}, true};
  const Indices indices = of(&constant);
  CHECK(indices.known());
  CHECK(indices.shape({7}) == Shape{2, 3});
  CHECK_NOTHROW(indices.expect_inside({9, 5}, 1));
  CHECK_THROWS_AS(indices.expect_inside({9, 4}, 1), weir::ShapeError);  // 4 and -5
  const std::int64_t places[] = {0, 4, 0, 2, 4, 3};
  for (std::int64_t i = 0; i < 6; ++i) CHECK(indices.place(nullptr, i, 5) == places[i]);
  // Of each three the second: 4 and -1; the third: -5 and 3.
  CHECK_NOTHROW(indices.expect_inside({5}, 0, 1, 3));
  CHECK_THROWS_AS(indices.expect_inside({4}, 0, 1, 3), weir::ShapeError);
  CHECK_THROWS_AS(indices.expect_inside({4}, 0, 2, 3), weir::ShapeError);
  CHECK_NOTHROW(indices.expect_inside({3}, 0, 0, 3 * 2));
}

TEST_CASE("indices: those of run time are floats; NaN and what is outside have no place") {
  const Indices indices = of(nullptr);
  CHECK_FALSE(indices.known());
  CHECK(indices.shape({7}) == Shape{7});
  const float values[] = {0, 4, -1, -5, 5, -6, NAN, INFINITY, -INFINITY, 1e30F, 2.75F};
  const std::int64_t places[] = {0, 4, 4, 0, -1, -1, -1, -1, -1, -1, 2};
  for (std::int64_t i = 0; i < 11; ++i) CHECK(indices.place(values, i, 5) == places[i]);
  CHECK(indices.place(values, 0, 0) == Indices::outside);
  CHECK_NOTHROW(indices.expect_inside({std::int64_t{1} << 24}, 0));
  CHECK_THROWS_AS(indices.expect_inside({(std::int64_t{1} << 24) + 1}, 0), weir::ShapeError);
}

}  // namespace WEIR_UNIT
