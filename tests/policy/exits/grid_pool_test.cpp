#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/policy/exits/grid_pool.hpp>

namespace WEIR_UNIT {

using weir::detail::GridPool, weir::Shape;

TEST_CASE("GridPool: PyTorch's adaptive average pooling") {
  std::ifstream file(WEIR_TEST_DIR "/vectors/exit_head.json");
  for (const auto& c : nlohmann::json::parse(file).at("pools")) {
    const auto dims = c.at("shape").get<std::vector<std::int64_t>>();
    const auto x = c.at("x").get<std::vector<float>>(), theirs = c.at("pooled").get<std::vector<float>>();
    const GridPool pool{c.at("grid")};
    REQUIRE(pool.size(Shape(dims)) == theirs.size());
    std::vector<float> ours(theirs.size());
    pool(x.data(), Shape(dims), ours.data());
    for (std::size_t i = 0; i < ours.size(); ++i) CHECK(ours[i] == doctest::Approx(theirs[i]).epsilon(1e-5));
  }
}

TEST_CASE("GridPool: means over cells, by their definition, for every small shape") {
  for (std::int64_t H = 1; H <= 9; ++H)
    for (std::int64_t W : {1, 3, 7, 16, 35})
      for (int grid = 1; grid <= std::min(H, W) && grid <= 4; ++grid) {
        const Shape shape{3, H, W};
        std::vector<float> x(static_cast<std::size_t>(shape.numel()));
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 37) % 101) - 20;
        std::vector<float> pooled(GridPool{grid}.size(shape));
        GridPool{grid}(x.data(), shape, pooled.data());
        std::size_t at = 0;
        for (std::int64_t c = 0; c < 3; ++c)
          for (int i = 0; i < grid; ++i)
            for (int j = 0; j < grid; ++j) {
              double sum = 0, count = 0;
              for (std::int64_t y = 0; y < H; ++y)
                for (std::int64_t z = 0; z < W; ++z)
                  if (y >= i * H / grid && y * grid < (i + 1) * H && z >= j * W / grid && z * grid < (j + 1) * W)
                    sum += static_cast<double>(x[static_cast<std::size_t>((c * H + y) * W + z)]), ++count;
              CHECK(pooled[at++] == doctest::Approx(sum / count).epsilon(1e-5));
            }
      }
  const std::vector<float> flat = {3, 1, 2};
  std::vector<float> out(3);
  GridPool{2}(flat.data(), Shape{3}, out.data());
  CHECK(out == flat);
  CHECK(GridPool{2}.size(Shape{3}) == 3);
}

TEST_CASE("GridPool: shapes that it cannot pool are refused") {
  CHECK_THROWS_AS((void)GridPool{3}.size(Shape{4, 2, 9}), weir::ShapeError);
  CHECK_THROWS_AS((void)GridPool{0}.size(Shape{4, 2, 9}), weir::ShapeError);
  CHECK_THROWS_AS((void)GridPool{1}.size(Shape{4, 0, 9}), weir::ShapeError);
  CHECK_THROWS_AS((void)GridPool{1}.size(Shape{0}), weir::ShapeError);
  CHECK_THROWS_AS((void)GridPool{1}.size(Shape{4, 4}), weir::ShapeError);
  CHECK_THROWS_AS((void)GridPool{1}.size(Shape{}), weir::ShapeError);
}

}  // namespace WEIR_UNIT
