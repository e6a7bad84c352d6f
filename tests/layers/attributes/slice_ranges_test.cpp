#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/layers/attributes/slice_ranges.hpp>

namespace WEIR_UNIT {

using weir::Shape, weir::detail::SliceBox, weir::detail::SliceRanges;

namespace {

constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                       most = std::numeric_limits<std::int64_t>::max(), most_32 = std::numeric_limits<int>::max();

/// The positions along an axis that ONNX's text names: negative ones counted from the end, starts cut to the axis
/// (backwards: to its last element), ends to what lies in front of or behind it.
std::vector<std::int64_t> named(std::int64_t length, std::int64_t start, std::int64_t end, std::int64_t step) {
  const bool none = step < 0 && (end == most || end == most_32);  // no end at all
  if (start < 0) start = start < -length ? -1 : start + length;
  if (end < 0) end = end < -length ? -1 : end + length;
  if (none) end = -1;
  std::vector<std::int64_t> all;
  if (length == 0) return all;
  start = std::clamp<std::int64_t>(start, 0, step > 0 ? length : length - 1);
  end = std::clamp<std::int64_t>(end, step > 0 ? 0 : -1, step > 0 ? length : length - 1);
  for (std::int64_t at = start; step > 0 ? at < end : at > end; at += step) {
    all.push_back(at);
    if (step > length || step < -length) break;
  }
  return all;
}

}  // namespace

TEST_CASE("slices: every start, end and step names the elements that ONNX says, and none outside of the tensor") {
  const std::vector<std::int64_t> places = {least, -7, -6, -5, -3, -1, 0, 1, 2, 4, 5, 6, 9, most_32, most};
  for (const std::int64_t length : {0, 1, 2, 5, 6})
    for (const std::int64_t start : places)
      for (const std::int64_t end : places)
        for (const std::int64_t step : {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{7}, most,
                                        std::int64_t{-1}, std::int64_t{-2}, std::int64_t{-7}, -(std::int64_t{1} << 62)})
          for (const std::int64_t inner : {1, 4}) {
            const Shape x{2, length, inner};
            const SliceBox box = SliceRanges{{start}, {end}, {1}, {step}}.box(x);
            const std::vector<std::int64_t> wanted = named(length, start, end, step);
            INFO(length, ": ", start, " to ", end, " by ", step);
            CHECK(box.shape == x.with(1, static_cast<std::int64_t>(wanted.size())));
            CHECK(box.offset >= 0);
            CHECK(box.offset <= x.numel());
            for (std::size_t i = 0; i < wanted.size(); ++i)
              CHECK(box.offset + static_cast<std::int64_t>(i) * box.strides[1] == wanted[i] * inner);
            // A step beyond the axis is never taken, and its stride might overflow.
            CHECK(box.strides[1] == (-length < step && step < length ? step : 1) * inner);
            CHECK(box.strides[0] == length * inner);
            CHECK(box.strides[2] == 1);
          }
}

TEST_CASE("slices: along several axes, negative ones too; an axis twice or outside is refused") {
  const Shape x{4, 5, 6};
  const SliceBox box = SliceRanges{{1, -1}, {3, -7}, {0, -1}, {1, -2}}.box(x);
  CHECK(box.shape == Shape{2, 5, 3});
  CHECK(box.offset == 30 + 5);
  CHECK(box.strides == weir::kernels::Strides{30, 6, -2});
  CHECK_THROWS_AS((SliceRanges{{0, 0}, {1, 1}, {2, -1}, {1, 1}}.box(x)), weir::ShapeError);
  CHECK_THROWS_AS((SliceRanges{{0}, {1}, {3}, {1}}.box(x)), weir::ShapeError);
}

TEST_CASE("permutations: shape and strides go together; what is none is refused") {
  const Shape x{2, 3, 4};
  const auto reversed = weir::detail::permuted(x, {});
  CHECK(reversed.first == Shape{4, 3, 2});
  CHECK(reversed.second == weir::kernels::Strides{1, 4, 12});
  const auto turned = weir::detail::permuted(x, {1, 2, 0});
  CHECK(turned.first == Shape{3, 4, 2});
  CHECK(turned.second == weir::kernels::Strides{4, 1, 12});
  for (const std::vector<std::int64_t>& wrong :
       {std::vector<std::int64_t>{0, 1}, {0, 1, 1}, {0, 1, 3}, {0, 1, -1}, {0, 1, 2, 3}})
    CHECK_THROWS_AS((void)weir::detail::permuted(x, wrong), weir::ShapeError);
}

}  // namespace WEIR_UNIT
