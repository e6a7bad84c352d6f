// Largest values of 8-bit blocks, and tables, on every instruction set against plain loops.
#include <doctest/doctest.h>

#include <random>
#include <utility>
#include <vector>
#include <weir/core/kernels/quantized/pool.hpp>

namespace {
namespace WEIR_UNIT {

using weir::Isa, weir::kernels::PoolParams, weir::kernels::WindowAxis;

TEST_CASE("The largest of each window of blocks is that of each channel as a plain tensor") {
  std::mt19937 random(7);
  const std::vector<PoolParams> windows = {{{3, 2, 1, 1, 1}, {3, 2, 1, 1, 1}, false, false},
                                           {{2, 1, 2, 0, 0}, {3, 1, 2, 2, 2}, false, false},
                                           {{1, 1, 1, 2, 2}, {5, 3, 1, 0, 0}, false, false},
                                           {{3, 1, 1, 3, 3}, {2, 2, 5, 7, 6}, false, false},
                                           {{2, 2, 1, 0, 1}, {9, 1, 40, 330, 0}, false, false}};
  constexpr std::int64_t H = 7;
  for (const PoolParams& p : windows)
    for (const bool is_signed : {false, true})
      for (const auto& size : {std::pair<std::int64_t, std::int64_t>{8, 11}, {16, 11}, {8, 700}, {16, 531}}) {
        const std::int64_t lanes = size.first, width = size.second;
        if (lanes > 4 && !weir::supported(Isa::avx2)) continue;
        const std::int64_t rows = (H + p.h.pad_begin + p.h.pad_end - p.h.extent()) / p.h.stride + 1;
        const std::int64_t columns = (width + p.w.pad_begin + p.w.pad_end - p.w.extent()) / p.w.stride + 1;
        std::vector<std::uint8_t> x(static_cast<std::size_t>(H * width * lanes));
        for (auto& v : x) v = static_cast<std::uint8_t>(random() % 256);
        std::vector<std::uint8_t> y(static_cast<std::size_t>(rows * columns * lanes), 1);
        weir::quantized::pool_max_rows(
            lanes, p, H, width, columns, {0, rows}, is_signed,
            [&](std::int64_t r) { return x.data() + r * width * lanes; },
            [&](std::int64_t r) { return y.data() + r * columns * lanes; });
        for (std::int64_t c = 0; c < lanes; ++c) {
          std::vector<std::uint8_t> plain, result(static_cast<std::size_t>(rows * columns)), right;
          for (std::int64_t i = 0; i < H * width; ++i) plain.push_back(x[static_cast<std::size_t>(i * lanes + c)]);
          weir::quantized::pool_max_rows(
              1, p, H, width, columns, {0, rows}, is_signed, [&](std::int64_t r) { return plain.data() + r * width; },
              [&](std::int64_t r) { return result.data() + r * columns; });
          for (std::int64_t i = 0; i < rows * columns; ++i) right.push_back(y[static_cast<std::size_t>(i * lanes + c)]);
          CHECK((result == right));
        }
      }
}

TEST_CASE("Tables give what they hold, whatever the length") {
  std::mt19937 random(9);
  weir::quantized::Table table{};
  for (auto& v : table) v = static_cast<std::uint8_t>(random() % 256);
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    const weir::Context context({.threads = 1, .isa = std::string(to_string(isa))});
    for (const std::int64_t n : {1, 31, 32, 300}) {
      std::vector<std::uint8_t> x, y(static_cast<std::size_t>(n)), right;
      for (std::int64_t i = 0; i < n; ++i) x.push_back(static_cast<std::uint8_t>(i));
      for (const std::uint8_t v : x) right.push_back(table[v]);
      weir::quantized::look_up(context, table, x.data(), n, y.data());
      CHECK((y == right));
    }
  }
}

}  // namespace WEIR_UNIT
}  // namespace
