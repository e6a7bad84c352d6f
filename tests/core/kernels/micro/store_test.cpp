#include <cstdint>
#include <random>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/micro/list.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

namespace {

constexpr float untouched = 12345.5F;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

TEST_CASE("micro-kernels: finished rows of any length leave as their formula says, over the residual or beside it") {
  std::mt19937 random(7);
  for (const weir::Isa isa : kernels_test::isas())
    for (std::int64_t columns = 0; columns < 45; ++columns)
      for (const int kind : {0, 1, 2}) {  // no residual; one apart; one that is y
        constexpr std::int64_t rows = 3;
        const std::int64_t ldt = columns + 2, ldy = columns + 5;
        const auto tile = kernels_test::noise(rows * ldt, random), bias = kernels_test::noise(rows, random),
                   residual = kernels_test::noise(rows * ldy, random);
        std::vector<float> y(at(rows * ldy), untouched);
        if (kind == 2) y = residual;
        const std::vector<float> before = y;
        const weir::kernels::Clamp clamp{-0.5F, 0.75F};
        weir::kernels::microkernels(isa).store_rows(tile.data(), ldt, rows, columns,
                                                    {bias.data(),
                                                     kind == 0   ? nullptr
                                                     : kind == 1 ? residual.data()
                                                                 : y.data(),
                                                     y.data(), ldy, clamp});
        bool right = true;
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t j = 0; j < ldy; ++j) {
            float v = before[at(r * ldy + j)];
            if (j < columns) {
              v = tile[at(r * ldt + j)] + bias[at(r)];
              if (kind > 0) v += residual[at(r * ldy + j)];
              v = clamp(v);
            }
            right = right && y[at(r * ldy + j)] == v;
          }
        INFO(weir::to_string(isa), ", ", columns, " columns");
        CHECK(right);
      }
}

TEST_CASE("micro-kernels: rows are transposed, and what is not named is not touched") {
  std::mt19937 random(8);
  for (const weir::Isa isa : kernels_test::isas()) {
    const auto& micro = weir::kernels::microkernels(isa);
    for (std::int64_t rows = 1; rows <= std::max(micro.lanes, micro.max_rows); ++rows)
      for (const std::int64_t columns : {0, 1, 3, 4, 5, 16, 23}) {
        const std::int64_t ldf = columns + 1, ldt = rows + 2;
        const auto from = kernels_test::noise(rows * ldf, random);
        std::vector<float> to(at(columns * ldt + 4), untouched);
        micro.transpose(from.data(), ldf, rows, columns, to.data(), ldt);
        bool right = true;
        for (std::int64_t i = 0; i < columns * ldt + 4; ++i) {
          const std::int64_t j = i / ldt, r = i % ldt;
          right = right && to[at(i)] == (j < columns && r < rows ? from[at(r * ldf + j)] : untouched);
        }
        INFO(weir::to_string(isa), ", ", rows, " by ", columns);
        CHECK(right);
      }
  }
}

}  // namespace WEIR_UNIT
