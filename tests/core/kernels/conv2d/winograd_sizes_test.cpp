#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/conv2d/winograd_phases.hpp>
#include <weir/core/kernels/conv2d/winograd_sizes.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/rows.hpp>
#include <weir/core/shape.hpp>

#include "conv2d_test.hpp"

namespace WEIR_UNIT {

using weir::kernels::Conv2dParams, weir::kernels::Microkernels, weir::kernels::WinogradForm, weir::Shape;

namespace {

/// The sizes of an algorithm that computes nothing.
struct Sizes : weir::kernels::WinogradSizes {
  Sizes(WinogradForm f, const Conv2dParams& p, const Shape& x, const Microkernels& m) : WinogradSizes(f, p, x, m) {}
  std::string_view name() const override { return "sizes"; }
  void pack(std::span<const float>) override {}
  std::size_t workspace_floats(std::int64_t) const override { return 0; }
  void run(const weir::detail::ThreadPool&, const weir::kernels::Conv2dImages&, const float*, float*) const override {}
  using WinogradSizes::across_, WinogradSizes::blocks_, WinogradSizes::cut_, WinogradSizes::down_,
      WinogradSizes::for_strips, WinogradSizes::form_, WinogradSizes::input_cycles, WinogradSizes::M_,
      WinogradSizes::output_cycles, WinogradSizes::parts_of, WinogradSizes::pitch_, WinogradSizes::planes_,
      WinogradSizes::share_out, WinogradSizes::vectors;
};

template <int Y, int S, int K>
WinogradForm form(bool plain = false) {
  using P = weir::kernels::winograd::Phases<Y, S, K>;
  return {Y, S, P::positions, P::products, plain};
}

/// Calls f(sizes, instruction set, params, x) for layers of all forms, large and small.
template <class F>
void for_layers(const F& f) {
  for (const weir::Isa isa : conv2d_test::isas()) {
    const Microkernels& micro = weir::kernels::microkernels(isa);
    for (const std::int64_t in : {1, 3, 16, 40, 512})
      for (const std::int64_t out : {1, 16, 31, 96, 512})
        for (const std::int64_t side : {1, 2, 7, 30, 113})
          for (const std::int64_t stride : {1, 2}) {
            const Conv2dParams p = kernels_test::padded(in, out, 3, stride);
            const Shape x{1, in, side, side + 3};
            if (stride == 1) {
              f(Sizes(form<4, 1, 3>(), p, x, micro), micro, p, x);
              f(Sizes(form<2, 1, 3>(), p, x, micro), micro, p, x);
            } else {
              f(Sizes(form<4, 2, 3>(), p, x, micro), micro, p, x);
              f(Sizes(form<2, 2, 3>(), p, x, micro), micro, p, x);
            }
            const Conv2dParams stem = kernels_test::padded(in, out, 7, 2);
            f(Sizes(form<4, 2, 7>(true), stem, x, micro), micro, stem, x);
          }
  }
}

}  // namespace

TEST_CASE("Winograd's sizes: strips hold every tile of every group once, in order, and fit their room") {
  int cut_between_register_tiles = 0;
  for_layers([&](const Sizes& sizes, const Microkernels& micro, const Conv2dParams&, const Shape&) {
    const std::int64_t tiles = sizes.down_ * sizes.across_;
    for (const weir::RowRange range : {weir::RowRange{0, tiles}, {0, 5 * tiles}, {tiles / 3, tiles}, {7, 7}, {3, 4}}) {
      const std::int64_t first = range.first, last = range.last;
      std::int64_t at = first, strips = 0;
      bool right = true;
      sizes.for_strips(first, last, [&](std::int64_t g, std::int64_t begin, std::int64_t end) {
        right = right && g == 0 && begin == at && end > begin && end - begin <= sizes.pitch_;
        // Strips of more than one end between full register tiles.
        right = right && (end == last || (end - first) % sizes.cut_ == 0);
        at = end;
        ++strips;
      });
      CHECK(right);
      CHECK(at == std::max(first, last));
      cut_between_register_tiles += strips > 1 && sizes.cut_ == micro.max_rows;
    }
  });
  CHECK(cut_between_register_tiles > 20);
  // Of groups each strip is computed before the next.
  Conv2dParams p = kernels_test::padded(64, 32, 3);
  p.groups = 2;
  const Sizes sizes(form<4, 1, 3>(), p, {1, 64, 200, 200}, weir::kernels::microkernels(weir::Isa::portable));
  std::vector<std::int64_t> groups, begins;
  sizes.for_strips(0, 2500, [&](std::int64_t g, std::int64_t begin, std::int64_t) {
    groups.push_back(g);
    begins.push_back(begin);
  });
  REQUIRE(groups.size() > 2);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    CHECK(groups[i] == static_cast<std::int64_t>(i % 2));
    CHECK(begins[i] == begins[i / 2 * 2]);
  }
}

TEST_CASE("Winograd's sizes: tiles cover y, planes and vectors cover the channels, and none is spare") {
  for_layers([&](const Sizes& sizes, const Microkernels& micro, const Conv2dParams& p, const Shape& x) {
    const Shape y = p.output_shape(x);
    const std::int64_t Y = sizes.form_.Y;
    CHECK(sizes.down_ * Y >= y[2]);
    CHECK((sizes.down_ - 1) * Y < y[2]);
    CHECK(sizes.across_ * Y >= y[3]);
    CHECK((sizes.across_ - 1) * Y < y[3]);
    std::int64_t lanes = 0;
    for (std::int64_t b = 0; b < sizes.blocks_; ++b) lanes += sizes.vectors(b) * micro.lanes;
    CHECK(lanes >= sizes.M_);
    CHECK(lanes < sizes.M_ + micro.lanes);
    for (std::int64_t tiles = 1; tiles < 60; ++tiles) {
      CHECK(sizes.parts_of(tiles) * micro.max_rows >= tiles);
      CHECK((sizes.parts_of(tiles) - 1) * micro.max_rows < tiles);
    }
    // "14x32": rows by lanes of the largest register tile.
    const std::string tile = sizes.tile();
    const std::int64_t rows = std::stoll(tile), columns = std::stoll(tile.substr(tile.find('x') + 1));
    CHECK(rows >= 1);
    CHECK(rows <= std::min<std::int64_t>(micro.max_rows, sizes.down_ * sizes.across_));
    CHECK(columns == micro.lanes * sizes.vectors(0));
  });
}

TEST_CASE("Winograd's sizes: the work is shared among threads so that each has some") {
  int tiles_cut = 0, channels_cut = 0;
  for_layers([&](const Sizes& sizes, const Microkernels&, const Conv2dParams&, const Shape&) {
    const std::int64_t tiles = sizes.down_ * sizes.across_;
    for (const std::int64_t pieces : {1, 2, 3, 8, 64}) {
      const auto grid = sizes.share_out(tiles, pieces);
      CHECK(grid.tiles >= 1);
      CHECK(grid.channels >= 1);
      CHECK(grid.tiles <= tiles);
      CHECK(grid.tiles * grid.channels <= pieces);
      CHECK(grid.channels <= sizes.blocks_ * sizes.parts_of((tiles + grid.tiles - 1) / grid.tiles));
      tiles_cut += grid.tiles > 1, channels_cut += grid.channels > 1;
    }
  });
  CHECK(tiles_cut > 100);
  CHECK(channels_cut > 100);
  // Large images of few channels are cut into tiles, small ones of many channels into channels.
  const Microkernels& micro = weir::kernels::microkernels(weir::Isa::portable);
  const auto grid = [&](std::int64_t channels, std::int64_t side, std::int64_t pieces) {
    const Sizes sizes(form<4, 1, 3>(), kernels_test::padded(channels, channels, 3), {1, channels, side, side}, micro);
    return sizes.share_out(sizes.down_ * sizes.across_, pieces);
  };
  CHECK(grid(16, 200, 4).tiles == 4);
  CHECK(grid(512, 4, 4).channels == 4);
}

TEST_CASE("Winograd's sizes: more work costs more") {
  for (const weir::Isa isa : conv2d_test::isas()) {
    const Microkernels& micro = weir::kernels::microkernels(isa);
    const auto sizes = [&](std::int64_t in, std::int64_t out, std::int64_t side) {
      return Sizes(form<4, 1, 3>(), kernels_test::padded(in, out, 3), {1, in, side, side}, micro);
    };
    for (const std::int64_t channels : {16, 64, 256})
      for (const std::int64_t side : {8, 28, 56}) {
        const Sizes layer = sizes(channels, channels, side);
        CHECK(layer.cost() > 0);
        CHECK(sizes(2 * channels, channels, side).cost() > layer.cost());
        CHECK(sizes(channels, 2 * channels, side).cost() > layer.cost());
        CHECK(sizes(channels, channels, 2 * side).cost() > layer.cost());
        CHECK(layer.input_cycles(40) == doctest::Approx(4 * layer.input_cycles(10)));
        for (std::int64_t tiles = 1; tiles < 40; ++tiles)
          CHECK(layer.output_cycles(tiles + 1) > layer.output_cycles(tiles));
        // One channel more takes a vector more, and no more than all of another block.
        const double one_more = sizes(channels, channels + 1, side).output_cycles(30);
        CHECK(one_more > layer.output_cycles(30));
        CHECK(one_more <= sizes(channels, channels + micro.width(), side).output_cycles(30));
      }
  }
}

}  // namespace WEIR_UNIT
