// What a target says for all batch sizes does at a third what the file's own would.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/layers/attributes/batch_targets.hpp>

namespace WEIR_UNIT {

using weir::Shape;
namespace targets = weir::batch_targets;

namespace {

using Form = std::function<Shape(std::int64_t)>;
using List = std::vector<std::int64_t>;
using ListForm = std::function<List(std::int64_t)>;

targets::Shapes<2> shapes(const Form& f) { return {f(2), f(3)}; }
targets::Lists<2> lists(const ListForm& f) { return {f(2), f(3)}; }

}  // namespace

TEST_CASE("batch targets: of a Reshape") {
  const Form x = [](std::int64_t n) { return Shape{n, 6, 4}; };
  const auto check = [&](const ListForm& target, const std::optional<List>& wanted, bool allow_zero = false) {
    const auto said = targets::of_reshape<2>(shapes(x), lists(target), allow_zero);
    CHECK(said == wanted);
    if (!said) return;
    for (const std::int64_t n : {1, 2, 3, 50})
      CHECK(weir::detail::reshaped(x(n), *said, allow_zero) == weir::detail::reshaped(x(n), target(n), allow_zero));
  };
  check([](std::int64_t n) { return List{n, 24}; }, List{0, 24});
  check([](std::int64_t n) { return List{n, 24}; }, List{-1, 24}, true);
  check([](std::int64_t n) { return List{n * 6, 4}; }, List{-1, 4});
  check([](std::int64_t n) { return List{n, -1, 2}; }, List{0, 12, 2});
  check([](std::int64_t n) { return List{2, n, 12}; }, List{2, -1, 12});
  check([](std::int64_t n) { return List{2 * n, 12}; }, List{-1, 12});
  check([](std::int64_t n) { return n == 2 ? List{2, 24} : List{3, 6, 4}; }, std::nullopt);  // of two ranks
  CHECK_THROWS_AS((void)targets::of_reshape<2>(shapes(x), lists([](std::int64_t) {
                                                 return List{7, 24};
                                               }),
                                               false),
                  weir::ShapeError);
  // Two lengths that grow, of which only one can be inferred.
  const Form squared = [](std::int64_t n) { return Shape{n, 4, n}; };
  const auto said = targets::of_reshape<2>(shapes(squared), lists([](std::int64_t n) {
                                             return List{2 * n, 2 * n};
                                           }),
                                           false);
  CHECK_FALSE(said.has_value());
}

TEST_CASE("batch targets: of an Expand") {
  std::optional<std::size_t> stretched;
  const auto expand = [&](const Form& x, const ListForm& target) {
    stretched.reset();
    return targets::of_expand<2>(shapes(x), lists(target), stretched);
  };
  const Form rows = [](std::int64_t n) { return Shape{n, 1}; }, one = [](std::int64_t) { return Shape{1, 4}; };
  CHECK(expand(rows, [](std::int64_t n) { return List{n, 5}; }) == List{1, 5});
  CHECK_FALSE(stretched.has_value());
  CHECK(expand(rows, [](std::int64_t n) { return List{7, n, 5}; }) == List{7, 1, 5});
  CHECK_FALSE(stretched.has_value());
  CHECK(expand(one, [](std::int64_t n) { return List{n, 4}; }) == List{1, 4});
  CHECK(stretched == std::size_t{0});
  CHECK(expand(one, [](std::int64_t n) { return List{n, 1, 4}; }) == List{1, 1, 4});  // an axis that x does not have
  CHECK(stretched == std::size_t{0});
  const Form higher = [](std::int64_t) { return Shape{3, 1, 4}; };
  CHECK(expand(higher, [](std::int64_t n) { return List{n, 4}; }) == List{1, 4});
  CHECK(stretched == std::size_t{1});  // counted in the result
  CHECK_FALSE(expand(one, [](std::int64_t n) { return List{n, n}; }).has_value());
  CHECK_FALSE(expand(one, [](std::int64_t n) { return List{n, n, 4}; }).has_value());  // two axes
  CHECK_FALSE(expand(one, [](std::int64_t n) { return n == 2 ? List{2, 4} : List{3, 1, 4}; }).has_value());
  CHECK_FALSE(expand(rows, [](std::int64_t n) { return List{n + 1, 5}; }).has_value());
}

TEST_CASE("batch targets: of the end of a slice") {
  constexpr std::int64_t behind = std::numeric_limits<std::int64_t>::max();
  const auto end = [](std::array<std::int64_t, 2> lengths, std::array<std::int64_t, 2> ends) {
    return targets::of_slice_end<2>(lengths, ends);
  };
  CHECK(end({2, 3}, {2, 3}) == behind);
  CHECK(end({2, 3}, {9, 12}) == behind);
  CHECK(end({8, 12}, {7, 11}) == -1);
  CHECK(end({8, 12}, {0, 4}) == -8);
  CHECK_FALSE(end({8, 12}, {4, 6}).has_value());   // half of it
  CHECK_FALSE(end({8, 12}, {8, 11}).has_value());  // all, and all but one
  CHECK_FALSE(end({8, 12}, {-3, 1}).has_value());
  CHECK_FALSE(end({8, 12}, {-1, -2}).has_value());
}

TEST_CASE("batch targets: of the sizes of a Resize") {
  const Form x = [](std::int64_t n) { return Shape{n, 3, 8, 8}; };
  const auto resize = [&](const ListForm& sizes, const List& axes) {
    return targets::of_resize<2>(shapes(x), lists(sizes), axes);
  };
  CHECK(resize([](std::int64_t n) { return List{n, 3, 16, 16}; }, {}) == List{targets::kept_length, 3, 16, 16});
  CHECK(resize([](std::int64_t n) { return List{16, n}; }, {2, -4}) == List{16, targets::kept_length});
  CHECK_FALSE(resize([](std::int64_t n) { return List{2 * n, 3, 16, 16}; }, {}).has_value());
  CHECK_FALSE(resize([](std::int64_t n) { return List{1, 3, 8 * n, 16}; }, {}).has_value());
  CHECK_FALSE(resize([](std::int64_t n) { return List{1, 3, 16, 16, n}; }, {}).has_value());  // one too many
  CHECK_FALSE(resize([](std::int64_t n) { return List{16, n}; }, {2}).has_value());
  CHECK_FALSE(resize([](std::int64_t n) { return List(static_cast<std::size_t>(n), 1); }, {}).has_value());
  CHECK_THROWS_AS((void)resize([](std::int64_t n) { return List{n}; }, {7}), weir::ShapeError);
}

}  // namespace WEIR_UNIT
