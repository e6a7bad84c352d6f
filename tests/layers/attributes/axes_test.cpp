#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/layers/attributes/axes.hpp>

namespace WEIR_UNIT {

using weir::Shape, weir::ShapeError;

TEST_CASE("axes: negative ones count from the end; outside and twice are refused") {
  for (std::size_t rank = 0; rank <= 8; ++rank)
    for (std::int64_t axis = -10; axis <= 10; ++axis) {
      const auto r = static_cast<std::int64_t>(rank);
      if (axis < -r || axis >= r)
        CHECK_THROWS_AS((void)weir::detail::checked_axis(axis, rank), ShapeError);
      else
        CHECK(static_cast<std::int64_t>(weir::detail::checked_axis(axis, rank)) == (axis + r) % r);
    }
  CHECK(weir::detail::checked_axes({-1, 0, 2}, 4) == std::vector<std::size_t>{0, 2, 3});
  CHECK_THROWS_AS((void)weir::detail::checked_axes({1, -3}, 4), ShapeError);
  CHECK_THROWS_AS((void)weir::detail::checked_axes({INT64_MIN}, 4), ShapeError);
  CHECK_THROWS_AS((void)weir::detail::checked_axes({INT64_MAX}, 4), ShapeError);
}

TEST_CASE("axes: what was unsqueezed is squeezed again") {
  const Shape x{2, 1, 3};
  for (std::int64_t a = -5; a < 5; ++a)
    for (std::int64_t b = -5; b < 5; ++b) {
      if ((a - b) % 5 == 0) continue;
      const Shape y = weir::detail::unsqueezed(x, {a, b});
      CHECK(y.rank() == 5);
      CHECK(y[static_cast<std::size_t>((a + 5) % 5)] == 1);
      CHECK(y[static_cast<std::size_t>((b + 5) % 5)] == 1);
      CHECK(weir::detail::squeezed(y, {b, a}) == x);
    }
  CHECK(weir::detail::squeezed({1, 2, 1, 3, 1}, {}) == Shape{2, 3});
  CHECK(weir::detail::squeezed({1, 2, 1}, {-1}) == Shape{1, 2});
  CHECK_THROWS_AS((void)weir::detail::squeezed(x, {0}), ShapeError);
  CHECK_THROWS_AS((void)weir::detail::unsqueezed({1, 1, 1, 1, 1, 1, 1, 1}, {0}), ShapeError);
}

TEST_CASE("axes: shapes broadcast from the last axis; lengths that differ are refused unless one is 1") {
  const std::vector<Shape> shapes = {{}, {1}, {3}, {4}, {1, 3}, {2, 1}, {2, 3}, {5, 1, 3}, {5, 2, 1}, {0}, {2, 0}};
  for (const Shape& a : shapes)
    for (const Shape& b : shapes) {
      CAPTURE(a);
      CAPTURE(b);
      std::vector<std::int64_t> dims;
      bool fits = true;
      for (std::size_t i = std::max(a.rank(), b.rank()); i-- > 0;) {  // i axes behind this one
        const auto length = [&](const Shape& s) { return i < s.rank() ? s[s.rank() - 1 - i] : std::int64_t{1}; };
        const std::int64_t from_a = length(a), from_b = length(b);
        fits = fits && (from_a == from_b || from_a == 1 || from_b == 1);
        dims.push_back(from_a == 1 ? from_b : from_a);
      }
      if (fits)
        CHECK(weir::detail::broadcast_shape(a, b) == Shape(dims));
      else
        CHECK_THROWS_AS((void)weir::detail::broadcast_shape(a, b), ShapeError);
    }
}

TEST_CASE("axes: Reshape keeps for 0, infers for one -1, and never changes the number of elements") {
  const std::vector<std::int64_t> lengths = {-2, -1, 0, 1, 2, 3, 4, 6, 12, 24};
  const Shape x{2, 3, 4};
  int taken = 0;
  for (const bool allow_zero : {false, true})
    for (const std::int64_t a : lengths)
      for (const std::int64_t b : lengths)
        for (const std::int64_t c : lengths) {
          const std::vector<std::int64_t> target = {a, b, c};
          // The lengths that are said, and their product.
          std::vector<std::int64_t> said = target;
          std::int64_t product = 1, inferred = 0;
          bool fits = true;
          for (std::size_t i = 0; i < 3; ++i) {
            if (said[i] == 0 && !allow_zero) said[i] = x[i];
            fits = fits && said[i] >= -1;
            if (said[i] == -1)
              ++inferred;
            else
              product *= said[i];
          }
          fits = fits && inferred <= 1 && product != 0 && (inferred == 1 ? 24 % product == 0 : product == 24);
          if (!fits) {
            CHECK_THROWS_AS((void)weir::detail::reshaped(x, target, allow_zero), ShapeError);
            continue;
          }
          ++taken;
          for (std::int64_t& d : said)
            if (d == -1) d = 24 / product;
          CHECK(weir::detail::reshaped(x, target, allow_zero) == Shape(said));
        }
  CHECK(taken > 50);
  CHECK(weir::detail::reshaped(x, {-1}) == Shape{24});
  CHECK(weir::detail::reshaped({}, {}) == Shape{});
  CHECK(weir::detail::reshaped({0, 3}, {3, 0}, true) == Shape{3, 0});
  CHECK_THROWS_AS((void)weir::detail::reshaped({2}, {2, 0}), ShapeError);  // there is no second to keep
  CHECK_THROWS_AS((void)weir::detail::reshaped({0}, {0, 0}), ShapeError);
  CHECK_THROWS_AS((void)weir::detail::reshaped({0, 3}, {0, -1}, true), ShapeError);
  CHECK_THROWS_AS((void)weir::detail::reshaped({1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
}

}  // namespace WEIR_UNIT
