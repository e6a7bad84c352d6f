#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>
#include <weir/core/plan/row_bands.hpp>
#include <weir/core/rows.hpp>

namespace WEIR_UNIT {

using weir::detail::RowBands, weir::detail::BandStep, weir::RowRange, weir::RowWindow;

namespace {

/// Random steps of which each reads the one before, and now and then an earlier one of as many rows (a residual),
/// behind two that are not part of the walk.
std::vector<BandStep> chain(std::mt19937& random, int steps) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<std::int64_t>(low, high)(random); };
  std::vector<BandStep> all(2);
  std::int64_t H = pick(1, 60);
  for (BandStep& s : all) s = {{}, H, 1, 1};
  for (int i = 2; i < steps + 2; ++i) {
    RowWindow w{pick(1, 3), pick(1, 5), 0};
    w.pad = pick(0, static_cast<int>(w.extent) - 1);
    const std::int64_t rows = (H + 2 * w.pad - w.extent) / w.stride + 1;
    if (H + 2 * w.pad < w.extent || rows < 1) w = {1, 1, 0};
    H = w.extent == 1 && w.stride == 1 ? H : rows;
    w.row_multiple = pick(0, 3) == 0 ? pick(2, 4) : 1;
    BandStep step{{{0, i - 1, w}}, H, pick(1, 9), pick(1, 3), w.row_multiple};
    for (int j = i - 2; j >= 0; --j)
      if (all[static_cast<std::size_t>(j)].rows == H && pick(0, 2) == 0) {
        step.inputs.push_back({1, j, {}});
        break;
      }
    all.push_back(step);
  }
  return all;
}

/// Walks bands [first, last) and checks each of them; returns the rows of the last step that were computed.
RowRange walk(const RowBands& bands, const std::vector<BandStep>& steps, int begin, std::int64_t first,
              std::int64_t last) {
  const int end = static_cast<int>(steps.size());
  RowBands::Place place;
  RowRange all{0, -1};
  std::vector<RowRange> before(steps.size());
  for (std::int64_t band = first; band < last; ++band) {
    bands.advance_to(band, place);
    for (int s = begin; s < end; ++s) {
      const BandStep& step = steps[static_cast<std::size_t>(s)];
      const RowRange fresh = bands.fresh(place, s), held = bands.held(place, s);
      if (held.last > 0) {
        CHECK(held.size() <= bands.room(s));
        CHECK(held.last <= step.rows);
        CHECK(held.last == fresh.last);
        // What is held and not computed now was held before: a ring of room(s) rows has not been gone around.
        if (held.first < fresh.first && band > first) {
          CHECK(before[static_cast<std::size_t>(s)].first <= held.first);
          CHECK(before[static_cast<std::size_t>(s)].last == fresh.first);
        }
        before[static_cast<std::size_t>(s)] = held;
      }
      if (fresh.empty()) continue;
      // Rows that are computed together are not taken apart, but in the last step.
      if (s + 1 < end) {
        CHECK(fresh.first % step.row_multiple == 0);
        CHECK((fresh.last % step.row_multiple == 0 || fresh.last == step.rows));
      }
      for (const BandStep::Input& in : step.inputs) {
        if (in.step < begin) continue;
        const RowRange needed = in.window.of(fresh, steps[static_cast<std::size_t>(in.step)].rows),
                       there = bands.held(place, in.step);
        CHECK(there.first <= needed.first);
        CHECK(needed.last <= there.last);
      }
    }
    const RowRange y = bands.fresh(place, end - 1);
    CHECK((all.last < 0 || y.first == all.last));
    all = {all.last < 0 ? y.first : all.first, y.last};
  }
  return all;
}

}  // namespace

TEST_CASE("rows: a window names what it sees, and stays within the image") {
  CHECK(RowWindow{2, 3, 1}.of({0, 4}) == RowRange{-1, 8});
  CHECK(RowWindow{2, 3, 1}.of({0, 4}, 7) == RowRange{0, 7});
  CHECK(RowWindow{1, 1, 0}.of({3, 5}, 9) == RowRange{3, 5});
  CHECK(RowWindow{1, 3, 3}.of({0, 1}, 9) == RowRange{0, 1});  // the padding alone: some row
  CHECK(RowWindow{1, 3, 0}.of({9, 10}, 9) == RowRange{8, 9});
  CHECK(RowWindow{2, 7, 3, 4}.of({5, 6}) == RowRange{5, 18});  // what rows 4 to 7 see
  CHECK(RowWindow{1, 1, 0, 4}.of({-1, 4}) == RowRange{-4, 4});
}

TEST_CASE(
    "bands: every row of a walk is computed once, in order, from rows that are there, in the room that is asked for") {
  std::mt19937 random(3);
  for (int i = 0; i < 400; ++i) {
    const std::vector<BandStep> steps = chain(random, 1 + i % 9);
    const int begin = 2, end = static_cast<int>(steps.size());
    for (const std::int64_t height : {1, 2, 3, 8, 100}) {
      const RowBands bands(steps, begin, end, height);
      const std::int64_t count = bands.count();
      CHECK(bands.again() >= 0);
      CHECK(walk(bands, steps, begin, 0, count) == RowRange{0, steps.back().rows});
      // Walks that begin in the middle, as those of other threads.
      for (std::int64_t cut = 1; cut < count; cut += 1 + count / 5) {
        CHECK(walk(bands, steps, begin, 0, cut).last == cut * height);
        CHECK(walk(bands, steps, begin, cut, count) == RowRange{cut * height, steps.back().rows});
      }
    }
  }
}

TEST_CASE("bands: a walk keeps what will be needed again, no more") {
  // 3x3, then 1x1, then 3x3 of stride 2.
  const std::vector<BandStep> steps = {
      {{{0, -1, {1, 3, 1}}}, 40, 10, 2}, {{{0, 0, {1, 1, 0}}}, 40, 10, 3}, {{{0, 1, {2, 3, 1}}}, 20, 5, 3}};
  const RowBands bands(steps, 0, 3, 4);
  CHECK(bands.count() == 5);
  CHECK(bands.room(0) == 9);
  CHECK(bands.room(1) == 9);
  CHECK(bands.room(2) == 4);
  CHECK(bands.again() == 1 * 10 * 2 + 1 * 10 * 3);
  RowBands::Place place;
  bands.advance_to(0, place);
  CHECK(bands.fresh(place, 1) == RowRange{0, 8});
  bands.advance_to(1, place);
  CHECK(bands.fresh(place, 0) == RowRange{8, 16});
  CHECK(bands.held(place, 0) == RowRange{8, 16});
  CHECK(bands.held(place, 1) == RowRange{7, 16});
  CHECK(bands.fresh(place, 2) == RowRange{4, 8});
}

}  // namespace WEIR_UNIT
