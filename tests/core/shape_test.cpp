#include <doctest/doctest.h>

#include <sstream>
#include <weir/core/shape.hpp>

namespace WEIR_UNIT {

using weir::Shape;

TEST_CASE("Shape: dimensions, text and number of elements") {
  const Shape s{2, 3, 5, 7};
  CHECK(s.rank() == 4);
  CHECK(s[3] == 7);
  CHECK(s.numel() == 210);
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{4, 0}.numel() == 0);
  CHECK(s.product(1, 3) == 15);
  CHECK(s.with(0, 9) == Shape{9, 3, 5, 7});
  std::ostringstream os;
  os << s;
  CHECK(os.str() == "[2, 3, 5, 7]");
}

TEST_CASE("Shape: equality looks at rank and dimensions") {
  CHECK(Shape{1, 2} == Shape{1, 2});
  CHECK_FALSE(Shape{1, 2} == Shape{1, 2, 1});
  CHECK_FALSE(Shape{1, 2} == Shape{2, 1});
}

TEST_CASE("Shape: impossible ones are refused") {
  CHECK_THROWS_AS((Shape{1, -2}), weir::ShapeError);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), weir::ShapeError);
  const std::int64_t big = std::int64_t{1} << 31;
  CHECK_THROWS_AS((void)(Shape{big, big, big}.numel()), weir::ShapeError);
  CHECK_THROWS_AS((void)(Shape{big, 1024}.numel()), weir::ShapeError);
}

}  // namespace WEIR_UNIT
