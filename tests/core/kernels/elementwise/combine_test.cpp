#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/kernels/elementwise/combine.hpp>
#include <weir/core/kernels/elementwise/reduce.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using weir::Shape, weir::Tensor;

TEST_CASE("combine: broadcasts as numpy does") {
  struct Pair {
    Shape a, b, y;
  };
  const std::vector<Pair> pairs = {{{2, 3, 4, 5}, {2, 3, 4, 5}, {2, 3, 4, 5}},
                                   {{2, 3, 4, 5}, {}, {2, 3, 4, 5}},
                                   {{}, {7}, {7}},
                                   {{2, 3, 4, 5}, {3, 1, 1}, {2, 3, 4, 5}},
                                   {{2, 3, 4, 5}, {5}, {2, 3, 4, 5}},
                                   {{2, 1, 4, 1}, {1, 3, 1, 5}, {2, 3, 4, 5}},
                                   {{1}, {2, 40}, {2, 40}},
                                   {{6, 1}, {1, 50}, {6, 50}},
                                   {{300, 50, 10}, {300, 1, 1}, {300, 50, 10}},
                                   {{0, 3}, {1, 3}, {0, 3}},
                                   {{1, 1}, {1, 1}, {1, 1}}};
  for (const weir::Context& c : kernels_test::contexts())
    for (const Pair& p : pairs) {
      CAPTURE(p.a);
      CAPTURE(p.b);
      const Tensor a = kernels_test::numbers(p.a, 1), b = kernels_test::numbers(p.b, 2);
      kernels_test::Fenced y(p.y);
      weir::kernels::combine<weir::kernels::combines::Sub>(c, a, b, y.view());
      bool equal = true;
      for (std::int64_t i = 0; i < p.y.numel(); ++i)
        equal = equal &&
                y.view().data[i] == a[kernels_test::stretched(p.a, p.y, i)] - b[kernels_test::stretched(p.b, p.y, i)];
      CHECK(equal);
      CHECK(y.fences_intact());
    }
}

TEST_CASE("combine: each operation") {
  const weir::Context c;
  Tensor a(Shape{3}, std::vector<float>{-2, 3, 0}), b(Shape{3}, std::vector<float>{2, 2, 2});
  Tensor y(Shape{3});
  const auto values = [&] { return std::vector<float>(y.span().begin(), y.span().end()); };
  weir::kernels::combine<weir::kernels::combines::Add>(c, a, b, y.view());
  CHECK(values() == std::vector<float>{0, 5, 2});
  weir::kernels::combine<weir::kernels::combines::Mul>(c, a, b, y.view());
  CHECK(values() == std::vector<float>{-4, 6, 0});
  weir::kernels::combine<weir::kernels::combines::Div>(c, a, b, y.view());
  CHECK(values() == std::vector<float>{-1, 1.5F, 0});
  weir::kernels::combine<weir::kernels::combines::Max>(c, a, b, y.view());
  CHECK(values() == std::vector<float>{2, 3, 2});
  weir::kernels::combine<weir::kernels::combines::Min>(c, a, b, y.view());
  CHECK(values() == std::vector<float>{-2, 2, 0});
  weir::kernels::combine<weir::kernels::combines::Pow>(c, a, b, y.view());
  CHECK(values() == std::vector<float>{4, 9, 0});
  weir::kernels::combine<weir::kernels::combines::PRelu>(c, a, b, y.view());
  CHECK(values() == std::vector<float>{-4, 3, 0});
}

TEST_CASE("combine, reduce: the larger and the smaller of two numbers; NaN where either is, wherever it lies") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto same = [](float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  for (const weir::Context& c : kernels_test::contexts())
    for (std::int64_t n = 1; n < 70; n += 3) {
      Tensor a = kernels_test::numbers({4, n}, 1), b = kernels_test::numbers({4, n}, 2);
      a.view().data[n / 2] = nan;
      b.view().data[n + n / 3] = nan;
      a.view().data[2 * n] = b.view().data[2 * n] = nan;
      Tensor larger(Shape{4, n}), smaller(Shape{4, n}), most(Shape{4}), least(Shape{n});
      weir::kernels::combine<weir::kernels::combines::Max>(c, a, b, larger.view());
      weir::kernels::combine<weir::kernels::combines::Min>(c, a, b, smaller.view());
      weir::kernels::reduce<weir::kernels::reductions::Max>(c, larger, {false, true}, most.view().data);
      weir::kernels::reduce<weir::kernels::reductions::Min>(c, smaller, {true, false}, least.view().data);
      bool equal = true;
      std::vector<float> expected_most(4, -1e30F), expected_least(static_cast<std::size_t>(n), 1e30F);
      for (std::int64_t i = 0; i < 4 * n; ++i) {
        const bool missing = std::isnan(a[static_cast<std::size_t>(i)]) || std::isnan(b[static_cast<std::size_t>(i)]);
        const float x = a[static_cast<std::size_t>(i)], z = b[static_cast<std::size_t>(i)];
        const float most_here = missing ? nan : std::max(x, z), least_here = missing ? nan : std::min(x, z);
        equal = equal && same(larger[static_cast<std::size_t>(i)], most_here) &&
                same(smaller[static_cast<std::size_t>(i)], least_here);
        float &row = expected_most[static_cast<std::size_t>(i / n)],
              &column = expected_least[static_cast<std::size_t>(i % n)];
        row = std::isnan(row) || missing ? nan : std::max(row, most_here);
        column = std::isnan(column) || missing ? nan : std::min(column, least_here);
      }
      for (std::size_t i = 0; i < 4; ++i) equal = equal && same(most[i], expected_most[i]);
      for (std::size_t i = 0; i < expected_least.size(); ++i) equal = equal && same(least[i], expected_least[i]);
      CAPTURE(n);
      CHECK(equal);
    }
}

}  // namespace WEIR_UNIT
