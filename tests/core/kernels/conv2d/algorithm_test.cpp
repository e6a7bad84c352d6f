#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <weir/core/kernels/conv2d/algorithm.hpp>

namespace WEIR_UNIT {

using namespace weir::kernels;

TEST_CASE("convolution algorithms: even parts are the fewest, follow each other and differ by one at most") {
  for (std::int64_t n = 0; n < 60; ++n)
    for (std::int64_t most = 1; most < 20; ++most) {
      const EvenParts parts(n, most);
      CHECK(parts.count == (n + most - 1) / most);
      std::int64_t at = 0, least = n, longest = 0;
      for (std::int64_t i = 0; i < parts.count; ++i) {
        CHECK(parts.first(i) == at);
        at += parts.size(i);
        least = std::min(least, parts.size(i));
        longest = std::max(longest, parts.size(i));
      }
      CHECK(at == n);
      CHECK(longest <= most);
      CHECK(longest - least <= 1);
      for (std::int64_t begin = 0; begin <= parts.count; ++begin)
        for (std::int64_t end = begin; end <= parts.count; ++end) {
          std::int64_t i = begin;
          parts.for_each(begin, end, [&](std::int64_t first, std::int64_t size) {
            REQUIRE(i < end);
            REQUIRE(first == parts.first(i));
            REQUIRE(size == parts.size(i++));
          });
          REQUIRE(i == end);
        }
    }
}

TEST_CASE("convolution algorithms: what is fetched ahead is all that comes next; costs grow with the work") {
  for (std::int64_t floats : {8, 16, 32})
    for (std::int64_t tiles = 1; tiles < 40; ++tiles) {
      CHECK(ahead_stride(floats, tiles) * tiles >= floats);
      CHECK((ahead_stride(floats, tiles) - 1) * tiles < floats);
    }
  for (std::int64_t rows = 1; rows < 14; ++rows)
    for (const std::int64_t vectors : {1, 2}) {
      CHECK(conv_tile_cycles(64, rows + 1, vectors) >= conv_tile_cycles(64, rows, vectors));
      CHECK(conv_tile_cycles(128, rows, vectors) == 2 * conv_tile_cycles(64, rows, vectors));
      CHECK(conv_tile_cycles(64, rows, 1) <= conv_tile_cycles(64, rows, 2));
    }
  // Weights hide behind a long computation, and decide what a short one takes.
  CHECK(cycles_with_weights(1e8, 1e5) < 1.001e8);
  CHECK(cycles_with_weights(1, 2e6) > 0.99 * 2 * cycles_with_weights(1, 1e6));
  CHECK(cycles_with_weights(0, 1e8) > 300 * cycles_with_weights(0, 1e5));
  for (const double floats : {1e4, 1e6, 1e8}) CHECK(cycles_with_weights(1e6, floats) > 1e6);
}

}  // namespace WEIR_UNIT
