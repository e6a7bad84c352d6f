#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>
#include <weir/core/rows.hpp>

namespace WEIR_UNIT {

using weir::RowRange, weir::RowWindow;

TEST_CASE("rows: the multiple below is the largest that is not above") {
  for (std::int64_t n = 1; n < 8; ++n)
    for (std::int64_t i = -25; i <= 25; ++i) {
      const std::int64_t m = weir::detail::multiple_below(i, n);
      CHECK(m % n == 0);
      CHECK(m <= i);
      CHECK(i < m + n);
    }
}

TEST_CASE("rows: a window names the rows that a group of outputs sees, and no others") {
  for (const std::int64_t stride : {1, 2, 3})
    for (const std::int64_t extent : {1, 2, 5})
      for (const std::int64_t pad : {0, 1, 6})
        for (const std::int64_t multiple : {1, 2, 4}) {
          const RowWindow window{stride, extent, pad, multiple};
          for (std::int64_t first = 0; first < 9; ++first)
            for (std::int64_t last = first + 1; last < 10; ++last) {
              std::set<std::int64_t> together, seen;
              for (std::int64_t j = first; j < last; ++j)
                for (std::int64_t k = 0; k < multiple; ++k) together.insert(j / multiple * multiple + k);
              for (const std::int64_t j : together)
                for (std::int64_t r = 0; r < extent; ++r) seen.insert(j * stride - pad + r);
              CHECK(window.whole({first, last}) == RowRange{*together.begin(), *together.rbegin() + 1});
              CHECK(window.of({first, last}) == RowRange{*seen.begin(), *seen.rbegin() + 1});
              for (const std::int64_t H : {1, 4, 30}) {
                const RowRange inside = window.of({first, last}, H);
                CHECK(inside.first >= 0);
                CHECK(inside.last <= H);
                CHECK_FALSE(inside.empty());
                const std::int64_t lowest = std::max<std::int64_t>(0, *seen.begin());
                const std::int64_t end = std::min(H, *seen.rbegin() + 1);
                if (lowest >= end)
                  CHECK(inside.size() == 1);  // padding alone: one row, whichever
                else
                  CHECK(inside == RowRange{lowest, end});
              }
            }
        }
}

TEST_CASE("rows: a ring keeps the last rows, each where it overwrites the one that left") {
  constexpr std::int64_t planes = 2, ring = 3, floats = 4, apart = ring * floats + 5;
  std::vector<float> memory(planes * apart);
  const weir::RowsView view{memory.data(), ring, floats, apart};
  for (std::int64_t r = 0; r < 8; ++r) {
    for (std::int64_t p = 0; p < planes; ++p) std::fill_n(view.row(p, r), floats, static_cast<float>(100 * p + r));
    for (std::int64_t p = 0; p < planes; ++p)
      for (std::int64_t kept = std::max<std::int64_t>(0, r - ring + 1); kept <= r; ++kept)
        CHECK(view.row(p, kept)[floats - 1] == static_cast<float>(100 * p + kept));
    const std::int64_t n = view.contiguous(r);
    CHECK(n >= 1);
    for (std::int64_t k = 0; k < n; ++k) CHECK(view.row(1, r + k) == view.row(1, r) + k * floats);
    CHECK(view.row(1, r + n) == view.row(1, 0));
  }
  for (std::size_t i = ring * floats; i < apart; ++i) CHECK(memory[i] == 0);  // between the planes
}

}  // namespace WEIR_UNIT
