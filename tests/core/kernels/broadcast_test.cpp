// combine, strided_copy, reduce and softmax: kernels that walk over tensors of any rank.
#include <algorithm>
#include <cmath>
#include <limits>
#include <weir/core/context.hpp>
#include <weir/core/kernels/elementwise/combine.hpp>
#include <weir/core/kernels/elementwise/reduce.hpp>
#include <weir/core/kernels/elementwise/softmax.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/exits/probabilities.hpp>

#include "kernels_test.hpp"

namespace WEIR_UNIT {

using weir::Shape, weir::kernels::Strides, weir::Tensor;

namespace {

/// Position in a tensor stretched to `to` of its element i.
std::size_t stretched(const Shape& from, const Shape& to, std::int64_t i) {
  std::int64_t at = 0, step = 1;
  for (std::size_t d = to.rank(); d-- > 0;) {
    const std::int64_t index = i % to[d];
    i /= to[d];
    if (d + from.rank() < to.rank()) continue;
    const std::int64_t length = from[d + from.rank() - to.rank()];
    at += (length == 1 ? 0 : index) * step;
    step *= length;
  }
  return static_cast<std::size_t>(at);
}

}  // namespace

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
        equal = equal && y.view().data[i] == a[stretched(p.a, p.y, i)] - b[stretched(p.b, p.y, i)];
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

TEST_CASE("strided_copy: transposes, reverses and stretches") {
  for (const weir::Context& c : kernels_test::contexts()) {
    const Shape s{7, 5, 90, 11};
    const Tensor x = kernels_test::numbers(s);
    const Strides from = weir::kernels::dense_strides(s);
    kernels_test::Fenced y(Shape{90, 11, 7, 5});
    const Strides permuted{from[2], from[3], from[0], from[1]};
    weir::kernels::strided_copy(c, y.view().shape, x.data(), permuted, y.view().data,
                                weir::kernels::dense_strides(y.view().shape));
    bool equal = true;
    for (std::size_t h = 0, i = 0; h < 90; ++h)
      for (std::size_t w = 0; w < 11; ++w)
        for (std::size_t n = 0; n < 7; ++n)
          for (std::size_t k = 0; k < 5; ++k, ++i)
            equal = equal && y.view().data[i] == x[((n * 5 + k) * 90 + h) * 11 + w];
    CHECK(equal);
    CHECK(y.fences_intact());
  }
  const Tensor row(Shape{3}, std::vector<float>{1, 2, 3});
  Tensor y(Shape{2, 3});
  weir::kernels::strided_copy(weir::Context(), y.shape(), row.data() + 2, Strides{0, -1}, y.data(), Strides{3, 1});
  CHECK(std::vector<float>(y.span().begin(), y.span().end()) == std::vector<float>{3, 2, 1, 3, 2, 1});
}

TEST_CASE("reduce: over any axes") {
  for (const weir::Context& c : kernels_test::contexts())
    for (const Shape& s : {Shape{3, 4, 5, 6}, Shape{2, 70, 7, 7}, Shape{1, 1, 1, 131}, Shape{3, 2, 1, 9}})
      for (unsigned mask = 0; mask < 16; ++mask) {
        CAPTURE(s);
        CAPTURE(mask);
        std::array<bool, Shape::max_rank> reduced{};
        Shape kept = s;
        for (std::size_t d = 0; d < 4; ++d) {
          reduced[d] = (mask >> d & 1U) != 0;
          if (reduced[d]) kept = kept.with(d, 1);
        }
        const Tensor x = kernels_test::numbers(s);
        std::vector<double> sum(static_cast<std::size_t>(kept.numel()), 0), largest(sum.size(), -1e30);
        for (std::int64_t i = 0; i < s.numel(); ++i) {
          const std::size_t to = stretched(kept, s, i);
          sum[to] += double{x[static_cast<std::size_t>(i)]};
          largest[to] = std::max(largest[to], double{x[static_cast<std::size_t>(i)]});
        }
        const auto count = static_cast<double>(s.numel() / kept.numel());
        kernels_test::Fenced mean(kept), most(kept);
        weir::kernels::reduce<weir::kernels::reductions::Mean>(c, x, reduced, mean.view().data);
        weir::kernels::reduce<weir::kernels::reductions::Max>(c, x, reduced, most.view().data);
        bool equal = true;
        for (std::size_t i = 0; i < sum.size(); ++i) {
          equal = equal && std::abs(double{mean.view().data[i]} - sum[i] / count) < 2e-6;
          equal = equal && double{most.view().data[i]} == largest[i];
        }
        CHECK(equal);
        CHECK(mean.fences_intact());
        CHECK(most.fences_intact());
      }
}

TEST_CASE("softmax: along rows and columns, of any size of numbers") {
  for (const weir::Context& c : kernels_test::contexts())
    for (const Shape& s :
         {Shape{3, 10, 1}, Shape{1, 1000, 1}, Shape{2, 1, 1}, Shape{2, 7, 35}, Shape{400, 17, 1}, Shape{1, 1, 3}})
      for (float offset : {0.0F, 1e4F, -1e4F}) {
        Tensor x = kernels_test::numbers(s);
        for (float& v : x.span()) v += offset;
        kernels_test::Fenced y(s), z(s);
        weir::kernels::softmax(c, x.data(), y.view().data, s[0], s[1], s[2], false);
        weir::kernels::softmax(c, x.data(), z.view().data, s[0], s[1], s[2], true);
        Tensor expected(s), logarithm(s);
        const auto length = static_cast<std::size_t>(s[1]), inner = static_cast<std::size_t>(s[2]);
        for (std::size_t o = 0; o < static_cast<std::size_t>(s[0]); ++o)
          for (std::size_t i = 0; i < inner; ++i) {
            const std::size_t first = o * length * inner + i;
            double sum = 0;
            for (std::size_t k = 0; k < length; ++k) sum += std::exp(double{x[first + k * inner]} - double{offset});
            for (std::size_t k = 0; k < length; ++k) {
              const double v = double{x[first + k * inner]} - double{offset};
              expected[first + k * inner] = static_cast<float>(std::exp(v) / sum);
              logarithm[first + k * inner] = static_cast<float>(v - std::log(sum));
            }
          }
        CHECK(kernels_test::relative_error(y.view(), expected, 1e-6) < 2e-6);
        CHECK(kernels_test::relative_error(z.view(), logarithm, 1) < 1e-6);
        CHECK(y.fences_intact());
        CHECK(z.fences_intact());
      }
}

}  // namespace WEIR_UNIT
