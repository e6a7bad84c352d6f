#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <weir/core/shape.hpp>
#include <weir/core/shape_form.hpp>

namespace WEIR_UNIT {

using weir::Shape, weir::ShapeForm;

TEST_CASE("ShapeForm: the line through two shapes passes through all between and beyond") {
  const auto shape = [](std::int64_t n) { return Shape{n, 3 * n, 5, 2 * n + 1, 20 - n}; };
  for (const std::int64_t a : {1, 2, 7})
    for (const std::int64_t b : {1, 3, 10}) {
      if (a == b) continue;
      const ShapeForm form = ShapeForm::through(a, shape(a), b, shape(b));
      for (std::int64_t n = 0; n <= 20; ++n) CHECK(form.at(n) == shape(n));
      CHECK_THROWS_AS((void)form.at(21), weir::ShapeError);
      CHECK(form.rank() == 5);
      CHECK(form == ShapeForm::through(4, shape(4), 5, shape(5)));
    }
  CHECK_THROWS_AS(ShapeForm::through(1, {1, 4}, 2, {2, 4, 1}), weir::ShapeError);
  CHECK_THROWS_AS(ShapeForm::through(2, {2, 4}, 4, {4, 5}), weir::ShapeError);  // half a row for each example
  CHECK_NOTHROW(ShapeForm::through(2, {2, 4}, 4, {4, 6}));
}

TEST_CASE("ShapeForm: where the batch is") {
  const auto form = [](auto shape) { return ShapeForm::through(2, shape(2), 3, shape(3)); };
  const auto batch = form([](std::int64_t n) { return Shape{n, 4}; });
  const auto twice = form([](std::int64_t n) { return Shape{7, 2 * n}; });
  const auto one_more = form([](std::int64_t n) { return Shape{n + 1, 4}; });
  const auto squared = form([](std::int64_t n) { return Shape{n, n}; });
  const auto falling = form([](std::int64_t n) { return Shape{4, 9 - n}; });
  struct Expected {
    const ShapeForm& form;
    bool depends, rows;
    std::optional<std::size_t> axis;
    std::initializer_list<std::int64_t> factors;
  };
  const ShapeForm fixed(Shape{2, 4});
  for (const Expected& e :
       {Expected{batch, true, true, 0, {1, 0}}, Expected{twice, true, false, 1, {0, 2}},
        Expected{one_more, true, false, std::nullopt, {0, 0}}, Expected{squared, true, false, std::nullopt, {1, 1}},
        Expected{falling, true, false, std::nullopt, {0, 0}}, Expected{fixed, false, false, std::nullopt, {0, 0}}}) {
    CAPTURE(e.form.at(5));
    CHECK(e.form.depends_on_batch() == e.depends);
    CHECK(e.form.has_rows() == e.rows);
    CHECK(e.form.batch_axis() == e.axis);
    std::size_t i = 0;
    for (const std::int64_t k : e.factors) CHECK(e.form.factor(i++) == k);
    CHECK(e.form.factor(i) == 0);  // beyond the rank
  }
}

TEST_CASE("ShapeForm: equal are those that are equal at every batch size") {
  const auto through = [](const Shape& two, const Shape& three) { return ShapeForm::through(2, two, 3, three); };
  const ShapeForm rows = through({2, 4}, {3, 4});
  CHECK(rows == ShapeForm::through(5, {5, 4}, 9, {9, 4}));
  CHECK_FALSE(rows == ShapeForm(Shape{2, 4}));   // at 2 only
  CHECK_FALSE(rows == through({2, 5}, {3, 5}));  // of the same slopes
  CHECK_FALSE(rows == through({3, 4}, {4, 4}));
  CHECK_FALSE(rows == through({2, 4, 1}, {3, 4, 1}));
  CHECK(ShapeForm(Shape{6, 4}) == through({6, 4}, {6, 4}));
  CHECK(ShapeForm() == ShapeForm(Shape{}));
  CHECK(ShapeForm(Shape{6, 4}).at(1000) == Shape{6, 4});
}

}  // namespace WEIR_UNIT
