#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using weir::Shape, weir::kernels::Strides, weir::Tensor;

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

TEST_CASE("LoopNest: any rows of a walk over several tensors, axes merged where all allow it") {
  const std::vector<Shape> shapes = {{}, {1}, {6}, {2, 3}, {3, 1, 4}, {2, 3, 1, 4, 2}, {1, 1, 5}, {4, 3, 2, 2}};
  int merged = 0;
  for (const Shape& shape : shapes) {
    const Strides dense = weir::kernels::dense_strides(shape);
    Strides backwards{}, gaps{}, none{}, apart{};
    for (std::size_t i = 0; i < shape.rank(); ++i) {
      backwards[i] = -dense[i];
      gaps[i] = i + 1 == shape.rank() ? dense[i] : 2 * dense[i];
    }
    // No axis goes on where another ends.
    for (std::size_t i = shape.rank(), step = 3; i-- > 0; step *= 10) apart[i] = static_cast<std::int64_t>(step);
    for (const Strides& second : {dense, backwards, gaps, none, apart}) {
      const weir::kernels::LoopNest<2> nest(shape, {dense, second});
      // All elements, in order, by their offsets in both.
      std::vector<std::array<std::int64_t, 2>> wanted, walked;
      for (std::int64_t n = 0; n < shape.numel(); ++n) {
        std::array<std::int64_t, 2> at{};
        std::int64_t rest = n;
        for (std::size_t i = shape.rank(); i-- > 0; rest /= shape[i]) {
          at[0] += rest % shape[i] * dense[i];
          at[1] += rest % shape[i] * second[i];
        }
        wanted.push_back(at);
      }
      CAPTURE(shape);
      CHECK(nest.rows() * nest.row_length() == shape.numel());
      if (second == dense) CHECK(nest.rows() == 1);
      merged += nest.depth > 1 && nest.depth < shape.rank();
      for (std::int64_t first = 0; first <= nest.rows(); ++first)
        for (std::int64_t last = first; last <= nest.rows(); ++last) {
          walked.clear();
          nest.for_rows(first, last, [&](const std::array<std::int64_t, 2>& row) {
            for (std::int64_t i = 0; i < nest.row_length(); ++i)
              walked.push_back({row[0] + i * nest.row_stride(0), row[1] + i * nest.row_stride(1)});
          });
          const auto from = wanted.begin() + first * nest.row_length();
          CHECK(walked == std::vector(from, from + (last - first) * nest.row_length()));
        }
    }
  }
  CHECK(merged > 0);
}

TEST_CASE("strides: of a tensor, and of one that is stretched") {
  CHECK(weir::kernels::dense_strides({2, 3, 4}) == Strides{12, 4, 1});
  CHECK(weir::kernels::dense_strides({}) == Strides{});
  CHECK(weir::kernels::broadcast_strides({3, 1}, {2, 3, 4}) == Strides{0, 1, 0});
  CHECK(weir::kernels::broadcast_strides({2, 3, 4}, {2, 3, 4}) == Strides{12, 4, 1});
  CHECK(weir::kernels::broadcast_strides({}, {2, 3}) == Strides{});
}

}  // namespace WEIR_UNIT
