#include <doctest/doctest.h>

#include <cstdint>
#include <weir/core/kernels/pool/window_axis.hpp>
#include <weir/core/shape.hpp>

namespace WEIR_UNIT {

TEST_CASE("windows: as many as fit; with ceil_mode one more, unless it would start behind the data") {
  for (const std::int64_t kernel : {1, 2, 3, 5})
    for (const std::int64_t stride : {1, 2, 3, 7})
      for (const std::int64_t dilation : {1, 2, 3})
        for (const std::int64_t begin : {0, 1, 4})
          for (const std::int64_t end : {0, 1, 4})
            for (std::int64_t length = 1; length < 14; ++length) {
              const weir::kernels::WindowAxis axis{kernel, stride, dilation, begin, end};
              const std::int64_t last = (kernel - 1) * dilation;  // place of the kernel, from its first
              CHECK(axis.extent() == last + 1);
              std::int64_t whole = 0, all = 0;
              for (std::int64_t at = -begin; at + last < length + end; at += stride) ++whole;
              if (whole == 0) {
                CHECK_THROWS_AS((void)axis.count(length, false), weir::ShapeError);
                CHECK_THROWS_AS((void)axis.count(length, true), weir::ShapeError);
                continue;
              }
              // Those that begin before the end of the padding they would have, and in the data or in front of it.
              all = whole;
              const std::int64_t next = -begin + whole * stride;
              if (-begin + (whole - 1) * stride + last + 1 < length + end && next < length) ++all;
              CHECK(axis.count(length, false) == whole);
              CHECK(axis.count(length, true) == all);
            }
  CHECK_THROWS_AS((void)weir::kernels::WindowAxis{}.count(0, false), weir::ShapeError);
  CHECK_THROWS_AS((void)(weir::kernels::WindowAxis{.pad_end = 3}.count(0, true)), weir::ShapeError);
}

}  // namespace WEIR_UNIT
