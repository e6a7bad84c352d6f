#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/layers/attributes/batch_targets.hpp>
#include <weir/layers/attributes/resize_targets.hpp>

namespace WEIR_UNIT {

using weir::detail::ResizeTargets, weir::Shape;

namespace {

/// The lengths that x gets.
std::vector<std::int64_t> lengths(const ResizeTargets& targets, const Shape& x) {
  targets.check(x);
  std::vector<std::int64_t> all;
  for (std::size_t i = 0; i < x.rank(); ++i) all.push_back(targets.axis(x, i).to);
  return all;
}

ResizeTargets scales(std::vector<float> values, std::vector<std::int64_t> axes = {}) {
  ResizeTargets t;
  t.scales = std::move(values), t.axes = std::move(axes);
  return t;
}

ResizeTargets sizes(std::vector<std::int64_t> values, std::vector<std::int64_t> axes = {},
                    ResizeTargets::Aspect aspect = ResizeTargets::Aspect::stretch) {
  ResizeTargets t;
  t.sizes = std::move(values), t.axes = std::move(axes), t.aspect = aspect;
  return t;
}

}  // namespace

TEST_CASE("resize targets: scales round down, sizes are taken as they are, axes that are not named stay") {
  const Shape x{2, 3, 10, 7};
  CHECK(lengths(scales({1, 1, 0.75F, 1.5F}), x) == std::vector<std::int64_t>{2, 3, 7, 10});
  CHECK(lengths(sizes({2, 3, 5, 21}), x) == std::vector<std::int64_t>{2, 3, 5, 21});
  CHECK(lengths(sizes({21, 5}, {-1, 2}), x) == std::vector<std::int64_t>{2, 3, 5, 21});
  CHECK(lengths(scales({2}, {-2}), x) == std::vector<std::int64_t>{2, 3, 20, 7});
  const ResizeTargets by_batch = sizes({weir::batch_targets::kept_length, 3, 5, 5});
  CHECK(lengths(by_batch, x) == std::vector<std::int64_t>{2, 3, 5, 5});
  CHECK(lengths(by_batch, x.with(0, 9)) == std::vector<std::int64_t>{9, 3, 5, 5});
  CHECK(sizes({2, 3, 5, 21}).axis(x, 2).scale == 0.5F);
  CHECK(sizes({2, 3, 5, 21}).axis(x, 0).untouched());
  ResizeTargets cropped = sizes({20}, {2});
  cropped.crop = {0.25F, 0.75F};
  CHECK(cropped.axis(x, 2).start == 0.25F);
  CHECK(cropped.axis(x, 2).end == 0.75F);
  CHECK(cropped.axis(x, 3).untouched());
}

TEST_CASE(
    "resize targets: proportions are kept by the largest scale that exceeds no size, or the smallest below none") {
  using Aspect = ResizeTargets::Aspect;
  for (const std::int64_t H : {4, 10, 33})
    for (const std::int64_t W : {4, 7, 50})
      for (const std::int64_t high : {3, 12, 100})
        for (const std::int64_t wide : {5, 12, 64}) {
          const Shape x{H, W};
          const double down = std::min(static_cast<double>(high) / static_cast<double>(H),
                                       static_cast<double>(wide) / static_cast<double>(W)),
                       up = std::max(static_cast<double>(high) / static_cast<double>(H),
                                     static_cast<double>(wide) / static_cast<double>(W));
          if (down * static_cast<double>(std::min(H, W)) < 1) continue;  // an axis would vanish
          const auto larger = lengths(sizes({high, wide}, {}, Aspect::not_larger), x);
          const auto smaller = lengths(sizes({high, wide}, {}, Aspect::not_smaller), x);
          INFO(x, " to ", high, ", ", wide);
          CHECK((larger[0] == high || larger[1] == wide));
          CHECK(larger[0] <= high);
          CHECK(larger[1] <= wide);
          CHECK(std::abs(static_cast<double>(larger[0]) - down * static_cast<double>(H)) <= 0.501);
          CHECK((smaller[0] == high || smaller[1] == wide));
          CHECK(smaller[0] >= high);
          CHECK(smaller[1] >= wide);
          CHECK(std::abs(static_cast<double>(smaller[1]) - up * static_cast<double>(W)) <= 0.501);
        }
}

TEST_CASE("resize targets: what does not fit, and lengths that floats do not hold or that are none, are refused") {
  const Shape x{2, 10};
  CHECK_THROWS_AS((void)lengths(sizes({3}), x), weir::ShapeError);
  CHECK_THROWS_AS((void)lengths(sizes({3, 3, 3}), x), weir::ShapeError);
  CHECK_THROWS_AS((void)lengths(sizes({3, 3}, {1}), x), weir::ShapeError);
  CHECK_THROWS_AS((void)lengths(sizes({3, 3}, {1, -1}), x), weir::ShapeError);
  CHECK_THROWS_AS((void)lengths(sizes({3}, {2}), x), weir::ShapeError);
  CHECK_THROWS_AS((void)lengths(scales({1, 0.05F}), x), weir::ShapeError);  // no element left
  for (const float scale : {1e7F, 1e30F, std::numeric_limits<float>::quiet_NaN()})
    CHECK_THROWS_AS((void)lengths(scales({1, scale}), x), weir::ShapeError);
  CHECK_THROWS_AS((void)lengths(sizes({2, (1 << 24) + 1}), x), weir::ShapeError);
  CHECK_THROWS_AS((void)lengths(sizes({2, 5}), Shape{2, 0}), weir::ShapeError);
  CHECK(lengths(sizes({2, 1 << 24}), x)[1] == 1 << 24);
}

}  // namespace WEIR_UNIT
